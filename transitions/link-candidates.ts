import { isCommitted, type Membership } from '../domain/membership.ts';
import { linkKey } from '../domain/link-keys.ts';
import type { UserProfile } from '../domain/profile.ts';
import { keyLock } from '../platform/ids.ts';
import type { Transaction } from '../platform/mongo/store.ts';

/** What is known of the people who may be the one a new directory user tells of. */
export type LinkFinding =
  | { found: 'nobody' }
  | { found: 'one'; membershipId: string }
  | { found: 'several'; userIds: string[] }
  /** Somebody has the same e-mail or username, but is surely or possibly somebody else. */
  | { found: 'lookAlike'; userId: string };

/**
 * Looks for the one person whom a directory user, seen for the first time, may be linked to: the only place
 * where anybody is ever found by e-mail. Takes the locks of the link keys first, so that two directory
 * users of one new person cannot both find nobody.
 */
export async function findLinkCandidate(
  tx: Transaction,
  organizationId: string,
  directoryId: string,
  profile: UserProfile,
): Promise<LinkFinding> {
  const emailKey = linkKey(profile.email);
  const usernameKey = linkKey(profile.username);
  const keys = [emailKey, usernameKey].filter((key) => key !== null);
  if (keys.length === 0) return { found: 'nobody' };
  await tx.store.fences.keys(
    tx,
    keys.map((key) => keyLock(organizationId, key)),
  );
  const same = await membershipsWithKeys(tx, organizationId, emailKey, usernameKey);
  const [first] = same;
  if (first === undefined) return { found: 'nobody' };
  const eligible: Membership[] = [];
  for (const membership of same) {
    if (await mayBeLinked(tx, membership, directoryId)) eligible.push(membership);
  }
  const [candidate] = eligible;
  if (candidate === undefined) return { found: 'lookAlike', userId: first.userId };
  if (same.length === 1) return { found: 'one', membershipId: candidate._id };
  return { found: 'several', userIds: eligible.map(({ userId }) => userId) };
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
 * company). Somebody who left may not: a recycled address would hand the newcomer the leaver's rights.
 */
async function mayBeLinked(
  tx: Transaction,
  membership: Membership,
  directoryId: string,
): Promise<boolean> {
  const linked = await tx.collections.directoryUsers
    .find({ membershipId: membership._id }, { session: tx.session })
    .project<{ directoryId: string }>({ directoryId: 1 })
    .toArray();
  if (linked.length === 0) return !membership.everBacked && membership.generation === 0;
  const backedElsewhere = membership.backed && !membership.suspended;
  return backedElsewhere && linked.every((mirror) => mirror.directoryId !== directoryId);
}
