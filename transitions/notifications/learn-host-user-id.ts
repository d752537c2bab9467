import type { HostFile } from '../../domain/host-file.ts';
import type { Membership } from '../../domain/membership.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { demandRevocation } from '../membership/access-facts.ts';
import { changeMembership } from '../membership/change-membership.ts';
import { noticeOnce } from '../notice.ts';
import { holderOf, hostUserIdLock } from './host-user-ids.ts';

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
  await gate.updateMany(
    { userIds: userId, userId },
    { $set: { userIds: [userId, hostUserId] } },
    { session },
  );
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
      demandRevocation(membership, 'idLearned', tx.at, tx.at);
      // Whoever is in again stays in, and signs in once more: their old sessions look like their new ones.
      if (access.state === 'open') membership.disabledAt = disabledAt;
    });
  }
}
