#!/bin/sh
# Makes the namespace and registers what Tenure's workflows write about themselves. The search attributes hold ids,
# words and times, never personal data. All of it may be repeated.
set -eu

until temporal operator cluster health; do sleep 2; done

temporal operator namespace describe -n "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create -n "$TEMPORAL_NAMESPACE" --retention "$RETENTION"

# A new namespace reaches the frontend's cache after some seconds.
attempts=0
until temporal operator search-attribute create -n "$TEMPORAL_NAMESPACE" \
  --name TenurePhase --type Keyword \
  --name TenureOrganizationId --type Keyword \
  --name TenureDueAt --type Datetime \
  --name TenureBlockedBy --type KeywordList; do
  attempts=$((attempts + 1))
  [ "$attempts" -lt 30 ] || exit 1
  sleep 2
done
