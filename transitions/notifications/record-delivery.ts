import type { HostFile } from '../../domain/host-file.ts';
import { pauseAfter, type NotificationFailure } from '../../domain/notifications.ts';
import type { NotificationDocument } from '../../platform/mongo/notification-document.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { learnHostUserId } from './learn-host-user-id.ts';

const dayMs = 24 * 60 * 60 * 1000;
/** How long what is settled can be looked up. */
const keptMs = { delivered: 30 * dayMs, dead: 90 * dayMs } as const;

/** What came of one try. */
export interface Tried {
  /** The workflow's time. */
  nowMs: number;
  status: number | null;
}

/**
 * The tries that a result belongs to. A replay begins new ones: what a worker finds out that was frozen meanwhile is
 * about the former, and would end the replay before its endpoint was told anything.
 */
function sameRound({ _id, giveUpAt }: Pick<NotificationDocument, '_id' | 'giveUpAt'>) {
  return { _id, state: 'pending', giveUpAt } as const;
}

/** The endpoint was told. An id of its own for the user, which came back with the answer, is taken over. */
export async function recordDelivered(
  store: Store,
  file: Pick<HostFile, 'users'>,
  notification: NotificationDocument,
  { nowMs, status, hostUserId }: Tried & { hostUserId: string | null },
): Promise<void> {
  await inTransaction(store, async (tx) => {
    const { matchedCount } = await tx.collections.notifications.updateOne(
      sameRound(notification),
      {
        $set: {
          state: 'delivered',
          failure: null,
          status,
          nextAt: null,
          attemptedAt: new Date(nowMs),
          deliveredAt: new Date(nowMs),
          expiresAt: new Date(tx.at.getTime() + keptMs.delivered),
        },
        $inc: { attempts: 1 },
        $unset: { wakeAt: '', hostUserId: '' },
      },
      { session: tx.session },
    );
    if (matchedCount > 0 && hostUserId !== null) {
      await learnHostUserId(tx, file, notification, hostUserId);
    }
  });
}

/**
 * The endpoint could not be told. It is told again after a pause, before anything that came later, until three
 * days are over; a failure that is final is the last one.
 *
 * @returns `retryAtMs`: when it is tried again; null: not any more, it is a dead letter, or somebody else has
 *   settled it meanwhile
 */
export async function recordFailed(
  store: Store,
  notification: NotificationDocument,
  {
    nowMs,
    status,
    failure,
    retryAfterMs,
  }: Tried & { failure: NotificationFailure; retryAfterMs: number | null },
): Promise<{ isDead: boolean; retryAtMs: number | null }> {
  const { attempts, giveUpAt } = notification;
  const isDead = failure === 'gone' || nowMs >= giveUpAt.getTime();
  const nextAtMs = nowMs + pauseAfter(attempts + 1, retryAfterMs);
  const { matchedCount } = await store.collections.notifications.updateOne(
    sameRound(notification),
    {
      $set: {
        state: isDead ? 'dead' : 'pending',
        failure,
        status,
        attemptedAt: new Date(nowMs),
        nextAt: isDead ? null : new Date(nextAtMs),
        ...(isDead ? { expiresAt: new Date(Date.now() + keptMs.dead) } : {}),
      },
      $inc: { attempts: 1 },
      ...(isDead ? { $unset: { wakeAt: '' } } : {}),
    },
  );
  const isWritten = matchedCount > 0;
  return { isDead: isDead && isWritten, retryAtMs: isDead || !isWritten ? null : nextAtMs };
}
