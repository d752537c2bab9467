import { heartbeat } from '@temporalio/activity';

import type { HostMembership } from '../connectors/host-application.ts';
import type { Membership } from '../domain/membership.ts';
import type { Store } from '../platform/mongo/store.ts';
import { recordRevoked } from '../transitions/lifecycle/record-revoked.ts';
import { isObserving, type ActivityDeps } from './deps.ts';
import type { LookRequest } from './look.ts';

/** Thrown when something was still alive at the end of a pass: the next try makes another pass. */
export class NotVerifiedEmpty extends Error {
  override readonly name = 'NotVerifiedEmpty';
}

/**
 * Revokes every session, token and key of somebody whose access closed, and reads back until none is left.
 * Only then is it written down. Idempotent: what is revoked already is found revoked.
 */
export function createRevokeSessions(deps: ActivityDeps) {
  return async (input: LookRequest & { closing: number }): Promise<void> => {
    const membership = await deps.store.collections.memberships.findOne({
      _id: input.membershipId,
    });
    if (membership === null || membership.revokedClosings >= input.closing) return;
    const counts = await revokeAll(deps, membership);
    const observed = isObserving(deps);
    await recordRevoked(deps.store, membership._id, { closing: input.closing, counts, observed });
    const { closedReceivedAt } = membership;
    if (!observed && closedReceivedAt !== null)
      deps.onVerifiedEmpty(Date.now() - closedReceivedAt.getTime());
  };
}

async function revokeAll(
  deps: ActivityDeps,
  membership: Membership,
): Promise<Record<string, number>> {
  if (deps.host === null) return {};
  const report = await deps.host.revokeSessions(
    await hostMembership(deps.store, membership),
    deps.revocation,
    (progress) => heartbeat(progress),
  );
  if (!report.verifiedEmpty) throw new NotVerifiedEmpty('Sessions were still alive at the end.');
  return report.revoked;
}

/** Where a membership stands in the host application, and whether the user has no other one that is in. */
export async function hostMembership(
  store: Store,
  membership: Pick<Membership, '_id' | 'userId' | 'organizationId'>,
): Promise<HostMembership> {
  const other = await store.collections.memberships.findOne(
    { userId: membership.userId, _id: { $ne: membership._id }, 'access.state': 'open' },
    { projection: { _id: 1 } },
  );
  return {
    membershipId: membership._id,
    userId: membership.userId,
    organizationId: membership.organizationId,
    last: other === null,
  };
}
