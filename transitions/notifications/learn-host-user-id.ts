import { createHash } from 'node:crypto';

import type { HostFile } from '../../domain/host-file.ts';
import type { Membership } from '../../domain/membership.ts';
import { keyLock } from '../../platform/ids.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { demandRevocation } from '../membership/access-facts.ts';
import { changeMembership } from '../membership/change-membership.ts';
import { noticeOnce } from '../notice.ts';

/** Whoever takes an id for one of the host application's own waits for whoever does the same. */
export function hostUserIdLock(hostUserId: string): string {
  return keyLock('hostUserIds', hostUserId);
}

/**
 * What is kept of the id of somebody who was forgotten: enough to know it again, so that nobody comes back under
 * it, and not the id.
 */
function fingerprint(hostUserId: string): string {
  return createHash('sha256').update(hostUserId).digest('hex');
}

/**
 * The user to whom the host application's id belongs, or did before they were forgotten. Two reads: as one part of
 * an `$or` no partial index is used, and all users would be read.
 */
async function holderOf(tx: Transaction, hostUserId: string): Promise<{ _id: string } | null> {
  const { users } = tx.collections;
  const only = { session: tx.session, projection: { _id: 1 } };
  return (
    (await users.findOne({ hostUserId }, only)) ??
    users.findOne({ formerHostUserId: fingerprint(hostUserId) }, only)
  );
}

/** The user whom the host application calls so: Tenure's own id of them. An id that it never told is its user's. */
export async function userOfHost(tx: Transaction, hostUserId: string): Promise<string> {
  const user = await holderOf(tx, hostUserId);
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
 * somebody else's, is not taken, nor any where Tenure makes the host's records itself, under its own ids: it would make
 * a second record. Then an admin is told. Where access was closed before, it is revoked once more.
 */
export async function learnHostUserId(
  tx: Transaction,
  file: Pick<HostFile, 'users'>,
  { userId, organizationId }: Pick<Membership, 'userId' | 'organizationId'>,
  hostUserId: string,
): Promise<void> {
  const { session } = tx;
  const { users, gate } = tx.collections;
  if (hostUserId === userId) return;
  await tx.store.fences.user(tx, userId);
  await tx.store.fences.keys(tx, [hostUserIdLock(hostUserId)]);
  const user = await users.findOne(
    { _id: userId },
    { session, projection: { hostUserId: 1, anonymizedAt: 1 } },
  );
  if (user === null || user.anonymizedAt !== null || user.hostUserId === hostUserId) return;
  const holder =
    (await users.findOne({ _id: hostUserId }, { session, projection: { _id: 1 } })) ??
    (await holderOf(tx, hostUserId));
  const isOurs = file.users !== null;
  if (isOurs || user.hostUserId !== undefined || holder !== null) {
    await noticeOnce(tx, 'hostUserIdDiffers', { organizationId, subjectId: userId });
    return;
  }
  await users.updateOne({ _id: userId }, { $set: { hostUserId } }, { session });
  // Also the lock against a closing: it writes the same row, so it is seen below, or ends what it finds by the new id.
  await gate.updateMany({ userId }, { $set: { hostUserId } }, { session });
  await revokeUnderNewId(tx, userId);
}

/**
 * What was revoked before was looked for by Tenure's id only. Whatever names the user by their own id, written
 * while the answer was on its way, has outlived every closing so far, and is ended by another one.
 */
async function revokeUnderNewId(tx: Transaction, userId: string): Promise<void> {
  const closedOnce = await tx.collections.memberships
    .find(
      { userId, closings: { $gt: 0 }, erasure: null },
      { session: tx.session, projection: { _id: 1 } },
    )
    .toArray();
  for (const { _id } of closedOnce) {
    await changeMembership(tx, _id, { actor: 'lifecycle' }, (membership) => {
      const { disabledAt, access } = membership;
      demandRevocation(membership, tx.at, tx.at);
      // Whoever is in again stays in, and signs in once more: their old sessions look like their new ones.
      if (access.state === 'open') membership.disabledAt = disabledAt;
    });
  }
}

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
    { $set: { formerHostUserId: fingerprint(hostUserId) }, $unset: { hostUserId: '' } },
    { session },
  );
  await gate.updateMany({ userId }, { $unset: { hostUserId: '' } }, { session });
}
