import type { Store } from '../platform/mongo/store.ts';
import type { NotificationSignals } from '../platform/temporal/notification-signals.ts';
import { usersToWake, woken } from '../transitions/notifications/read-pending.ts';

const batchSize = 200;
const parallel = 10;

/**
 * Begins what nobody began to deliver within seconds: the signal after the commit was lost, or Temporal was
 * away, or its memory was. Double signals are harmless.
 *
 * Returns whether there may be more. Throws once Temporal takes no signal: the next round comes later.
 */
export async function startDeliveries(
  store: Store,
  signals: Pick<NotificationSignals, 'signal'>,
): Promise<boolean> {
  const at = new Date();
  const userIds = await usersToWake(store, at, batchSize);
  for (let from = 0; from < userIds.length; from += parallel) {
    await Promise.all(
      userIds.slice(from, from + parallel).map(async (userId) => {
        await signals.signal(userId);
        await woken(store, userId, at);
      }),
    );
  }
  return userIds.length > 0;
}
