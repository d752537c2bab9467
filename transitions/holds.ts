import type { ClientSession } from 'mongodb';

import { Refusal } from '../domain/errors.ts';
import { isCommitted, type Membership } from '../domain/membership.ts';
import type { HoldKind } from '../domain/words.ts';
import { newId } from '../platform/ids.ts';
import type { HoldDocument } from '../platform/mongo/documents.ts';
import { resourceHoldsFence } from '../platform/mongo/fences.ts';
import type { Store, Transaction } from '../platform/mongo/store.ts';
import { inTransaction } from '../platform/mongo/transaction.ts';
import { changeMembership } from './change-membership.ts';
import { raiseOrganization } from './raise-memberships.ts';
import { keepReason } from './reasons.ts';

/** The holds that cover a membership and are not released: on its user, its organization, or a resource of theirs. */
export async function activeHolds(
  store: Store,
  membership: Pick<Membership, '_id' | 'userId' | 'organizationId'>,
  session?: ClientSession,
): Promise<HoldDocument[]> {
  const options = session === undefined ? {} : { session };
  return store.collections.holds
    .find(
      {
        releasedAt: null,
        $or: [
          { 'scope.userId': membership.userId },
          { 'scope.organizationId': membership.organizationId },
          { ownerUserIds: membership.userId },
        ],
      },
      options,
    )
    .toArray();
}

export interface HoldRequest {
  scope: HoldDocument['scope'];
  kind: HoldKind;
  reason: string | null;
  by: string;
  /** For a hold on a resource: the users whose erasure it stops, as the host application tells them. */
  ownerUserIds?: string[];
}

/**
 * Places a legal, audit or investigation hold. From the commit of this transaction on nothing irreversible
 * happens to what it covers; it never stops a revocation.
 *
 * It writes the fence that every commit of an erasure writes too: of a hold and an erasure at once, one
 * waits for the other and sees it.
 *
 * @throws Refusal `erasureStarted` where a hold on a user comes after the commit point of their last membership.
 */
export async function placeHold(store: Store, request: HoldRequest): Promise<HoldDocument> {
  return inTransaction(store, async (tx) => {
    await lockScope(tx, request.scope);
    if ('userId' in request.scope) await refuseAfterCommit(tx, request.scope.userId);
    const hold: HoldDocument = {
      _id: newId('hold'),
      scope: request.scope,
      ownerUserIds: request.ownerUserIds ?? [],
      kind: request.kind,
      reasonId: await keepReason(tx, request.reason, null),
      createdBy: request.by,
      createdAt: tx.at,
      releasedBy: null,
      releasedAt: null,
    };
    await tx.collections.holds.insertOne(hold, { session: tx.session });
    await makeLook(tx, hold, 'holdPlaced', request.by);
    return hold;
  });
}

/**
 * Releases a hold; lifecycles that it blocked go on.
 *
 * @throws Refusal `notFound`, or `holdReleased` if it was released before.
 */
export async function releaseHold(
  store: Store,
  request: { holdId: string; by: string; reason: string | null },
): Promise<HoldDocument> {
  return inTransaction(store, async (tx) => {
    const { session } = tx;
    const found = await tx.collections.holds.findOne({ _id: request.holdId }, { session });
    if (found === null) throw new Refusal('notFound', 'There is no such hold.');
    if (found.releasedAt !== null) {
      throw new Refusal('holdReleased', 'The hold was released before.');
    }
    await lockScope(tx, found.scope);
    const released: HoldDocument = { ...found, releasedAt: tx.at, releasedBy: request.by };
    await tx.collections.holds.replaceOne({ _id: found._id }, released, { session });
    await keepReason(tx, request.reason, null);
    await makeLook(tx, released, 'holdReleased', request.by);
    return released;
  });
}

async function lockScope(tx: Transaction, scope: HoldDocument['scope']): Promise<void> {
  if ('userId' in scope) await tx.store.fences.user(tx, scope.userId);
  else if ('organizationId' in scope) await tx.store.fences.organization(tx, scope.organizationId);
  else await tx.store.fences.keys(tx, [resourceHoldsFence]);
}

async function refuseAfterCommit(tx: Transaction, userId: string): Promise<void> {
  const memberships = await tx.collections.memberships
    .find({ userId }, { session: tx.session })
    .toArray();
  if (memberships.length === 0) throw new Refusal('notFound', 'There is no such user.');
  if (memberships.every(isCommitted)) {
    throw new Refusal('erasureStarted', 'The erasure of this user has begun and cannot be held.');
  }
}

/** The lifecycles that the hold concerns look again: a few at once, a whole organization in batches. */
async function makeLook(
  tx: Transaction,
  hold: HoldDocument,
  line: 'holdPlaced' | 'holdReleased',
  by: string,
): Promise<void> {
  if ('organizationId' in hold.scope) {
    await raiseOrganization(tx, hold.scope.organizationId);
    return;
  }
  const userIds = 'userId' in hold.scope ? [hold.scope.userId] : hold.ownerUserIds;
  const memberships = await tx.collections.memberships
    .find({ userId: { $in: userIds } }, { session: tx.session })
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
  for (const { _id } of memberships) {
    await changeMembership(tx, _id, { actor: `admin:${by}` }, (membership, note) => {
      if (!isCommitted(membership)) note(line, { holdId: hold._id, kind: hold.kind });
    });
  }
}
