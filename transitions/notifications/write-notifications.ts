import type { Membership } from '../../domain/membership.ts';
import { notificationsOf, triedForMs, type NotificationData } from '../../domain/notifications.ts';
import { newId } from '../../platform/ids.ts';
import type { NotificationDocument } from '../../platform/mongo/notification-document.ts';
import type { Transaction } from '../../platform/mongo/store.ts';

/** A line of the timeline that the change writes. */
type Line = readonly [
  type: string,
  detail?: NotificationData | undefined,
  reasonId?: string | null | undefined,
];

/** Delivery begins right after the commit; a chore begins it where that was lost. */
const wokenWithinMs = 10_000;

/**
 * Writes down what the host application is to be told of a change, in the transaction of the change: one
 * document for each notification and endpoint that asked for it.
 *
 * The sequence is taken under the user's fence, and not from the membership's revision: two memberships of one
 * user may change at once, and the host application has one user. Whoever commits later waits for that fence
 * and has the higher number, so a delivery that finds a number has all lower ones before it.
 */
export async function writeNotifications(
  tx: Transaction,
  before: Membership,
  membership: Membership,
  lines: readonly Line[],
): Promise<void> {
  const { telling, fences } = tx.store;
  const told = notificationsOf(
    before,
    membership,
    lines.map(([type, detail]) => ({ type, detail: detail ?? {} })),
  ).flatMap(({ type, data }) => {
    const endpoints = telling.endpointsFor(type);
    return endpoints.length === 0 ? [] : [{ type, data, endpoints }];
  });
  if (told.length === 0) return;
  const { _id: membershipId, userId, organizationId } = membership;
  const last = await fences.user(tx, userId, told.length);
  const documents = told.flatMap(({ type, data, endpoints }, index) =>
    endpoints.map((endpoint): NotificationDocument => ({
      _id: newId('notification'),
      endpoint,
      type,
      userId,
      organizationId,
      membershipId,
      sequence: last - told.length + 1 + index,
      at: tx.at,
      data,
      state: 'pending',
      attempts: 0,
      attemptedAt: null,
      failure: null,
      status: null,
      nextAt: null,
      giveUpAt: new Date(tx.at.getTime() + triedForMs),
      wakeAt: new Date(tx.at.getTime() + wokenWithinMs),
      deliveredAt: null,
    })),
  );
  await tx.collections.notifications.insertMany(documents, { session: tx.session });
  tx.toldUsers.add(userId);
}
