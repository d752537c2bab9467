import { Refusal } from '../../domain/errors.ts';
import { triedForMs } from '../../domain/notifications.ts';
import type { NotificationDocument } from '../../platform/mongo/notification-document.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { keepReason } from '../reasons.ts';

/**
 * An admin has a notification delivered once more, with the same id: a dead letter, or one that the host
 * application lost after it had taken it. It is tried for three days again, before everything later that its
 * endpoint was not told yet. What was told meanwhile stays told: the sequence says which came first.
 *
 * @throws Refusal `notFound`, `stillPending` where it is being delivered
 */
export async function replayNotification(
  store: Store,
  { id, by, reason }: { id: string; by: string; reason: string | null },
): Promise<NotificationDocument> {
  return inTransaction(store, async (tx) => {
    const { notifications } = tx.collections;
    const found = await notifications.findOne({ _id: id }, { session: tx.session });
    if (found === null) throw new Refusal('notFound', 'There is no such notification.');
    if (found.state === 'pending') {
      throw new Refusal('stillPending', 'The notification is still being delivered.');
    }
    const reasonId = await keepReason(tx, reason, { membershipId: found.membershipId });
    const { expiresAt: _kept, ...rest } = found;
    const replayed: NotificationDocument = {
      ...rest,
      state: 'pending',
      attempts: 0,
      failure: null,
      status: null,
      nextAt: null,
      deliveredAt: null,
      giveUpAt: new Date(tx.at.getTime() + triedForMs),
      wakeAt: tx.at,
      replayed: { by, at: tx.at, reasonId },
    };
    await notifications.replaceOne({ _id: id }, replayed, { session: tx.session });
    tx.toldUsers.add(found.userId);
    return replayed;
  });
}
