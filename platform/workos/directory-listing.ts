import { setTimeout as sleep } from 'node:timers/promises';

import { z } from 'zod';

import { createWorkos, type WorkosAccess } from './client.ts';
import { refusingFetch } from './http-refusal.ts';
import { ListingFailed, listingFailed, pauseAsked } from './listing-failed.ts';
import { createRequestLimiter } from './request-limiter.ts';
import {
  directoryGroupData,
  directoryUserData,
  type DirectoryGroupData,
  type DirectoryUserData,
} from './wire.ts';

/** One page of a listing. */
export interface Page<T> {
  items: T[];
  /** Ids of entries that are there but cannot be read; of those without a readable id only the number. */
  unreadable: { ids: string[]; count: number };
  /** The cursor of the next page; null: this is the last one. */
  after: string | null;
  askedAt: Date;
  /** What is newer than this says more than the page: the time of the request less the margin. */
  asOfMs: number;
}

/** The answer to a question about one record, and when it was asked. */
export interface Answer<T> {
  /** null: WorkOS does not know it (404). */
  found: T | null;
  askedAt: Date;
  /** What is newer than this says more than the answer. */
  asOfMs: number;
}

/** A directory as far as its listing goes. */
export interface ListedDirectory {
  id: string;
  /** Its sync works: only then a listing says something about who is gone. */
  connected: boolean;
}

/**
 * Reads a whole directory, page by page. Groups of a person are never read from the person: WorkOS leaves that
 * list empty for teams created from 2026-05-01.
 *
 * `/directory_users` allows 4 requests a second and directory. The limit is kept for each directory within
 * this process; between processes WorkOS's 429 decides, whose `Retry-After` is respected.
 *
 * Everything throws {@link ListingFailed} where WorkOS gives no clear answer.
 */
export interface DirectoryListing {
  /** How much older than its request an answer is taken to be, milliseconds: it may come from a replica. */
  marginMs: number;
  /** null: there is no such directory. */
  directory(directoryId: string): Promise<ListedDirectory | null>;
  users(directoryId: string, after: string | null): Promise<Page<DirectoryUserData>>;
  groups(directoryId: string, after: string | null): Promise<Page<DirectoryGroupData>>;
  members(of: GroupOf, after: string | null): Promise<Page<DirectoryUserData>>;
  groupsOfUser(of: UserOf, after: string | null): Promise<Page<DirectoryGroupData>>;
  user(of: UserOf): Promise<Answer<DirectoryUserData>>;
  group(of: GroupOf): Promise<Answer<DirectoryGroupData>>;
}

/** The directory says whose limit is used. */
export interface GroupOf {
  directoryId: string;
  groupId: string;
}

export interface UserOf {
  directoryId: string;
  directoryUserId: string;
}

/** The most that WorkOS gives at once; its default is 10. */
const pageSize = 100;
const usersPerSecond = 4;
/** After so many refusals for coming too fast within one call it is somebody else's turn to decide. */
const mostWaits = 5;
/** How much older than its request an answer of WorkOS is taken to be, where nothing else is said. */
export const defaultMarginMs = 10_000;

const pageShape = z.object({
  data: z.array(z.unknown()),
  // Without it a cut answer would look like the last page.
  list_metadata: z.object({ after: z.string().min(1).nullish() }),
});
const withId = z.object({ id: directoryUserData.shape.id });
const directoryShape = z.object({ id: z.string().min(1), state: z.string() });
/** REST says `linked` where events say `active`. */
const connectedStates = ['linked', 'active'];

export interface ListingOptions extends WorkosAccess {
  /** Requests a second and directory on `/directory_users`; 4 where WorkOS itself is asked. */
  usersPerSecond?: number;
  /** Default 10 s; less only where the other side has no replicas. */
  marginMs?: number;
}

/** The listing through the real WorkOS client. Make one for a process: it carries the limit. */
export function createDirectoryListing(options: ListingOptions): DirectoryListing {
  const marginMs = options.marginMs ?? defaultMarginMs;
  const get = createGet(options, marginMs);
  return {
    marginMs,
    async directory(directoryId) {
      const asked = { path: `/directories/${encodeURIComponent(directoryId)}`, limit: null };
      const { found } = await getOne(get, asked, directoryShape);
      return found === null
        ? null
        : { id: found.id, connected: connectedStates.includes(found.state) };
    },
    users: async (directoryId, after) =>
      getPage(get, users({ directory: directoryId }, directoryId), after, directoryUserData),
    groups: async (directoryId, after) =>
      getPage(get, groups({ directory: directoryId }), after, directoryGroupData),
    members: async ({ directoryId, groupId }, after) =>
      getPage(get, users({ group: groupId }, directoryId), after, directoryUserData),
    groupsOfUser: async ({ directoryUserId }, after) =>
      getPage(get, groups({ user: directoryUserId }), after, directoryGroupData),
    user: async ({ directoryId, directoryUserId }) =>
      getOne(
        get,
        { path: `/directory_users/${encodeURIComponent(directoryUserId)}`, limit: directoryId },
        directoryUserData,
      ),
    group: async ({ groupId }) =>
      getOne(
        get,
        { path: `/directory_groups/${encodeURIComponent(groupId)}`, limit: null },
        directoryGroupData,
      ),
  };
}

/** A request; `limit`: the directory whose limit it uses, null: none. */
interface Asked {
  path: string;
  query?: Record<string, string>;
  limit: string | null;
  /** A 404 is an answer: there is no such record. */
  mayBeMissing?: true;
}

interface Got {
  data: unknown;
  missing: boolean;
  askedAt: Date;
  asOfMs: number;
}

type Get = (asked: Asked) => Promise<Got>;

const users = (query: Record<string, string>, limit: string): Asked => ({
  path: '/directory_users',
  query,
  limit,
});
const groups = (query: Record<string, string>): Asked => ({
  path: '/directory_groups',
  query,
  limit: null,
});

/** One request in its turn, and again after the pause that WorkOS asks for. */
function createGet(options: ListingOptions, marginMs: number): Get {
  const workos = createWorkos(options, { fetchFn: refusingFetch });
  const limiter = createRequestLimiter(options.usersPerSecond ?? usersPerSecond);
  return async ({ path, query = {}, limit, mayBeMissing }) => {
    for (let waits = 0; ; waits += 1) {
      if (limit !== null) await limiter.turn(limit);
      const askedAt = new Date();
      const when = { askedAt, asOfMs: askedAt.getTime() - marginMs };
      try {
        // The plain call keeps the wire shape, which the schemas of the intake read.
        const { data } = await workos.get(path, { query });
        return { ...when, data, missing: false };
      } catch (error) {
        const failed = listingFailed(error, 'after' in query);
        if (failed.problem === 'missing' && mayBeMissing) {
          return { ...when, data: null, missing: true };
        }
        const waitMs = pauseAsked(error);
        if (waitMs === null || waits === mostWaits) throw failed;
        if (limit === null) await sleep(waitMs);
        else limiter.hold(limit, waitMs);
      }
    }
  };
}

async function getPage<T>(
  get: Get,
  asked: Asked,
  after: string | null,
  shape: z.ZodType<T>,
): Promise<Page<T>> {
  const query = {
    ...asked.query,
    limit: String(pageSize),
    // Oldest first: whoever joins while it is read comes at its end.
    order: 'asc',
    ...(after === null ? {} : { after }),
  };
  const { data, askedAt, asOfMs } = await get({ ...asked, query });
  const page = pageShape.safeParse(data);
  if (!page.success) throw new ListingFailed('malformed');
  const next = page.data.list_metadata.after ?? null;
  // A place that does not move on would be read for ever.
  if (next !== null && (next === after || page.data.data.length === 0)) {
    throw new ListingFailed('malformed');
  }
  return { ...readable(page.data.data, shape), askedAt, asOfMs, after: next };
}

function readable<T>(
  entries: unknown[],
  shape: z.ZodType<T>,
): Pick<Page<T>, 'items' | 'unreadable'> {
  const items: T[] = [];
  const unreadable: Page<T>['unreadable'] = { ids: [], count: 0 };
  for (const entry of entries) {
    const parsed = shape.safeParse(entry);
    if (parsed.success) {
      items.push(parsed.data);
      continue;
    }
    unreadable.count += 1;
    const known = withId.safeParse(entry);
    if (known.success) unreadable.ids.push(known.data.id);
  }
  return { items, unreadable };
}

async function getOne<T>(get: Get, asked: Asked, shape: z.ZodType<T>): Promise<Answer<T>> {
  const { data, missing, ...when } = await get({ ...asked, mayBeMissing: true });
  if (missing) return { ...when, found: null };
  const parsed = shape.safeParse(data);
  if (!parsed.success) throw new ListingFailed('unreadable');
  return { ...when, found: parsed.data };
}
