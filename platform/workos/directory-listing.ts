import { setTimeout as sleep } from 'node:timers/promises';

import { RateLimitExceededException } from '@workos-inc/node';
import { z } from 'zod';

import { createWorkos, type WorkosAccess } from './client.ts';
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
  /** When the request was sent: what is newer than that says more than this page. */
  askedAt: Date;
}

/** The answer to a question about one record, and when it was asked. */
export interface Answer<T> {
  /** null: WorkOS does not know it (404). */
  found: T | null;
  askedAt: Date;
}

/**
 * Why a listing could not be read. `refused`: the key or the request, so that repeating does not help;
 * `missing`: there is no such directory or group; `cursorRefused`: the place in the listing is not known any
 * more, begin it anew; `rateLimited`, `unavailable`, `malformed`: asking again later helps.
 */
export type ListingProblem =
  | 'refused'
  | 'missing'
  | 'cursorRefused'
  | 'rateLimited'
  | 'unavailable'
  | 'malformed';

/** Thrown instead of a page that could not be read whole: a failed page is never an empty one. */
export class ListingFailed extends Error {
  override readonly name = 'ListingFailed';
  readonly problem: ListingProblem;

  constructor(problem: ListingProblem) {
    super(`WorkOS's listing could not be read: ${problem}`);
    this.problem = problem;
  }
}

/** A directory, and how many people WorkOS counts in it where it says so. */
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
const longestWaitMs = 60_000;

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
}

/** The listing through the real WorkOS client. Make one for a process: it carries the limit. */
export function createDirectoryListing(options: ListingOptions): DirectoryListing {
  const get = createGet(options);
  return {
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
}

type Get = (asked: Asked) => Promise<{ data: unknown; askedAt: Date }>;

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
function createGet(options: ListingOptions): Get {
  const workos = createWorkos(options);
  const limiter = createRequestLimiter(options.usersPerSecond ?? usersPerSecond);
  return async ({ path, query = {}, limit }) => {
    for (let waits = 0; ; waits += 1) {
      if (limit !== null) await limiter.turn(limit);
      const askedAt = new Date();
      try {
        // The plain call keeps the wire shape, which the schemas of the intake read.
        const { data } = await workos.get(path, { query });
        return { data, askedAt };
      } catch (error) {
        const waitMs = pauseAsked(error);
        if (waitMs === null || waits === mostWaits) throw error;
        if (limit === null) await sleep(waitMs);
        else limiter.hold(limit, waitMs);
      }
    }
  };
}

/** Milliseconds to wait after a 429; null for anything else. */
function pauseAsked(error: unknown): number | null {
  if (!(error instanceof RateLimitExceededException)) return null;
  const seconds = Number.isFinite(error.retryAfter) ? (error.retryAfter ?? 1) : 1;
  return Math.min(Math.max(seconds * 1000, 250), longestWaitMs);
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
  const { data, askedAt } = await clearly(get({ ...asked, query }), after !== null);
  const page = pageShape.safeParse(data);
  if (!page.success) throw new ListingFailed('malformed');
  const next = page.data.list_metadata.after ?? null;
  // A place that does not move on would be read for ever.
  if (next !== null && (next === after || page.data.data.length === 0)) {
    throw new ListingFailed('malformed');
  }
  return { ...readable(page.data.data, shape), after: next, askedAt };
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
  const askedAt = new Date();
  try {
    const answer = await clearly(get(asked), false);
    const parsed = shape.safeParse(answer.data);
    if (!parsed.success) throw new ListingFailed('malformed');
    return { found: parsed.data, askedAt: answer.askedAt };
  } catch (error) {
    // The earlier of both times: a 404 came after it, whenever it was that WorkOS was asked.
    if (error instanceof ListingFailed && error.problem === 'missing')
      return { found: null, askedAt };
    throw error;
  }
}

/** Turns whatever went wrong into a {@link ListingFailed}, without what the answer said: it may be a person's. */
async function clearly<T>(answer: Promise<T>, hasCursor: boolean): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new ListingFailed(problemIn(error, hasCursor));
  }
}

function problemIn(error: unknown, hasCursor: boolean): ListingProblem {
  switch (statusOf(error)) {
    case 400:
    case 422:
      return hasCursor ? 'cursorRefused' : 'refused';
    case 404:
      return hasCursor ? 'cursorRefused' : 'missing';
    case 401:
    case 403:
      return 'refused';
    case 429:
      return 'rateLimited';
    default:
      return error instanceof Error && error.name === 'ParseError' ? 'malformed' : 'unavailable';
  }
}

/** The client's exceptions carry the status; not all of them are of one class. */
function statusOf(error: unknown): number | null {
  const status: unknown =
    typeof error === 'object' && error !== null && 'status' in error ? error.status : null;
  return typeof status === 'number' ? status : null;
}
