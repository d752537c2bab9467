import type { Membership } from '../../domain/membership.ts';
import { keyLock } from '../../platform/ids.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { noticeOnce } from '../notice.ts';

/** Whoever takes an id for one of the host application's own waits for whoever does the same. */
export function hostUserIdLock(hostUserId: string): string {
  return keyLock('hostUserIds', hostUserId);
}

/** The user whom the host application calls so: Tenure's own id of them. An id that it never told is its user's. */
export async function userOfHost(tx: Transaction, hostUserId: string): Promise<string> {
  const user = await tx.collections.users.findOne(
    { hostUserId },
    { session: tx.session, projection: { _id: 1 } },
  );
  return user?._id ?? hostUserId;
}

/** What the host application calls a user of Tenure, or somebody who is about to be one. */
export async function idAtHost(tx: Transaction, userId: string): Promise<string> {
  const user = await tx.collections.users.findOne(
    { _id: userId },
    { session: tx.session, projection: { hostUserId: 1 } },
  );
  return user?.hostUserId ?? userId;
}

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
  await tx.store.fences.keys(tx, [hostUserIdLock(hostUserId)]);
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
