import { ApplicationFailure, heartbeat } from '@temporalio/activity';

import type { CredentialSource } from '../connectors/credential-source.ts';
import type { HostMembership } from '../connectors/host-application.ts';
import {
  countEverywhere,
  revokeEverywhere,
  type PassOutcome,
} from '../connectors/revoke-everywhere.ts';
import type { Membership } from '../domain/membership.ts';
import type { RevokedElsewhere } from '../domain/messages.ts';
import { pendingKinds, type RevocationOutcome } from '../domain/revocation.ts';
import type { Store } from '../platform/mongo/store.ts';
import { isKnown, recordRevoked } from '../transitions/lifecycle/record-revoked.ts';
import { recordWouldRevoke } from '../transitions/lifecycle/record-would-revoke.ts';
import { hostUserIdOf } from '../transitions/notifications/host-user-ids.ts';
import { isObserving, type ActivityDeps } from './deps.ts';
import { fencedSource } from './fenced-source.ts';
import type { LookRequest } from './look.ts';

/** Thrown when something is not verified gone at the end of a pass: the next try makes another pass. */
export class NotVerifiedEmpty extends Error {
  override readonly name = 'NotVerifiedEmpty';
}

/**
 * Revokes every session, token and key of somebody whose access closed, in all sources at the same time, and
 * reads back until none is left. Each kind is written down by itself, so that a repetition only asks those
 * that are not done; it fails until all are. Idempotent: what is revoked already is found revoked.
 */
export function createRevokeSessions(deps: ActivityDeps) {
  return async (input: LookRequest & { closing: number }): Promise<void> => {
    const { store } = deps;
    const membership = await store.collections.memberships.findOne({ _id: input.membershipId });
    if (membership === null || membership.revokedClosings >= input.closing) return;
    const whose = await hostMembership(store, membership);
    if (isObserving(deps)) {
      const counts = await countEverywhere(sourcesOf(deps), whose, deps.revocation);
      await recordWouldRevoke(store, membership._id, { closing: input.closing, counts });
      return;
    }
    const outcomes = await revokePending(deps, membership, whose);
    await writeDown(deps, membership, outcomes);
    const failed = outcomes.filter(({ outcome }) => outcome === 'failed');
    if (failed.length > 0) throw failureOfPass(failed);
  };
}

/**
 * Writes down what came of a kind that an activity of the host application ends: the workflow has called it.
 */
export function createRecordRevokedElsewhere(deps: ActivityDeps) {
  return async ({
    membershipId,
    closing,
    kind,
    revoked,
    code,
  }: RevokedElsewhere): Promise<void> => {
    const { memberships } = deps.store.collections;
    const membership = await memberships.findOne({ _id: membershipId });
    if (membership === null || membership.closings !== closing) return;
    const known = { kind, revoked, at: new Date() };
    await writeDown(deps, membership, [
      code === null
        ? { ...known, outcome: 'verifiedEmpty' }
        : { ...known, outcome: 'failed', code },
    ]);
  };
}

/** One pass over the sources that are not done. A kind whose connector is not configured fails: nothing ends it. */
async function revokePending(
  deps: ActivityDeps,
  membership: Membership,
  whose: HostMembership,
): Promise<PassOutcome[]> {
  const { closings: closing } = membership;
  const kinds = pendingKinds(membership, deps.file, closing).filter(
    (kind) => !isElsewhere(deps, kind),
  );
  const sources = sourcesOf(deps).filter(({ kind }) => kinds.includes(kind));
  const missing = kinds.filter((kind) => sources.every((source) => source.kind !== kind));
  const fenced = sources.map((source) => fencedSource(deps.store, membership._id, source));
  const outcomes = await revokeEverywhere(fenced, whose, {
    closing,
    policy: deps.revocation,
    beat: (progress) => heartbeat(progress),
  });
  const at = new Date();
  return [
    ...outcomes,
    ...missing.map((kind): PassOutcome => {
      return { kind, outcome: 'failed', revoked: 0, at, code: 'notConfigured', retryAfterMs: null };
    }),
  ];
}

/** Writes only what is news: a source that is away for hours must not write a line at every try. */
async function writeDown(
  deps: ActivityDeps,
  membership: Membership,
  outcomes: readonly RevocationOutcome[],
): Promise<void> {
  const { closings: closing, closedReceivedAt } = membership;
  const news = outcomes.filter((outcome) => !isKnown(membership, closing, outcome));
  const done = outcomes.filter(({ outcome }) => outcome === 'verifiedEmpty');
  const isLast = pendingKinds(membership, deps.file, closing).every((pending) =>
    done.some(({ kind }) => kind === pending),
  );
  if (news.length === 0 && !isLast) return;
  const verified = await recordRevoked(deps.store, deps.file, membership._id, {
    closing,
    outcomes: news,
  });
  if (verified && closedReceivedAt !== null)
    deps.onVerifiedEmpty(Date.now() - closedReceivedAt.getTime());
}

/** Where every failing source asks for patience, the next try waits for the first of them. */
function failureOfPass(failed: readonly PassOutcome[]): Error {
  const patience = failed.map(({ retryAfterMs }) => retryAfterMs).filter((ms) => ms !== null);
  const kinds = failed.map((each) => `${each.kind} ${each.outcome === 'failed' ? each.code : ''}`);
  const message = `Not verified gone: ${kinds.join(', ')}`;
  if (patience.length < failed.length) return new NotVerifiedEmpty(message);
  return ApplicationFailure.create({
    message,
    type: 'NotVerifiedEmpty',
    nextRetryDelay: Math.max(1, Math.min(...patience)),
  });
}

function sourcesOf({ host, outsideSources }: ActivityDeps): CredentialSource[] {
  return [...(host?.credentialSources ?? []), ...(outsideSources ?? [])];
}

function isElsewhere({ file }: ActivityDeps, kind: string): boolean {
  return file.sessions.some((source) => source.kind === kind && source.connector === 'temporal');
}

/** Where a membership stands in the host application, and whether the user has no other one that is in. */
export async function hostMembership(
  store: Store,
  membership: Pick<Membership, '_id' | 'userId' | 'organizationId' | 'closingReason'>,
): Promise<HostMembership> {
  const other = await store.collections.memberships.findOne(
    { userId: membership.userId, _id: { $ne: membership._id }, 'access.state': 'open' },
    { projection: { _id: 1 } },
  );
  const userId = await hostUserIdOf(store, membership.userId);
  return {
    membershipId: membership._id,
    userId,
    ...(userId === membership.userId ? {} : { otherUserId: membership.userId }),
    organizationId: membership.organizationId,
    last: other === null,
    reason: membership.closingReason ?? 'leaving',
  };
}
