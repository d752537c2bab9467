import { Refusal } from '../../domain/errors.ts';
import type { Membership } from '../../domain/membership.ts';
import type { UserDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { obstaclesOf } from '../../transitions/membership/surroundings.ts';
import type { ApiDeps } from '../deps.ts';
import {
  presentMembership,
  type MembershipShape,
  type StandingDirectoryUser,
} from '../shapes/membership.ts';
import type { ReasonText } from '../shapes/reason.ts';
import { presentUser, type UserShape } from '../shapes/user.ts';

type Deps = Pick<ApiDeps, 'store' | 'hostFile'>;

/** Presents users with all their memberships and directory users, in a few reads for all of them. */
export async function presentUsers(deps: Deps, users: UserDocument[]): Promise<UserShape[]> {
  const ids = users.map(({ _id }) => _id);
  const memberships = await deps
    .store()
    .collections.memberships.find({ userId: { $in: ids } })
    .sort({ _id: 1 })
    .toArray();
  const directoryUsers = await directoryUsersOf(deps, memberships);
  return users.map((user) => presentUser(user, memberships, directoryUsers));
}

/** Presents one membership with its directory users. */
export async function presentOneMembership(
  deps: Deps,
  membership: Membership,
): Promise<MembershipShape> {
  return presentMembership(membership, await directoryUsersOf(deps, [membership]));
}

/** The directory users behind memberships, each judged by the facts of its membership's organization. */
async function directoryUsersOf(
  { store, hostFile }: Deps,
  memberships: Membership[],
): Promise<StandingDirectoryUser[]> {
  const { directoryUsers, organizations } = store().collections;
  const mirrors = await directoryUsers
    .find({ membershipId: { $in: memberships.map(({ _id }) => _id) } })
    .sort({ _id: 1 })
    .toArray();
  if (mirrors.length === 0) return [];
  const homes = new Map(memberships.map(({ _id, organizationId }) => [_id, organizationId]));
  const homeOf = ({ membershipId }: (typeof mirrors)[number]) => homes.get(membershipId ?? '');
  const found = await organizations.find({ _id: { $in: [...new Set(homes.values())] } }).toArray();
  const standing = found.map(async (organization) => {
    const theirs = mirrors.filter((mirror) => homeOf(mirror) === organization._id);
    const obstacles = await obstaclesOf(store(), organization, hostFile, theirs);
    return theirs.map((mirror) => ({ mirror, obstacle: obstacles.get(mirror._id) ?? null }));
  });
  return (await Promise.all(standing)).flat();
}

/** @throws Refusal `notFound` */
export async function membershipById(store: Store, membershipId: string): Promise<Membership> {
  const found = await store.collections.memberships.findOne({ _id: membershipId });
  if (found === null) throw new Refusal('notFound', 'There is no such membership.');
  return found;
}

/** Reads the texts of reasons, all at once. */
export async function readReasons(store: Store, reasonIds: (string | null)[]): Promise<ReasonText> {
  const ids = reasonIds.filter((reasonId) => reasonId !== null);
  if (ids.length === 0) return () => null;
  const found = await store.collections.reasons.find({ _id: { $in: ids } }).toArray();
  const texts = new Map(found.map(({ _id, text }) => [_id, text]));
  return (reasonId) => (reasonId === null ? null : (texts.get(reasonId) ?? null));
}
