import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';

import {
  createDirectoryListing,
  type DirectoryListing,
  type Page,
} from '../../platform/workos/directory-listing.ts';
import { createRequestLimiter } from '../../platform/workos/request-limiter.ts';
import type { TestSimulator } from '../support/simulator.ts';
import { startForTest } from '../support/simulator-in-test.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function acme(people: number, usersPerSecond = 10_000) {
  const simulator = await startForTest();
  const { directory } = simulator.tenant();
  const users = Array.from(
    { length: people },
    (_, index) => simulator.join(directory.id, { firstName: `P${index}` }).user,
  );
  return { simulator, directory, users, listing: listingOf(simulator, usersPerSecond) };
}

function listingOf({ port, apiKey }: TestSimulator, usersPerSecond: number): DirectoryListing {
  const apiUrl = `http://127.0.0.1:${port}`;
  return createDirectoryListing({ apiKey, apiUrl, timeoutMs: 2000, usersPerSecond });
}

async function everything<T>(
  read: (after: string | null) => Promise<Page<T>>,
  between: (page: Page<T>) => void = () => undefined,
): Promise<T[]> {
  const items: T[] = [];
  for (let after: string | null = null; ;) {
    const page = await read(after);
    items.push(...page.items);
    between(page);
    if (page.after === null) return items;
    after = page.after;
  }
}

const ids = (items: { id: string }[]): string[] => items.map(({ id }) => id).toSorted();

/** The shortest time from one of these to the one so many places later, milliseconds. */
function shortest(times: number[], places: number): number {
  return Math.min(...times.slice(places).map((time, index) => time - (times[index] ?? 0)));
}

/** A WorkOS that gives one answer to everything. */
async function answering(
  status: number,
  body: string,
  headers: Record<string, string> = {},
): Promise<DirectoryListing> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  closing.push(
    async () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const { port } = server.address() as AddressInfo;
  const apiUrl = `http://127.0.0.1:${port}`;
  return createDirectoryListing({ apiKey: 'sk_test', apiUrl, timeoutMs: 300 });
}

describe('the listing of a directory', () => {
  it('reads everybody in pages of a hundred, stamped with the time of the request', async () => {
    const { listing, directory, users } = await acme(230);
    const before = Date.now();
    const sizes: number[] = [];
    const found = await everything(
      async (after) => listing.users(directory.id, after),
      ({ items, askedAt }) => {
        sizes.push(items.length);
        expect(askedAt.getTime()).toBeGreaterThanOrEqual(before);
        expect(askedAt.getTime()).toBeLessThanOrEqual(Date.now());
      },
    );
    expect(sizes).toEqual([100, 100, 30]);
    expect(ids(found)).toEqual(ids(users));
  });

  it('misses nobody who stays while others leave and join between its pages', async () => {
    const { simulator, listing, directory, users } = await acme(150);
    let left = false;
    const found = await everything(
      async (after) => listing.users(directory.id, after),
      () => {
        if (left) return;
        left = true;
        for (const { id } of users.slice(90, 110)) simulator.leave(id);
        simulator.join(directory.id, { firstName: 'Late' });
      },
    );
    const stay = [...users.slice(0, 90), ...users.slice(110)];
    expect(ids(found)).toEqual(expect.arrayContaining(ids(stay)));
    expect(found.some(({ first_name: name }) => name === 'Late')).toBe(true);
  });

  it('reads groups, their members and the groups of one person', async () => {
    const { simulator, listing, directory, users } = await acme(3);
    const [staff, sales] = [
      simulator.group(directory.id, 'Staff'),
      simulator.group(directory.id, 'Sales'),
    ];
    for (const { id } of users) simulator.addToGroup(id, staff.id);
    simulator.addToGroup(users[0]!.id, sales.id);
    const groups = await listing.groups(directory.id, null);
    expect(ids(groups.items)).toEqual(ids([staff, sales]));
    const of = { directoryId: directory.id };
    const members = await listing.members({ ...of, groupId: staff.id }, null);
    expect(ids(members.items)).toEqual(ids(users));
    const first = await listing.groupsOfUser({ ...of, directoryUserId: users[0]!.id }, null);
    expect(ids(first.items)).toEqual(ids([staff, sales]));
    expect((await listing.group({ ...of, groupId: sales.id })).found).toMatchObject({
      name: 'Sales',
    });
  });

  it('tells who is not known any more from who cannot be asked about', async () => {
    const { simulator, listing, directory, users } = await acme(1);
    const of = { directoryId: directory.id, directoryUserId: users[0]!.id };
    expect((await listing.user(of)).found).toMatchObject({ id: users[0]!.id, state: 'active' });
    simulator.leave(users[0]!.id);
    expect((await listing.user(of)).found).toBeNull();
    simulator.settings.apiFaults.push({ id: 'f', path: '/directory_users/*', status: 500 });
    await expect(listing.user(of)).rejects.toMatchObject({ problem: 'unavailable' });
    expect(await listing.directory(directory.id)).toEqual({ id: directory.id, connected: true });
    simulator.directoryState(directory.id, 'invalid_credentials');
    expect(await listing.directory(directory.id)).toMatchObject({ connected: false });
    simulator.deleteDirectory(directory.id);
    expect(await listing.directory(directory.id)).toBeNull();
    await expect(listing.users(directory.id, null)).rejects.toMatchObject({ problem: 'missing' });
  });

  it.each([
    ['a refused key', 401, '{}', 'refused'],
    ['a forbidden call', 403, '{}', 'refused'],
    ['a refused request', 400, '{"code":"invalid","errors":[{"code":"x"}]}', 'refused'],
    ['an error', 500, '{}', 'unavailable'],
    ['no JSON', 200, '{"data":[{"id":', 'malformed'],
    ['another shape', 200, '{"object":"list"}', 'malformed'],
    ['no place of the next page', 200, '{"data":[]}', 'malformed'],
    ['an empty page that goes on', 200, '{"data":[],"list_metadata":{"after":"x"}}', 'malformed'],
  ])('throws after %s, and never takes it for an empty page', async (_what, status, body, is) => {
    const listing = await answering(status, body);
    await expect(listing.users('directory_1', null)).rejects.toMatchObject({
      name: 'ListingFailed',
      problem: is,
    });
  });

  it.each([
    ['a place that it does not know any more', 422, '{}', 'cursorRefused'],
    ['the same place again', 200, '{"data":[{}],"list_metadata":{"after":"x"}}', 'malformed'],
  ])('throws after %s', async (_what, status, body, is) => {
    const listing = await answering(status, body);
    await expect(listing.users('directory_1', 'x')).rejects.toMatchObject({ problem: is });
  });

  it('names the entries that cannot be read, and reads the others', async () => {
    const entries = [
      { id: 'directory_user_1', directory_id: 'directory_1', state: 'active' },
      { id: 'directory_user_2', directory_id: 'directory_1', state: 7 },
      'nonsense',
    ];
    const listing = await answering(
      200,
      JSON.stringify({ data: entries, list_metadata: { after: null } }),
    );
    const page = await listing.users('directory_1', null);
    expect(ids(page.items)).toEqual(['directory_user_1']);
    expect(page.unreadable).toEqual({ ids: ['directory_user_2'], count: 2 });
  });
});

describe('the limit on directory users', () => {
  it('is kept for each directory, as WorkOS counts it', async () => {
    const times: Record<string, number[]> = { a: [], b: [] };
    const server = createServer((request, response) => {
      const query = new URL(request.url ?? '', 'http://workos').searchParams;
      const of = times[query.get('directory') ?? ''] ?? [];
      of.push(performance.now());
      const after = of.length < 10 ? `page${of.length}` : null;
      const data = [{ id: `directory_user_${of.length}`, directory_id: 'a', state: 'active' }];
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ data, list_metadata: { after } }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    closing.push(async () => new Promise((resolve) => server.close(() => resolve())));
    const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const listing = createDirectoryListing({ apiKey: 'sk_test', apiUrl, timeoutMs: 5000 });
    await Promise.all(
      ['a', 'b'].map(async (id) => everything((after) => listing.users(id, after))),
    );
    for (const of of Object.values(times)) {
      expect(of).toHaveLength(10);
      expect(shortest(of, 4)).toBeGreaterThanOrEqual(1000);
    }
    // One directory does not wait for the other: each has its four at once.
    const last = Math.max(...Object.values(times).map((of) => of.at(-1) ?? 0));
    const first = Math.min(...Object.values(times).map((of) => of[0] ?? 0));
    expect(last - first).toBeLessThan(4000);
  });

  it('lets a whole directory be read where WorkOS enforces it', async () => {
    const { simulator, directory, listing, users } = await acme(450, 4);
    simulator.settings.directoryUsersPerSecond = 4;
    const found = await everything(async (after) => listing.users(directory.id, after));
    expect(ids(found)).toEqual(ids(users));
  });

  it('pauses as long as a 429 asks for, and then goes on where it was', async () => {
    const { simulator, directory, listing, users } = await acme(3);
    simulator.settings.apiFaults.push({
      id: 'f',
      path: '/directory_users',
      status: 429,
      retryAfter: 1,
      times: 2,
    });
    const startedAt = Date.now();
    const page = await listing.users(directory.id, null);
    expect(ids(page.items)).toEqual(ids(users));
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(1950);
    // What it says is as new as the request that was answered, not as the first one.
    expect(page.askedAt.getTime()).toBeGreaterThanOrEqual(startedAt + 1950);
  });

  it('gives up as rate limited where the refusals do not end', async () => {
    const listing = await answering(429, '{}', { 'retry-after': '0' });
    await expect(listing.users('directory_1', null)).rejects.toMatchObject({
      problem: 'rateLimited',
    });
  });

  it('lets callers through in turn, so many in any second', async () => {
    const limiter = createRequestLimiter(3);
    const times: number[] = [];
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        await limiter.turn('a');
        times.push(Date.now());
        order.push(index);
      }),
    );
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(shortest(times, 3)).toBeGreaterThanOrEqual(1000);
  });
});
