import { Refusal } from '../../domain/errors.ts';
import type { HoldDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { letConcernedLook, lockScope, personOf } from './hold-scope.ts';
import { keepReason } from '../reasons.ts';

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
    await letConcernedLook(tx, released, { type: 'holdReleased', by: request.by, reasonId });
    return released;
  });
}
