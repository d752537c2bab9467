import type { Transaction } from '../../platform/mongo/store.ts';
import { fingerprintOf } from '../notifications/host-user-ids.ts';

/**
 * The host application's own id of a user goes with the last of their erasures: until then it is what their rows
 * there are found by. Only what is still to be told of them carries it, since the host application knows them by no
 * other; it goes from there with the delivery.
 */
export async function forgetHostUserId(tx: Transaction, userId: string): Promise<void> {
  const { session } = tx;
  const { users, gate, memberships, notifications } = tx.collections;
  // Two erasures of one user that end at once would each see the other one still under way.
  await tx.store.fences.user(tx, userId);
  const needed = await memberships.findOne(
    { userId, 'erasure.completedAt': null },
    { session, projection: { _id: 1 } },
  );
  if (needed !== null) return;
  const user = await users.findOne({ _id: userId }, { session, projection: { hostUserId: 1 } });
  if (user?.hostUserId === undefined) return;
  const { hostUserId } = user;
  await notifications.updateMany(
    { userId, state: { $in: ['pending', 'dead'] } },
    { $set: { hostUserId } },
    { session },
  );
  await users.updateOne(
    { _id: userId },
    { $set: { formerHostUserId: fingerprintOf(hostUserId) }, $unset: { hostUserId: '' } },
    { session },
  );
  await gate.updateMany({ userIds: userId, userId }, { $set: { userIds: [userId] } }, { session });
}
