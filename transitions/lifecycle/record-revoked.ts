import type { HostFile } from '../../domain/host-file.ts';
import type { Membership } from '../../domain/membership.ts';
import {
  pendingKinds,
  revocationOf,
  type RevocationFact,
  type RevocationOutcome,
} from '../../domain/revocation.ts';
import type { Store } from '../../platform/mongo/store.ts';
import type { Note } from '../membership/change-membership.ts';
import { recordStep } from './record-step.ts';

/**
 * What a pass of revocation found out, kind by kind, so that the next one asks only those that are not done.
 * The closing counts as revoked once every kind of the host file was read back empty. A file of nothing but
 * kinds that only expire, or of none, has nothing to read back: nobody looked, and nothing is called verified.
 *
 * @returns whether it was this that verified the closing
 */
export async function recordRevoked(
  store: Store,
  file: Pick<HostFile, 'sessions'>,
  membershipId: string,
  revoked: { closing: number; outcomes: readonly RevocationOutcome[] },
): Promise<boolean> {
  const { closing } = revoked;
  let verified = false;
  await recordStep(store, membershipId, (membership, note, at) => {
    verified = false;
    if (membership.revokedClosings >= closing) return;
    for (const outcome of revoked.outcomes) writeOutcome(membership, closing, outcome, note);
    if (pendingKinds(membership, file, closing).length > 0) return;
    writeExpiries(membership, file, { closing, at }, note);
    membership.revokedClosings = closing;
    if (nothingToReadBack(file)) return;
    note('sessionsVerifiedEmpty', countsOf(membership, file, closing));
    verified = true;
  });
  return verified;
}

function nothingToReadBack({ sessions }: Pick<HostFile, 'sessions'>): boolean {
  return sessions.every(({ connector }) => connector === 'jwt');
}

/** Whether writing it down would change nothing: a failure that is the same as before is no news. */
export function isKnown(
  membership: Pick<Membership, 'revocations'>,
  closing: number,
  outcome: RevocationOutcome,
): boolean {
  const before = revocationOf(membership, outcome.kind, closing);
  if (before === undefined || outcome.outcome !== 'failed') return false;
  return before.code === outcome.code && outcome.revoked === 0;
}

function writeOutcome(
  membership: Membership,
  closing: number,
  outcome: RevocationOutcome,
  note: Note,
): void {
  const { kind } = outcome;
  const before = revocationOf(membership, kind, closing);
  if (before?.outcome === 'verifiedEmpty') return;
  const revoked = (before?.revoked ?? 0) + outcome.revoked;
  const failed = outcome.outcome === 'failed';
  const stillFails = failed && before?.code === outcome.code;
  writeFact(membership, {
    kind,
    closing,
    outcome: outcome.outcome,
    revoked,
    at: stillFails ? before.at : outcome.at,
    expiresBy: null,
    code: failed ? outcome.code : null,
  });
  if (!failed) note('credentialsRevoked', { kind, revoked });
  else if (!stillFails) note('revocationFailed', { kind, code: outcome.code });
}

/**
 * Counted from the moment when nothing was left that could have renewed a token: until then the host
 * application may have issued one.
 */
function writeExpiries(
  membership: Membership,
  file: Pick<HostFile, 'sessions'>,
  { closing, at }: { closing: number; at: Date },
  note: Note,
): void {
  for (const source of file.sessions) {
    if (source.connector !== 'jwt') continue;
    const { kind, maxAgeMs } = source;
    const expiresBy = new Date(at.getTime() + maxAgeMs);
    writeFact(membership, {
      kind,
      closing,
      outcome: 'expiresBy',
      revoked: 0,
      at,
      expiresBy,
      code: null,
    });
    note('credentialsExpire', { kind, expiresBy: expiresBy.toISOString() });
  }
}

/** One fact for each kind; that of an earlier closing says nothing any more. */
function writeFact(membership: Membership, fact: RevocationFact): void {
  const others = (membership.revocations ?? []).filter(({ kind }) => kind !== fact.kind);
  membership.revocations = [...others, fact];
}

function countsOf(
  membership: Membership,
  file: Pick<HostFile, 'sessions'>,
  closing: number,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind, connector } of file.sessions) {
    const fact = revocationOf(membership, kind, closing);
    if (connector !== 'jwt' && fact !== undefined) counts[kind] = fact.revoked;
  }
  return counts;
}
