import { hasLeft, isCommitted, type Membership } from '../../domain/membership.ts';
import type { UserDocument } from '../../platform/mongo/documents.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { activeHolds } from '../holds/active-holds.ts';
import { usersHaving } from './link-candidates.ts';
import { bucketsOf } from './link-directory-user.ts';
import { requestLink } from './link-requests.ts';

/**
 * What became of a newcomer whom the host's database refuses. `waits`: their directory users wait as link
 * requests. `later`: whoever has the address is being erased, so it is free soon. `stays`: they are no
 * newcomer any more.
 */
export type Yielding = 'waits' | 'later' | 'stays';

/**
 * Takes back a user whom a directory made and whom the host's own database refuses, since somebody there
 * has their e-mail or username: nobody was let in, nothing was written anywhere, so nothing is left of them.
 * Their directory users wait for an admin, as where Tenure itself had seen the conflict.
 */
export async function yieldNewcomer(store: Store, membershipId: string): Promise<Yielding> {
  return inTransaction(store, async (tx) => {
    const { session } = tx;
    const membership = await tx.store.fences.membership(tx, membershipId);
    if (membership === null || !isFresh(membership)) return 'stays';
    const user = await tx.collections.users.findOne({ _id: membership.userId }, { session });
    if (user === null || !(await isOnlyHere(tx, membership, user))) return 'stays';
    if (await isErasedSoon(tx, user)) return 'later';
    await askInstead(tx, membership, user);
    await takeBack(tx, membership);
    return 'waits';
  });
}

/** Never provisioned, and so never let in; nor has an admin said anything about them. */
function isFresh(membership: Membership): boolean {
  return (
    membership.projection.done === 0 &&
    membership.access.state === 'closed' &&
    membership.backed &&
    membership.disabled === null &&
    membership.roles.every(({ source }) => source === 'directory') &&
    !hasLeft(membership) &&
    membership.generation === 0 &&
    !isCommitted(membership)
  );
}

async function isOnlyHere(
  tx: Transaction,
  membership: Membership,
  user: UserDocument,
): Promise<boolean> {
  const { session } = tx;
  if (user.origin !== 'directory') return false;
  const memberships = await tx.collections.memberships.countDocuments(
    { userId: user._id },
    { session },
  );
  const holds = await activeHolds(tx.store, membership, session);
  return memberships === 1 && holds.every(({ scope }) => !('userId' in scope));
}

async function isErasedSoon(tx: Transaction, user: UserDocument): Promise<boolean> {
  const { session } = tx;
  const same = await tx.collections.users
    .find({ emailKey: user.emailKey ?? '', _id: { $ne: user._id } }, { session })
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
  const erasing = await tx.collections.memberships.countDocuments(
    {
      userId: { $in: same.map(({ _id }) => _id) },
      'erasure.wholeUser': true,
      'erasure.completedAt': null,
    },
    { session },
  );
  return erasing > 0;
}

async function askInstead(
  tx: Transaction,
  membership: Membership,
  user: UserDocument,
): Promise<void> {
  const { session } = tx;
  const profile = user.profile ?? { email: null, username: null };
  const having = user.emailKey === null ? [] : await usersHaving(tx, user.emailKey);
  const mirrors = await tx.collections.directoryUsers
    .find({ membershipId: membership._id }, { session })
    .toArray();
  for (const mirror of mirrors) {
    await tx.collections.directoryUsers.updateOne(
      { _id: mirror._id },
      { $set: { membershipId: null } },
      { session },
    );
    await requestLink(tx, mirror, {
      cause: 'hostRefused',
      candidateUserIds: having.filter((userId) => userId !== user._id),
      refusedKeys: bucketsOf(membership.organizationId, profile),
    });
  }
}

async function takeBack(tx: Transaction, { _id, userId }: Membership): Promise<void> {
  const { session } = tx;
  const { memberships, users, gate, timeline, reasons, links, dispatches } = tx.collections;
  await memberships.deleteOne({ _id }, { session });
  await users.deleteOne({ _id: userId }, { session });
  await gate.deleteOne({ _id }, { session });
  await timeline.deleteMany({ membershipId: _id }, { session });
  await reasons.deleteMany({ $or: [{ membershipId: _id }, { userId }] }, { session });
  await links.deleteMany({ membershipId: _id }, { session });
  await dispatches.deleteOne({ _id }, { session });
}
