#!/bin/bash
# Starts mongod as a member of the replica set `rs0`. A replica set with users needs a key file that only mongod
# may read; the key comes from a Compose secret, whose file mode cannot be chosen, so it is copied here.
set -euo pipefail

install -m 0400 -o mongodb -g mongodb /run/secrets/mongodb_replica_key /tmp/replica-key

# slowOpSampleRate 0 with the profiler off: slow-query lines print whole documents, which are personal data.
# noscripting: nothing uses JavaScript inside the server.
# transactionLifetimeLimitSeconds: a killed process leaves its open transactions and their locks behind, by default
# for a minute, in which events about the same person or organization are answered 503.
exec docker-entrypoint.sh mongod \
  --replSet rs0 --bind_ip_all --keyFile /tmp/replica-key \
  --profile 0 --slowOpSampleRate 0 --noscripting \
  --setParameter transactionLifetimeLimitSeconds=5 \
  "$@"
