import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';

import { searchAttributeNames } from '../domain/messages.ts';
import type { Blocker, Phase } from '../domain/words.ts';

/** What people see in the Temporal UI: which membership is where, until when, and why. No personal data. */
export interface Shown {
  phase: Phase;
  blockedBy: Blocker[];
  dueAtMs: number | null;
}

const phaseKey = { name: searchAttributeNames.phase, type: 'KEYWORD' } as const;
const dueAtKey = { name: searchAttributeNames.dueAt, type: 'DATETIME' } as const;
const blockedByKey = { name: searchAttributeNames.blockedBy, type: 'KEYWORD_LIST' } as const;

/**
 * Writes the search attributes when cooling-off or a block begins and when a run ends, if they say
 * something else, and no oftener: each write is an action of its own, and short phases are over before
 * anybody searches for them.
 *
 * Only what is there is taken away: Temporal would show a missing time that it is told to forget as 1970, and
 * an empty list as a list of one empty text.
 */
export function showPhase(shown: Shown): void {
  if (alreadyShown(shown)) return;
  const { typedSearchAttributes: before } = workflowInfo();
  const dueAt = shown.dueAtMs === null ? null : new Date(shown.dueAtMs);
  const blockedBy = shown.blockedBy.length === 0 ? null : codesOf(shown);
  upsertSearchAttributes([
    { key: phaseKey, value: shown.phase },
    ...(dueAt === null && before.get(dueAtKey) === undefined
      ? []
      : [{ key: dueAtKey, value: dueAt }]),
    ...(blockedBy === null && before.get(blockedByKey) === undefined
      ? []
      : [{ key: blockedByKey, value: blockedBy }]),
  ]);
}

function codesOf({ blockedBy }: Shown): string[] {
  return blockedBy.map(({ code }) => code);
}

/** A run that continues an earlier one carries its attributes. */
function alreadyShown(shown: Shown): boolean {
  const { typedSearchAttributes } = workflowInfo();
  return (
    typedSearchAttributes.get(phaseKey) === shown.phase &&
    typedSearchAttributes.get(dueAtKey)?.getTime() === (shown.dueAtMs ?? undefined) &&
    String(typedSearchAttributes.get(blockedByKey) ?? []) === String(codesOf(shown))
  );
}

/** The state in words, on top of the run's page. */
export function showDetails(shown: Shown): void {
  setCurrentDetails(inWords(shown));
}

/** For example: `cooling off until 2027-02-20`. */
export function inWords({ phase, blockedBy, dueAtMs }: Shown): string {
  const due = dueAtMs === null ? '' : new Date(dueAtMs).toISOString();
  switch (phase) {
    case 'joining':
      return 'joining: provisioning, then access opens';
    case 'settled':
      return 'settled: nothing is pending';
    case 'closingAccess':
      return 'access is closed; sessions, tokens and keys are being revoked';
    case 'transferring':
      return 'ownership of resources is being transferred';
    case 'coolingOff':
      return `cooling off until ${due.slice(0, 10)} (${due})`;
    case 'retained':
      return 'retained: the deletion was cancelled by an admin';
    case 'blocked':
      return `blocked by ${blockedBy.map(({ code, detail }) => `${code} ${detail}`.trim()).join(', ')}`;
    case 'anonymizing':
      return 'past the commit point: being anonymized';
    case 'anonymized':
      return 'anonymized';
  }
}
