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

export interface HoldRequest {
  scope: HoldDocument['scope'];
  kind: HoldKind;
  reason: string | null;
  by: string;
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
      kind: request.kind,
      reasonId: await keepReason(tx, request.reason, personOf(request.scope)),
      createdBy: request.by,
      createdAt: tx.at,
      releasedBy: null,
      releasedAt: null,
    };
    await tx.collections.holds.insertOne(hold, { session: tx.session });
    await makeLook(tx, hold, { type: 'holdPlaced', by: request.by, reasonId: hold.reasonId });
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
    const reasonId = await keepReason(tx, request.reason, personOf(found.scope));
    await makeLook(tx, released, { type: 'holdReleased', by: request.by, reasonId });
    return released;
  });
}

/** A reason for holding a person's data is about the person, and goes with them. */
function personOf(scope: HoldDocument['scope']): { userId: string } | null {
  return 'userId' in scope ? { userId: scope.userId } : null;
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

/**
 * The lifecycles that the hold concerns look again: a user's at once, a whole organization in batches. A
 * hold on a resource is seen by whoever comes to commit; its release reaches those that it blocked.
 */
async function makeLook(
  tx: Transaction,
  hold: HoldDocument,
  line: { type: 'holdPlaced' | 'holdReleased'; by: string; reasonId: string | null },
): Promise<void> {
  if ('organizationId' in hold.scope) {
    await raiseOrganization(tx, hold.scope.organizationId);
    return;
  }
  const concerned =
    'userId' in hold.scope
      ? { userId: hold.scope.userId }
      : { phase: 'blocked' as const, 'blockedBy.detail': hold._id };
  const memberships = await tx.collections.memberships
    .find(concerned, { session: tx.session })
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
  for (const { _id } of memberships) {
    await changeMembership(tx, _id, { actor: `admin:${line.by}` }, (membership, note) => {
      if (isCommitted(membership)) return;
      note(line.type, { holdId: hold._id, kind: hold.kind }, line.reasonId);
    });
  }
}
