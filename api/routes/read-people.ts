import { Refusal } from '../../domain/errors.ts';
import type { Membership } from '../../domain/membership.ts';
import type { UserDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { presentMembership, type MembershipShape } from '../shapes/membership.ts';
import { presentUser, type UserShape } from '../shapes/user.ts';

/** Presents users with all their memberships and directory users, in two reads for all of them. */
export async function presentUsers(store: Store, users: UserDocument[]): Promise<UserShape[]> {
  const { memberships, directoryUsers } = store.collections;
  const ids = users.map(({ _id }) => _id);
  const found = await memberships
    .find({ userId: { $in: ids } })
    .sort({ _id: 1 })
    .toArray();
  const mirrors = await directoryUsers
    .find({ membershipId: { $in: found.map(({ _id }) => _id) } })
    .sort({ _id: 1 })
    .toArray();
  return users.map((user) => presentUser(user, found, mirrors));
}

/** Presents one membership with its directory users. */
export async function presentOneMembership(
  store: Store,
  membership: Membership,
): Promise<MembershipShape> {
  const mirrors = await store.collections.directoryUsers
    .find({ membershipId: membership._id })
    .sort({ _id: 1 })
    .toArray();
  return presentMembership(membership, mirrors);
}

/** @throws Refusal `notFound` */
export async function membershipById(store: Store, membershipId: string): Promise<Membership> {
  const found = await store.collections.memberships.findOne({ _id: membershipId });
  if (found === null) throw new Refusal('notFound', 'There is no such membership.');
  return found;
}

/** The texts of reasons by their ids; erased ones are missing. */
export async function reasonTexts(
  store: Store,
  reasonIds: (string | null)[],
): Promise<Map<string, string>> {
  const ids = reasonIds.filter((reasonId) => reasonId !== null);
  if (ids.length === 0) return new Map();
  const found = await store.collections.reasons.find({ _id: { $in: ids } }).toArray();
  return new Map(found.map(({ _id, text }) => [_id, text]));
}
