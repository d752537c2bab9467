import type { NotificationDocument } from '../../platform/mongo/notification-document.ts';
import type { Store } from '../../platform/mongo/store.ts';

/** Where a chore waits on beyond the time at which a run means to go on by itself. */
const wakeMarginMs = 10 * 60 * 1000;

/** The endpoints that have to be told something of this user, by id and in its order. */
export async function pendingEndpoints(store: Store, userId: string): Promise<string[]> {
  const found = await store.collections.notifications.distinct('endpoint', {
    userId,
    state: 'pending',
  });
  return found.toSorted();
}

/** What this endpoint has to be told of this user next: the first that it was not told; null: nothing. */
export async function nextPending(
  store: Store,
  userId: string,
  endpoint: string,
): Promise<NotificationDocument | null> {
  return store.collections.notifications.findOne(
    { userId, endpoint, state: 'pending' },
    { sort: { sequence: 1 } },
  );
}

/** A run waits until then and goes on by itself: no chore has to begin it before. */
export async function waitsUntil(
  store: Store,
  { userId, endpoint }: Pick<NotificationDocument, 'userId' | 'endpoint'>,
  nextAtMs: number,
): Promise<void> {
  const wakeAt = new Date(nextAtMs + wakeMarginMs);
  await store.collections.notifications.updateMany(
    { userId, endpoint, state: 'pending', wakeAt: { $lt: wakeAt } },
    { $set: { wakeAt } },
  );
}

/** The users for whom somebody should have begun to deliver and nobody did, the longest waiting first. */
export async function usersToWake(store: Store, at: Date, limit: number): Promise<string[]> {
  const found = await store.collections.notifications
    .find({ wakeAt: { $lte: at } })
    .sort({ wakeAt: 1 })
    .limit(limit)
    .project<{ userId: string }>({ userId: 1 })
    .toArray();
  return [...new Set(found.map(({ userId }) => userId))];
}

/** Delivery was begun for this user: the chore looks again in a minute, should that be lost too. */
export async function woken(store: Store, userId: string, at: Date): Promise<void> {
  await store.collections.notifications.updateMany(
    { userId, state: 'pending', wakeAt: { $lte: at } },
    { $set: { wakeAt: new Date(at.getTime() + 60_000) } },
  );
}
