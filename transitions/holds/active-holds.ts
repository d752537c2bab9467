import type { ClientSession } from 'mongodb';

import type { Membership } from '../../domain/membership.ts';
import type { HoldDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';

/** The holds on the user or the organization of a membership that are not released. */
export async function activeHolds(
  store: Store,
  membership: Pick<Membership, 'userId' | 'organizationId'>,
  session?: ClientSession,
): Promise<HoldDocument[]> {
  const { userId, organizationId } = membership;
  const covering = [{ 'scope.userId': userId }, { 'scope.organizationId': organizationId }];
  return store.collections.holds
    .find({ releasedAt: null, $or: covering }, session === undefined ? {} : { session })
    .toArray();
}

/** A hold on one resource of the host application. */
export type ResourceHold = HoldDocument & { scope: { resource: { kind: string; id: string } } };

/**
 * Every hold on a resource that is not released. Whose resource it is only the host application knows, so
 * the check of conditions asks it, and a commit is refused while any of these was not asked about.
 */
export async function activeResourceHolds(
  store: Store,
  session?: ClientSession,
): Promise<ResourceHold[]> {
  const holds = await store.collections.holds
    .find(
      { releasedAt: null, 'scope.resource': { $exists: true } },
      session === undefined ? {} : { session },
    )
    .toArray();
  return holds.filter(isResourceHold);
}

function isResourceHold(hold: HoldDocument): hold is ResourceHold {
  return 'resource' in hold.scope;
}
