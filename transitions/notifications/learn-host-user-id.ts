import type { Membership } from '../../domain/membership.ts';
import { keyLock } from '../../platform/ids.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { noticeOnce } from '../notice.ts';

/**
 * The host application has an id of its own for the user and said so: from now on Tenure calls the user by it
 * towards the host application, and the gate knows it. Said once, it stays: another one, or one that is
 * somebody else's, is not taken, and an admin is told.
 */
export async function learnHostUserId(
  tx: Transaction,
  { userId, organizationId }: Pick<Membership, 'userId' | 'organizationId'>,
  hostUserId: string,
): Promise<void> {
  const { session } = tx;
  const { users, gate } = tx.collections;
  if (hostUserId === userId) return;
  await tx.store.fences.user(tx, userId);
  await tx.store.fences.keys(tx, [keyLock('hostUserIds', hostUserId)]);
  const user = await users.findOne({ _id: userId }, { session, projection: { hostUserId: 1 } });
  if (user === null || user.hostUserId === hostUserId) return;
  const holder = await users.findOne(
    { $or: [{ _id: hostUserId }, { hostUserId }] },
    { session, projection: { _id: 1 } },
  );
  if (user.hostUserId !== undefined || holder !== null) {
    await noticeOnce(tx, 'hostUserIdDiffers', { organizationId, subjectId: userId });
    return;
  }
  await users.updateOne({ _id: userId }, { $set: { hostUserId } }, { session });
  await gate.updateMany({ userId }, { $set: { hostUserId } }, { session });
}
