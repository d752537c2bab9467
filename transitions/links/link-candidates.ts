import type { DirectoryUser } from '../../domain/directory-user.ts';
import { linkKey } from '../../domain/link-keys.ts';
import { hasLeft, isCommitted, type Membership } from '../../domain/membership.ts';
import type { UserProfile } from '../../domain/profile.ts';
import { keyLock } from '../../platform/ids.ts';
import type { Transaction } from '../../platform/mongo/store.ts';

/** What is known of the people who may be the one a new directory user tells of. */
export type LinkFinding =
  | { found: 'nobody' }
  | { found: 'one'; membershipId: string }
  | { found: 'several'; userIds: string[] }
  /** Somebody has the same e-mail or username, but is surely or possibly somebody else. */
  | { found: 'lookAlike'; userId: string }
  /** The same, where the host's users must have unique e-mails: nobody can be made with this one. */
  | { found: 'emailInUse'; userIds: string[] };

export interface LinkSearch {
  mirror: DirectoryUser;
  profile: UserProfile;
  /** No two of the host's users may have one e-mail address. */
  uniqueEmail: boolean;
  /** Who they would be as nobody known here: a new id, or their own where they come from another organization. */
  ownUserId: string;
}

/**
 * Looks for the one person whom a directory user, seen for the first time, may be linked to: the only place
 * where anybody is ever found by e-mail. Takes the locks of the link keys first, so that two directory
 * users of one new person cannot both find nobody.
 *
 * Somebody who was forgotten is not seen for the first time when they come back: their address may be
 * another's by now, so nobody is linked to them, and whoever has it only looks alike.
 */
export async function findLinkCandidate(
  tx: Transaction,
  { mirror, profile, uniqueEmail, ownUserId }: LinkSearch,
): Promise<LinkFinding> {
  const { organizationId } = mirror;
  const emailKey = linkKey(profile.email);
  const usernameKey = linkKey(profile.username);
  if (emailKey === null && usernameKey === null) return { found: 'nobody' };
  await lockLinkKeys(tx, organizationId, profile, uniqueEmail);
  const same = await membershipsWithKeys(tx, organizationId, emailKey, usernameKey);
  const eligible: Membership[] = [];
  for (const membership of same) {
    if (await mayBeLinked(tx, membership, mirror)) eligible.push(membership);
  }
  const [candidate] = eligible;
  if (candidate !== undefined && same.length === 1 && mirror.cameBack !== true) {
    return { found: 'one', membershipId: candidate._id };
  }
  if (candidate !== undefined && same.length > 1) {
    return { found: 'several', userIds: eligible.map(({ userId }) => userId) };
  }
  const found = emailKey === null ? [] : await usersHaving(tx, emailKey);
  const having = found.filter((userId) => userId !== ownUserId);
  if (uniqueEmail && having.length > 0) return { found: 'emailInUse', userIds: having };
  const alike = same[0]?.userId ?? having[0];
  return alike === undefined ? { found: 'nobody' } : { found: 'lookAlike', userId: alike };
}

/**
 * Locks the e-mail and username of a person who may be somebody known, or about to be made. Unique e-mails
 * are so in all organizations, so there the address is locked for all of them.
 */
export async function lockLinkKeys(
  tx: Transaction,
  organizationId: string,
  profile: Pick<UserProfile, 'email' | 'username'>,
  uniqueEmail: boolean,
): Promise<void> {
  const emailKey = linkKey(profile.email);
  const keys = [emailKey, linkKey(profile.username)].filter((key) => key !== null);
  await tx.store.fences.keys(tx, [
    ...keys.map((key) => keyLock(organizationId, key)),
    ...(uniqueEmail && emailKey !== null ? [keyLock('*', emailKey)] : []),
  ]);
}

/**
 * The users of any organization who have an e-mail address now. Not who is being erased: their address goes
 * within minutes. Nor who gave it up by an admin's word.
 */
export async function usersHaving(tx: Transaction, emailKey: string): Promise<string[]> {
  const { session } = tx;
  const users = await tx.collections.users
    .find({ emailKey, anonymizedAt: null, emailReleased: { $exists: false } }, { session })
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
  if (users.length === 0) return [];
  const staying = await tx.collections.memberships
    .find({ userId: { $in: users.map(({ _id }) => _id) }, erasure: null }, { session })
    .project<{ userId: string }>({ userId: 1 })
    .toArray();
  return [...new Set(staying.map(({ userId }) => userId))].toSorted();
}

async function membershipsWithKeys(
  tx: Transaction,
  organizationId: string,
  emailKey: string | null,
  usernameKey: string | null,
): Promise<Membership[]> {
  const either = [
    ...(emailKey === null ? [] : [{ emailKey }]),
    ...(usernameKey === null ? [] : [{ usernameKey }]),
  ];
  const users = await tx.collections.users
    .find({ organizationIds: organizationId, $or: either }, { session: tx.session })
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
  if (users.length === 0) return [];
  const memberships = await tx.collections.memberships
    .find({ organizationId, userId: { $in: users.map(({ _id }) => _id) } }, { session: tx.session })
    .toArray();
  return memberships.filter((membership) => !isCommitted(membership));
}

/**
 * A person may be linked whom no directory user ever stood behind (they were there before Directory Sync),
 * or whom an active directory user of another directory backs now (HRIS and identity provider of one
 * company). Somebody who left may not: a recycled address would hand the newcomer the leaver's rights. Nor
 * may somebody from whom an admin took this very directory user.
 */
async function mayBeLinked(
  tx: Transaction,
  membership: Membership,
  mirror: DirectoryUser,
): Promise<boolean> {
  const { session } = tx;
  const undone = await tx.collections.links.findOne(
    { mirrorId: mirror._id, membershipId: membership._id, undone: { $ne: null } },
    { session, projection: { _id: 1 } },
  );
  if (undone !== null) return false;
  const linked = await tx.collections.directoryUsers
    .find({ membershipId: membership._id }, { session })
    .project<{ directoryId: string }>({ directoryId: 1 })
    .toArray();
  const neverBacked = !membership.everBacked && !hasLeft(membership);
  const backedElsewhere = membership.backed && !membership.suspended;
  const alone = linked.every(({ directoryId }) => directoryId !== mirror.directoryId);
  return (neverBacked || backedElsewhere) && alone;
}
