import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { notice } from '../notice.ts';

/**
 * WorkOS refuses to reactivate an organization membership of somebody who was let in again: it is asked for again
 * after `pauseMs`, and told of, once for each return. What another worker wrote down meanwhile stays.
 *
 * @param id WorkOS's id of the organization membership
 */
export async function refuseReactivation(store: Store, id: string, pauseMs: number): Promise<void> {
  await inTransaction(store, async (tx) => {
    const { authkitMemberships, memberships } = tx.collections;
    // Written by the transaction that tells of it: of two workers one comes too late, and finds nothing to do.
    const before = await authkitMemberships.findOneAndUpdate(
      { _id: id, reactivateSince: { $exists: true, $lte: tx.at } },
      { $set: { reactivateSince: new Date(tx.at.getTime() + pauseMs), refusedAt: tx.at } },
      { session: tx.session, returnDocument: 'before' },
    );
    if (before === null || before.refusedAt !== undefined) return;
    const { membershipId } = before;
    const membership = await memberships.findOne(
      { _id: membershipId },
      { session: tx.session, projection: { organizationId: 1 } },
    );
    if (membership === null) return;
    const { organizationId } = membership;
    await notice(tx, 'reactivationRefused', { organizationId, subjectId: membershipId });
  });
}
