import { Refusal } from '../../domain/errors.ts';
import { isCommitted } from '../../domain/membership.ts';
import type { HoldKind } from '../../domain/words.ts';
import { newId } from '../../platform/ids.ts';
import type { HoldDocument } from '../../platform/mongo/documents.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { letConcernedLook, lockScope, personOf } from './hold-scope.ts';
import { keepReason } from '../reasons.ts';

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
    await letConcernedLook(tx, hold, {
      type: 'holdPlaced',
      by: request.by,
      reasonId: hold.reasonId,
    });
    return hold;
  });
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
