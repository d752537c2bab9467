import type { Membership } from '../../domain/membership.ts';
import type { Phase, Status } from '../../domain/words.ts';
import type { UserDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { afterId, pageById, writeCursor, type IdAfter, type Page } from '../paging.ts';

/** Which users are listed. */
export interface UserFilter {
  organizationId?: string | undefined;
  directoryUserId?: string | undefined;
  status?: Status | undefined;
  phase?: Phase | undefined;
  limit: number;
  cursor?: string | undefined;
}

interface UserPage {
  users: UserDocument[];
  next: string | null;
}

/**
 * One page of users. Where the filter is about memberships, the memberships are walked in the order of
 * their ids, along the index of the filter; otherwise the users are.
 */
export async function listUsers(store: Store, filter: UserFilter): Promise<UserPage> {
  const after = afterId(filter.cursor);
  if (filter.directoryUserId !== undefined) return usersBehind(store, filter);
  const byMembership = filter.status !== undefined || filter.phase !== undefined;
  return byMembership ? byMemberships(store, filter, after) : byUsers(store, filter, after);
}

function matches(membership: Membership, filter: UserFilter): boolean {
  const { organizationId, status, phase } = filter;
  return (
    (organizationId === undefined || membership.organizationId === organizationId) &&
    (status === undefined || membership.status === status) &&
    (phase === undefined || membership.phase === phase)
  );
}

/** A directory user id names one person at most, so there is one page. */
async function usersBehind(store: Store, filter: UserFilter): Promise<UserPage> {
  const { directoryUsers, memberships, users } = store.collections;
  const nobody: UserPage = { users: [], next: null };
  const mirror = await directoryUsers.findOne({ 'records.id': filter.directoryUserId ?? '' });
  if (mirror === null || mirror.membershipId === null) return nobody;
  const membership = await memberships.findOne({ _id: mirror.membershipId });
  if (membership === null || !matches(membership, filter)) return nobody;
  const user = await users.findOne({ _id: membership.userId });
  return { users: user === null ? [] : [user], next: null };
}

async function byUsers(store: Store, filter: UserFilter, after: IdAfter): Promise<UserPage> {
  const { organizationId, limit } = filter;
  const found = store.collections.users.find({
    ...(organizationId === undefined ? {} : { organizationIds: organizationId }),
    ...after,
  });
  const { entries, next } = await pageById(found, limit);
  return { users: entries, next };
}

async function byMemberships(store: Store, filter: UserFilter, after: IdAfter): Promise<UserPage> {
  const users: UserDocument[] = [];
  for (let from = after; ;) {
    const { entries, next } = await nextMemberships(store, filter, from);
    const shown = await firstsOfTheirUsers(store, filter, entries);
    for (const { membership, user } of shown) {
      users.push(user);
      const full = users.length === filter.limit;
      const last = next === null && membership._id === entries.at(-1)?._id;
      if (full) return { users, next: last ? null : writeCursor([membership._id]) };
    }
    if (next === null) return { users, next: null };
    from = afterId(next);
  }
}

async function nextMemberships(
  store: Store,
  { organizationId, status, phase, limit }: UserFilter,
  after: IdAfter,
): Promise<Page<Membership>> {
  const found = store.collections.memberships.find({
    ...(organizationId === undefined ? {} : { organizationId }),
    ...(status === undefined ? {} : { status }),
    ...(phase === undefined ? {} : { phase }),
    ...after,
  });
  return pageById(found, limit);
}

/** Somebody with two fitting memberships is listed once: where the first of them stands. */
async function firstsOfTheirUsers(
  store: Store,
  filter: UserFilter,
  memberships: Membership[],
): Promise<{ membership: Membership; user: UserDocument }[]> {
  const userIds = memberships.map(({ userId }) => userId);
  const [all, users] = await Promise.all([
    store.collections.memberships.find({ userId: { $in: userIds } }).toArray(),
    store.collections.users.find({ _id: { $in: userIds } }).toArray(),
  ]);
  return memberships.flatMap((membership) => {
    const earlier = all.some(
      (other) =>
        other.userId === membership.userId && other._id < membership._id && matches(other, filter),
    );
    const user = users.find(({ _id }) => _id === membership.userId);
    return earlier || user === undefined ? [] : [{ membership, user }];
  });
}
