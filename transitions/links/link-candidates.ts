import type { DirectoryUser } from '../../domain/directory-user.ts';
import { linkKey } from '../../domain/link-keys.ts';
import { guardOf, hasLeft, isCommitted, type Membership } from '../../domain/membership.ts';
import type { UserProfile } from '../../domain/profile.ts';
import { keyLock } from '../../platform/ids.ts';
import type { UserDocument } from '../../platform/mongo/documents.ts';
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
  const known = await usersWithKeys(tx, organizationId, emailKey, usernameKey);
  const same = await membershipsAmong(tx, organizationId, known);
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
  const withAddress =
    emailKey === null
      ? []
      : known.filter((user) => user.emailKey === emailKey && stillHasAddress(user));
  const having = (await staying(tx, withAddress)).filter((userId) => userId !== ownUserId);
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
  const users = await tx.collections.users.find({ emailKey }, { session: tx.session }).toArray();
  return staying(tx, users.filter(stillHasAddress));
}

type KeyedUser = Pick<UserDocument, '_id' | 'anonymizedAt' | 'emailReleased'>;

function stillHasAddress({ anonymizedAt, emailReleased }: KeyedUser): boolean {
  return anonymizedAt === null && emailReleased === undefined;
}

async function staying(tx: Transaction, users: readonly KeyedUser[]): Promise<string[]> {
  if (users.length === 0) return [];
  const userId = { $in: users.map(({ _id }) => _id) };
  const memberships = await tx.collections.memberships
    .find({ userId, erasure: null }, { session: tx.session })
    .project<{ userId: string }>({ userId: 1 })
    .toArray();
  return [...new Set(memberships.map((membership) => membership.userId))].toSorted();
}

/** Whoever has the username here, or the e-mail address anywhere: one look for both questions. */
async function usersWithKeys(
  tx: Transaction,
  organizationId: string,
  emailKey: string | null,
  usernameKey: string | null,
): Promise<UserDocument[]> {
  const either = [
    ...(emailKey === null ? [] : [{ emailKey }]),
    ...(usernameKey === null ? [] : [{ organizationIds: organizationId, usernameKey }]),
  ];
  return tx.collections.users.find({ $or: either }, { session: tx.session }).toArray();
}

async function membershipsAmong(
  tx: Transaction,
  organizationId: string,
  users: readonly UserDocument[],
): Promise<Membership[]> {
  const here = users.filter(({ organizationIds }) => organizationIds.includes(organizationId));
  if (here.length === 0) return [];
  const userId = { $in: here.map(({ _id }) => _id) };
  const memberships = await tx.collections.memberships
    .find({ organizationId, userId }, { session: tx.session })
    .toArray();
  return memberships.filter((membership) => !isCommitted(membership));
}

/**
 * A person may be linked whom no directory user ever stood behind (they were there before Directory Sync),
 * or whom an active directory user of another directory backs now (HRIS and identity provider of one
 * company). Somebody who left may not: a recycled address would hand the newcomer the leaver's rights. Nor
 * may somebody from whom an admin took this very directory user.
 *
 * Whom no directory ever told of, and whom a change of configuration put out on which nobody has decided yet,
 * has not left: a second user would stand beside them, whatever is decided.
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
  const undecided = linked.length === 0 && guardOf(membership)?.state === 'waits';
  const neverBacked = !membership.everBacked && (!hasLeft(membership) || undecided);
  const backedElsewhere = membership.backed && !membership.suspended;
  const alone = linked.every(({ directoryId }) => directoryId !== mirror.directoryId);
  return (neverBacked || backedElsewhere) && alone;
}
