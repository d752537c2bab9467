import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { hostMembership } from '../../activities/revoke-sessions.ts';
import { createDeliver } from '../../activities/deliver-notifications.ts';
import type { ActivityDeps } from '../../activities/deps.ts';
import { callingUsersByHostIds } from '../../connectors/host-user-ids.ts';
import { revokeEverywhere } from '../../connectors/revoke-everywhere.ts';
import type { HostFile } from '../../domain/host-file.ts';
import type { Membership } from '../../domain/membership.ts';
import { triedForMs } from '../../domain/notifications.ts';
import { checkAccess } from '../../gate/decide.ts';
import { newId } from '../../platform/ids.ts';
import type { NotificationDocument } from '../../platform/mongo/notification-document.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { tellEndpoints, tellNobody } from '../../platform/mongo/telling.ts';
import type { Notifier } from '../../platform/outgoing/notifier.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { disableMembership } from '../../transitions/commands/disable-membership.ts';
import { reactivateMembership } from '../../transitions/commands/reactivate-membership.ts';
import { completeErasure } from '../../transitions/erasure/complete-erasure.ts';
import { logIn } from '../../transitions/logins/log-in.ts';
import type { LoginRules, SsoProfile } from '../../transitions/logins/login.ts';
import { changeMembership } from '../../transitions/membership/change-membership.ts';
import { hostUserIdOf as idAtHost } from '../../transitions/notifications/host-user-ids.ts';
import { recordDelivered } from '../../transitions/notifications/record-delivery.ts';
import { replayNotification } from '../../transitions/notifications/replay-notification.ts';
import { usersToWake, woken } from '../../transitions/notifications/read-pending.ts';
import { importUser, type ImportedUser } from '../../transitions/organization/import-users.ts';
import { startDeliveries } from '../../workers/notification-starter.ts';
import { drive, membershipById, membershipOf, sandbox } from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { meeting, unlocked } from '../support/fences.ts';
import {
  newSecret,
  nobodyAt,
  notifierOf,
  startReceiver,
  type Receiver,
} from '../support/receiver.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

const times = 12;

let tenure: TestTenure;
let app: Receiver;
let crm: Receiver;
let notifier: Notifier;
/** The users for whom delivery was begun, as the commits said so. */
const woke: string[] = [];

beforeAll(async () => {
  app = await startReceiver('app');
  crm = await startReceiver('crm', { events: ['access.closed', 'access.opened'] });
  const endpoints = [app.endpoint, crm.endpoint];
  const telling = tellEndpoints(endpoints, { wake: (userIds) => void woke.push(...userIds) });
  tenure = await openTenure((store) => ({ ...store, telling }));
  notifier = notifierOf(endpoints);
}, 60_000);

afterAll(async () => {
  await app.close();
  await crm.close();
  await tenure.close();
});

/** Delivers to one endpoint as an activity does; returns when it wants to go on. */
async function deliver(
  userId: string,
  endpoint: string,
  nowMs = Date.now(),
  by = notifier,
  // A host application that makes its own records.
  file: Pick<HostFile, 'users'> = { users: null },
): Promise<number | null> {
  // Only these are needed to deliver.
  const deps = { store: tenure.store, file, notifier: by } as unknown as ActivityDeps;
  return createDeliver(deps)({ userId, endpoint, nowMs });
}

async function written(userId: string, endpoint = 'app'): Promise<NotificationDocument[]> {
  return tenure.store.collections.notifications
    .find({ userId, endpoint })
    .sort({ sequence: 1 })
    .toArray();
}

function typesOf(documents: { type: string }[]): string[] {
  return documents.map(({ type }) => type);
}

interface Person {
  id: string;
  organizationId: string;
  directoryId: string;
  email: string;
  userId: string;
  membershipId: string;
}

/** Somebody who joined through a directory and is in. */
async function join(): Promise<Person> {
  const organizationId = workosId('org');
  await sandbox(tenure, organizationId);
  const sketch = {
    id: workosId('directory_user'),
    organizationId,
    directoryId: `directory_${organizationId}`,
    email: `${workosId('mail')}@example.com`,
  };
  await tenure.take(userEvent('created', sketch));
  const { _id, userId } = await membershipOf(tenure, sketch.id);
  await drive(tenure, _id);
  return { ...sketch, userId, membershipId: _id };
}

/** Somebody of the host application, for an organization of their own. */
function imported(id: string): ImportedUser {
  const organizationId = workosId('org');
  const email = `${id}@example.com`;
  return { id, organizationId, email, username: null, name: null, roles: [], status: 'active' };
}

/** An imported user with a membership in each of two organizations. */
async function inTwo(store: Store = tenure.store): Promise<{ userId: string; ids: string[] }> {
  const userId = workosId('host_user');
  const ids: string[] = [];
  for (let nth = 0; nth < 2; nth += 1) {
    ids.push((await importUser(store, imported(userId), 'import')).membershipId);
  }
  return { userId, ids };
}

describe('what the host application is told', () => {
  it('is written in the transaction of the change, for each endpoint that asked for it', async () => {
    const ada = await join();
    await tenure.take(userEvent('updated', { ...ada, lastName: 'Byron' }));
    await tenure.take(userEvent('deleted', ada));
    await drive(tenure, ada.membershipId);
    const told = await written(ada.userId);
    expect(typesOf(told)).toEqual([
      'user.provisioned',
      'access.opened',
      'user.updated',
      'access.closed',
      'sessions.revoked',
      'deletion.scheduled',
      // A sandbox is due within the days of the reminder from its beginning.
      'deletion.due_soon',
    ]);
    const sequences = told.map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
    expect(new Set(sequences).size).toBe(sequences.length);
    expect(typesOf(await written(ada.userId, 'crm'))).toEqual(['access.opened', 'access.closed']);
    expect(woke.filter((id) => id === ada.userId).length).toBeGreaterThanOrEqual(5);
  });

  it('holds ids, enums, counts and times only', async () => {
    const ada = await join();
    const text = JSON.stringify(await written(ada.userId));
    expect(text).toContain(ada.membershipId);
    // A random id may hold `ada`, in small letters.
    expect(text).not.toMatch(/@|[Ll]ovelace|Ada/);
  });

  it('is nothing where the change was not committed', async () => {
    const ada = await join();
    const before = (await written(ada.userId)).length;
    const wokeBefore = woke.length;
    const dying = inTransaction(tenure.store, async (tx) => {
      await changeMembership(tx, ada.membershipId, { actor: 'admin:ada' }, (draft) => {
        draft.disabled = { by: 'admin:ada', at: tx.at, reasonId: null };
      });
      expect(tx.toldUsers).toContain(ada.userId);
      throw new Error('The process dies.');
    });
    await expect(dying).rejects.toThrow('The process dies.');
    expect(await membershipById(tenure, ada.membershipId)).toMatchObject({ disabled: null });
    expect(await written(ada.userId)).toHaveLength(before);
    expect(woke).toHaveLength(wokeBefore);
  });

  it('is not even written where no endpoint is configured', async () => {
    const silent = await openTenure();
    const organizationId = workosId('org');
    const ada = {
      id: workosId('directory_user'),
      organizationId,
      directoryId: `directory_${organizationId}`,
      email: 'ada@example.com',
    };
    await silent.take(userEvent('created', ada));
    const { _id } = await membershipOf(silent, ada.id);
    await drive(silent, _id);
    await silent.take(userEvent('deleted', ada));
    expect((await drive(silent, _id)).step).not.toHaveProperty('remindAtMs');
    expect(await silent.store.collections.notifications.countDocuments()).toBe(0);
    await silent.close();
  });
});

/** Two memberships of one user close at once; returns whether their sequences tell which came first. */
async function closeBoth(storeOf: (store: Store) => Store): Promise<boolean> {
  const { userId, ids } = await inTwo();
  const { store } = meeting(storeOf(tenure.store), 2);
  await Promise.allSettled(
    ids.map(async (membershipId) =>
      disableMembership(store, { membershipId, actor: 'admin:ada', reason: null }),
    ),
  );
  const closed = (await written(userId)).filter(({ type }) => type === 'access.closed');
  const [first, second] = closed.map(({ sequence }) => sequence);
  return closed.length === 2 && first !== second;
}

describe('the order of what is told of one user', () => {
  it('is that of the commits, also where two memberships change at once', async () => {
    for (let nth = 0; nth < times; nth += 1) {
      expect(await closeBoth((store) => store)).toBe(true);
    }
  });

  it('is not known without the fence of the user', async () => {
    const outcomes: boolean[] = [];
    for (let nth = 0; nth < times; nth += 1) outcomes.push(await closeBoth((s) => unlocked(s)));
    expect(outcomes).toContain(false);
  });

  it('is kept while an endpoint does not answer, and by each endpoint for itself', async () => {
    const { userId, ids } = await inTwo();
    const by = { membershipId: ids[0] ?? '', actor: 'admin:ada', reason: null };
    for (const command of [disableMembership, reactivateMembership, disableMembership]) {
      await command(tenure.store, by);
      await drive(tenure, by.membershipId);
    }
    const inOrder = typesOf(await written(userId));
    expect(inOrder.length).toBeGreaterThanOrEqual(5);
    let tries = 0;
    app.answer.with = (_got, response) => {
      tries += 1;
      response.writeHead(tries % 3 === 0 ? 200 : 500).end();
    };
    let nowMs = Date.now();
    for (let next = await deliver(userId, 'app', nowMs); next !== null;) {
      expect(next).toBeGreaterThan(nowMs);
      // Before its time nothing is sent, however often somebody asks.
      const sent = app.received.length;
      expect(await deliver(userId, 'app', nowMs)).toBe(next);
      expect(app.received).toHaveLength(sent);
      nowMs = next;
      next = await deliver(userId, 'app', nowMs);
    }
    app.answer.with = undefined;
    const got = app.about(userId);
    expect(got.length).toBeGreaterThan(inOrder.length);
    const firsts = got.filter(({ id }, at) => got.findIndex((other) => other.id === id) === at);
    expect(typesOf(firsts)).toEqual(inOrder);
    // One that was not taken is sent again, and nothing later before it.
    const ids3 = got.map(({ id }) => id);
    expect(ids3).toEqual(ids3.toSorted((a, b) => ids3.indexOf(a) - ids3.indexOf(b)));
    expect(await deliver(userId, 'crm')).toBeNull();
    expect(new Set(typesOf(crm.about(userId)))).toEqual(
      new Set(['access.closed', 'access.opened']),
    );
  });
});

describe('a delivery', () => {
  it('is signed by every secret, and says whom it is about by ids', async () => {
    const [old, next] = [newSecret(), newSecret()];
    const ada = await join();
    await deliver(
      ada.userId,
      'app',
      Date.now(),
      notifierOf([{ ...app.endpoint, secrets: [old, next] }]),
    );
    const [got] = app.about(ada.userId);
    if (got === undefined) throw new Error('Nothing was received.');
    expect(() => app.verify(got, old)).not.toThrow();
    expect(() => app.verify(got, next)).not.toThrow();
    expect(() => app.verify(got, newSecret())).toThrow('No matching signature');
    expect(() => app.verify({ ...got, body: got.body.replace('user', 'uses') }, old)).toThrow(
      'No matching signature',
    );
    expect(JSON.parse(got.body)).toEqual({
      type: 'user.provisioned',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: {
        userId: ada.userId,
        hostUserId: null,
        organizationId: ada.organizationId,
        membershipId: ada.membershipId,
        sequence: expect.any(Number),
        access: 'closed',
        status: 'active',
      },
    });
    expect(got.headers['content-type']).toBe('application/json');
  });

  it('is repeated with the same id where nobody wrote down that it was taken', async () => {
    const ada = await join();
    const dying: Notifier = {
      async tell(...request) {
        await notifier.tell(...request);
        throw new Error('The worker dies after the answer.');
      },
    };
    await expect(deliver(ada.userId, 'app', Date.now(), dying)).rejects.toThrow('The worker dies');
    await deliver(ada.userId, 'app');
    const [first, again, third] = app.about(ada.userId);
    expect(again?.id).toBe(first?.id);
    expect(again?.body).toBe(first?.body);
    expect(third?.id).not.toBe(first?.id);
    expect(await written(ada.userId)).toMatchObject([
      { state: 'delivered', attempts: 1, status: 204 },
      { state: 'delivered', attempts: 1, status: 204 },
    ]);
  });

  it('is given up after three days, and then what came later has its turn', async () => {
    const ada = await join();
    const [first] = await written(ada.userId);
    if (first === undefined) throw new Error('Nothing was written.');
    app.answer.with = (_got, response) => void response.writeHead(503).end();
    const almost = first.giveUpAt.getTime() - 60_000;
    expect(first.giveUpAt.getTime() - first.at.getTime()).toBe(triedForMs);
    const next = (await deliver(ada.userId, 'app', almost)) ?? 0;
    // The time that the call itself took counts.
    expect(next).toBeGreaterThanOrEqual(almost + 5_000);
    expect(next).toBeLessThan(almost + 50_000);
    expect(await written(ada.userId)).toMatchObject([
      { state: 'pending', attempts: 1, failure: 'refused', status: 503 },
      { state: 'pending', attempts: 0 },
    ]);
    await deliver(ada.userId, 'app', almost + 120_000);
    app.answer.with = undefined;
    expect(typesOf(app.about(ada.userId))).toEqual([
      'user.provisioned',
      'user.provisioned',
      'access.opened',
    ]);
    expect(await written(ada.userId)).toMatchObject([
      { state: 'dead', attempts: 2, failure: 'refused', nextAt: null },
      // It is as old: its first try is its last one.
      { state: 'dead', attempts: 1 },
    ]);
  });

  it('is given up at once where the endpoint says that it is gone', async () => {
    const ada = await join();
    app.answer.with = (got, response) =>
      void response.writeHead(got.type === 'user.provisioned' ? 410 : 200).end();
    expect(await deliver(ada.userId, 'app')).toBeNull();
    app.answer.with = undefined;
    expect(await written(ada.userId)).toMatchObject([
      { state: 'dead', failure: 'gone', status: 410, attempts: 1 },
      { state: 'delivered' },
    ]);
  });

  it('waits as long as Retry-After asks for', async () => {
    const ada = await join();
    app.answer.with = (_got, response) =>
      void response.writeHead(429, { 'retry-after': '120' }).end();
    const nowMs = Date.now();
    expect((await deliver(ada.userId, 'app', nowMs)) ?? 0).toBeGreaterThanOrEqual(nowMs + 120_000);
    app.answer.with = undefined;
  });

  it('follows no redirect, and reads no answer of ten megabytes', async () => {
    const ada = await join();
    app.answer.with = (_got, response) =>
      void response.writeHead(302, { location: `${crm.endpoint.url}?redirected` }).end();
    const before = crm.received.length;
    expect(await deliver(ada.userId, 'app')).not.toBeNull();
    expect(crm.received).toHaveLength(before);
    expect((await written(ada.userId))[0]).toMatchObject({ failure: 'refused', status: 302 });
    app.answer.with = (_got, response) => {
      response.writeHead(500);
      response.end('x'.repeat(10_000_000));
    };
    await deliver(ada.userId, 'app', Date.now() + 60_000);
    app.answer.with = undefined;
    expect((await written(ada.userId))[0]).toMatchObject({ failure: 'tooLarge', status: 500 });
  });

  it('reaches no private address unless that is allowed', async () => {
    const ada = await join();
    const before = app.received.length;
    const closed = notifierOf([{ ...app.endpoint, allowPrivate: false }]);
    expect(await deliver(ada.userId, 'app', Date.now(), closed)).not.toBeNull();
    expect(app.received).toHaveLength(before);
    expect((await written(ada.userId))[0]).toMatchObject({
      failure: 'privateAddress',
      status: null,
    });
    // Nor by a name that leads to one.
    const url = app.endpoint.url.replace('127.0.0.1', 'localhost');
    const named = notifierOf([{ ...app.endpoint, url, allowPrivate: false }]);
    await deliver(ada.userId, 'app', Date.now() + 60_000, named);
    expect(app.received).toHaveLength(before);
    expect((await written(ada.userId))[0]).toMatchObject({
      attempts: 2,
      failure: 'privateAddress',
    });
  });

  it('is tried later where nobody listens, or where this worker does not know the endpoint', async () => {
    const ada = await join();
    const gone = notifierOf([nobodyAt('app', 'http://127.0.0.1:9/')]);
    expect(await deliver(ada.userId, 'app', Date.now(), gone)).not.toBeNull();
    expect((await written(ada.userId))[0]).toMatchObject({ failure: 'unreachable' });
    await deliver(ada.userId, 'app', Date.now() + 60_000, notifierOf([]));
    expect((await written(ada.userId))[0]).toMatchObject({ failure: 'endpointUnknown' });
  });
});

describe('an endpoint that is slow for everybody', () => {
  it('is asked again by turns, 10 to 60 seconds later and later the more wait, which is no try', async () => {
    const [ada, bob] = [await join(), await join()];
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow: Notifier = {
      tell: async (...told) => {
        await released;
        return notifier.tell(...told);
      },
    };
    // Only these are needed to deliver.
    const deps = { store: tenure.store, notifier: slow } as unknown as ActivityDeps;
    const call = createDeliver(deps);
    const nowMs = Date.now();
    const asked = async (userId: string) => call({ userId, endpoint: 'app', nowMs });
    const places = Array.from({ length: 20 }, async () => asked(ada.userId));
    try {
      const waitsMs = [((await asked(bob.userId)) ?? 0) - nowMs];
      // No chore begins it before its turn, and none gives it up.
      const [first] = await written(bob.userId);
      expect(first).toMatchObject({ state: 'pending', attempts: 0, attemptedAt: null });
      expect(first?.wakeAt?.getTime()).toBeGreaterThan(nowMs + (waitsMs[0] ?? 0));
      for (let nth = 1; nth < 1500; nth += 1) {
        waitsMs.push(((await asked(bob.userId)) ?? 0) - nowMs);
      }
      expect(Math.min(...waitsMs)).toBeGreaterThanOrEqual(10_000);
      expect(Math.max(...waitsMs)).toBeLessThanOrEqual(60_000);
      const mean = (some: number[]) => some.reduce((sum, ms) => sum + ms, 0) / some.length;
      expect(mean(waitsMs.slice(0, 50))).toBeLessThan(20_000);
      expect(mean(waitsMs.slice(-50))).toBeGreaterThan(30_000);
      expect(new Set(waitsMs.slice(-50)).size).toBeGreaterThan(5);
    } finally {
      release();
      await Promise.all(places);
    }
    expect(await asked(bob.userId)).toBeNull();
    expect(app.about(bob.userId).map(({ type }) => type)).toContain('user.provisioned');
  });
});

describe('a dead letter', () => {
  async function deadLetter(): Promise<{ userId: string; dead: NotificationDocument }> {
    const ada = await join();
    app.answer.with = (_got, response) => void response.writeHead(410).end();
    await deliver(ada.userId, 'app');
    app.answer.with = undefined;
    const [dead] = await written(ada.userId);
    if (dead === undefined) throw new Error('Nothing was written.');
    return { userId: ada.userId, dead };
  }

  it('is delivered again when an admin replays it, with the same id', async () => {
    const { userId, dead } = await deadLetter();
    const request = { id: dead._id, by: 'admin:ada', reason: 'the endpoint is back' };
    const replayed = await replayNotification(tenure.store, request);
    expect(replayed).toMatchObject({ state: 'pending', attempts: 0, sequence: dead.sequence });
    expect(woke.at(-1)).toBe(userId);
    await expect(replayNotification(tenure.store, request)).rejects.toMatchObject({
      code: 'stillPending',
    });
    expect(await deliver(userId, 'app')).toBeNull();
    const got = app.about(userId).filter(({ id }) => id === dead._id);
    expect(got).toHaveLength(2);
    const [now] = await written(userId);
    expect(now).toMatchObject({ state: 'delivered', replayed: { by: 'admin:ada' } });
    expect(now?.expiresAt?.getTime()).toBeGreaterThan(Date.now() + 29 * 86_400_000);
  });

  it('is found by nobody who made its id up', async () => {
    const request = { id: 'notification_x', by: 'admin:ada', reason: null };
    await expect(replayNotification(tenure.store, request)).rejects.toMatchObject({
      code: 'notFound',
    });
  });
});

describe('a delivery that nobody began', () => {
  it('is begun by the chore, once for each user, and not again at once', async () => {
    const { userId } = await inTwo().then(async (two) => {
      const by = { membershipId: two.ids[0] ?? '', actor: 'admin:ada', reason: null };
      await disableMembership(tenure.store, by);
      return two;
    });
    const inTime = new Date();
    expect(await usersToWake(tenure.store, inTime, 1000)).not.toContain(userId);
    const late = new Date(Date.now() + 11_000);
    expect(await usersToWake(tenure.store, late, 1000)).toContain(userId);
    await woken(tenure.store, userId, late);
    expect(await usersToWake(tenure.store, late, 1000)).not.toContain(userId);
  });

  it('stays to be begun while Temporal takes no signal', async () => {
    const { ids, userId } = await inTwo();
    const by = { membershipId: ids[0] ?? '', actor: 'admin:ada', reason: null };
    await disableMembership(tenure.store, by);
    const { notifications } = tenure.store.collections;
    await notifications.updateMany({}, { $unset: { wakeAt: '' } });
    const wakeAt = new Date(0);
    await notifications.updateMany({ userId, state: 'pending' }, { $set: { wakeAt } });
    const down = { signal: async () => Promise.reject(new Error('Temporal is down.')) };
    await expect(startDeliveries(tenure.store, down)).rejects.toThrow('Temporal is down.');
    const signalled: string[] = [];
    const up = { signal: async (id: string) => void signalled.push(id) };
    expect(await startDeliveries(tenure.store, up)).toBe(true);
    expect(await startDeliveries(tenure.store, up)).toBe(false);
    expect(signalled).toEqual([userId]);
  });
});

describe("the host application's own id of a user", () => {
  async function provision(
    answer: object | string,
    file: Pick<HostFile, 'users'> = { users: null },
  ): Promise<Person> {
    const ada = await join();
    app.answer.with = (_got, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    };
    await deliver(ada.userId, 'app', Date.now(), notifier, file);
    app.answer.with = undefined;
    return ada;
  }

  async function hostUserIdOf(userId: string): Promise<string | undefined> {
    const user = await tenure.store.collections.users.findOne({ _id: userId });
    return user?.hostUserId;
  }

  function nobody(): SsoProfile {
    const idpId = workosId('idp');
    return { idpId, connectionId: null, email: null, firstName: null, lastName: null, name: null };
  }

  function rules(): LoginRules {
    const policy = { ...tenure.file.defaults.policy, jit: true };
    const file = { ...tenure.file, defaults: { ...tenure.file.defaults, policy } };
    return { file, newUserId: () => newId('user'), mode: 'login' };
  }

  it('is taken from the answer to user.provisioned, and said from then on', async () => {
    const hostUserId = workosId('row');
    const ada = await provision({ hostUserId });
    expect(await hostUserIdOf(ada.userId)).toBe(hostUserId);
    expect(app.about(ada.userId).map(({ data }) => data['hostUserId'])).toEqual([null, hostUserId]);
    const { organizationId } = ada;
    for (const userId of [hostUserId, ada.userId]) {
      const answer = await checkAccess(tenure.store.db, { organizationId, userId });
      expect(answer).toMatchObject({ allowed: true, userId: hostUserId });
    }
    const stranger = await checkAccess(tenure.store.db, { organizationId, userId: 'row_0' });
    expect(stranger).toMatchObject({ allowed: false, reason: 'unknown' });
  });

  it('is what the connectors and the projection call the user', async () => {
    const hostUserId = workosId('row');
    const ada = await provision({ hostUserId });
    const host = callingUsersByHostIds(tenure.host, async (id) => idAtHost(tenure.store, id));
    const projects = tenure.hostDb.collection<{ _id: string; ownerId: string }>('projects');
    const { organizationId } = ada;
    await projects.insertOne({ _id: 'p1', ownerId: hostUserId, ...{ organizationId } });
    const membership = await membershipById(tenure, ada.membershipId);
    const whose = await hostMembership(tenure.store, membership);
    expect(whose.userId).toBe(hostUserId);
    const owned = await host.ownedResources(
      whose,
      { kinds: ['project'] },
      { after: null, limit: 10 },
    );
    expect(await host.ownsResource(ada.userId, { kind: 'project', id: 'p1' })).toBe(true);
    const to = host.organizationOwner(organizationId);
    expect(await host.changeOwner({ resources: owned, from: ada.userId, to })).toBe(1);
    expect(await projects.findOne({ _id: 'p1' })).toMatchObject({ ownerId: to });
    expect(await host.changeOwner({ resources: owned, from: to, to: ada.userId })).toBe(1);
    expect(await projects.findOne({ _id: 'p1' })).toMatchObject({ ownerId: hostUserId });
  });

  it('ends what was written with either id, that of the answer of the gate among them', async () => {
    const ada = await provision({ hostUserId: workosId('row') });
    const { organizationId } = ada;
    const answer = await checkAccess(tenure.store.db, { organizationId, userId: ada.userId });
    const login = await logIn(tenure.store, { organizationId, userId: ada.userId }, rules());
    expect(answer.userId).toBe(await hostUserIdOf(ada.userId));
    expect(login.decision.userId).toBe(answer.userId);
    const sessions = tenure.hostDb.collection('sessions');
    const other = workosId('row');
    const ids = [answer.userId, ada.userId, other];
    await sessions.insertMany(ids.map((userId) => ({ userId, organizationId })));
    const whose = await hostMembership(
      tenure.store,
      await membershipById(tenure, ada.membershipId),
    );
    await revokeEverywhere(tenure.host.credentialSources, whose, {
      closing: 1,
      policy: { readBackPauseMs: 1, giveUpAfterMs: 10_000 },
      beat: () => undefined,
    });
    const left = await sessions.find({ organizationId }).toArray();
    expect(left).toMatchObject([{ userId: other }]);
  });

  it('is answered to somebody whom a login makes a member of another organization', async () => {
    const ada = await provision({ hostUserId: workosId('row') });
    const hostUserId = await hostUserIdOf(ada.userId);
    const organizationId = workosId('org');
    const sso = { ...nobody(), email: `${workosId('mail')}@example.com` };
    const login = { organizationId, userId: ada.userId, sso };
    const observed = await logIn(tenure.store, login, { ...rules(), mode: 'observing' });
    expect(observed.decision).toMatchObject({ allowed: true, userId: hostUserId });
    const joined = await logIn(tenure.store, login, rules());
    expect(joined.decision).toMatchObject({ allowed: true, userId: hostUserId });
  });

  it('may be a number, as those of PostgreSQL are', async () => {
    const row = Date.now();
    const ada = await provision({ hostUserId: row });
    expect(await hostUserIdOf(ada.userId)).toBe(String(row));
  });

  it.each([
    ['an object', { hostUserId: { $ne: null } }],
    ['empty', { hostUserId: '' }],
    ['too long', { hostUserId: 'x'.repeat(256) }],
    ['of control characters', { hostUserId: 'a\u0000b' }],
    ['an address', { hostUserId: 'ada@example.com' }],
    ['a name', { hostUserId: 'Ada Lovelace' }],
    ['a fraction', { hostUserId: 1.5 }],
    ['not JSON', '<html>ok</html>'],
  ])(
    'is not taken where it is %s, and the notification was delivered all the same',
    async (_what, answer) => {
      const ada = await provision(answer);
      expect(await hostUserIdOf(ada.userId)).toBeUndefined();
      expect((await written(ada.userId))[0]).toMatchObject({ state: 'delivered' });
    },
  );

  /** Answers the notification of somebody whose access was closed, and says what a revocation finds after it. */
  async function learnedLate(
    ada: Person,
    during: (store: Store) => Store = (store) => store,
  ): Promise<Membership> {
    const [provisioned] = await written(ada.userId);
    if (provisioned === undefined) throw new Error('Nothing was written.');
    const file = { users: null };
    const tried = { nowMs: Date.now(), status: 200, hostUserId: workosId('row') };
    await recordDelivered(during(tenure.store), file, provisioned, tried);
    return membershipById(tenure, ada.membershipId);
  }

  const suspend = async (ada: Person, store = tenure.store) =>
    disableMembership(store, { membershipId: ada.membershipId, actor: 'admin:ada', reason: null });

  it('has everything revoked once more where it is said after access was closed', async () => {
    const ada = await join();
    await suspend(ada);
    await drive(tenure, ada.membershipId);
    const before = await membershipById(tenure, ada.membershipId);
    expect(before.revokedClosings).toBe(before.closings);
    const after = await learnedLate(ada);
    expect(after).toMatchObject({ closings: before.closings + 1, urgent: true });
    expect(after.revokedClosings).toBe(before.closings);
    const { step } = await drive(tenure, ada.membershipId, { stopAt: 'revoke' });
    expect(step).toEqual({ do: 'revoke', closing: after.closings });
  });

  it('has everything revoked once more, and nobody disabled, who is in again meanwhile', async () => {
    const ada = await join();
    await suspend(ada);
    await drive(tenure, ada.membershipId);
    const by = { membershipId: ada.membershipId, actor: 'admin:ada', reason: null };
    await reactivateMembership(tenure.store, by);
    await drive(tenure, ada.membershipId);
    const before = await membershipById(tenure, ada.membershipId);
    expect(await learnedLate(ada)).toMatchObject({
      closings: before.closings + 1,
      access: { state: 'open' },
      status: 'active',
      disabledAt: null,
    });
  });

  it('has nothing revoked of somebody whose access was never closed', async () => {
    expect(await learnedLate(await join())).toMatchObject({
      closings: 0,
      access: { state: 'open' },
    });
  });

  it('misses no closing that is committed while it is learned', async () => {
    const ada = await join();
    let closed = false;
    const after = await learnedLate(ada, (store) => ({
      ...store,
      fences: {
        ...store.fences,
        async keys(tx, keys) {
          // The snapshot is taken: what is committed now it does not see.
          if (!closed) await suspend(ada, { ...store, telling: tellNobody });
          closed = true;
          return store.fences.keys(tx, keys);
        },
      },
    }));
    expect(after.closings).toBe(2);
  });

  /** Commits the erasure of these memberships of one user, as if they were due. */
  async function commit(...ids: string[]): Promise<void> {
    const erasure = {
      committedAt: new Date(),
      pseudonym: 'former-user-0',
      wholeUser: true,
      completedAt: null,
      counts: {},
    };
    const filter = { _id: { $in: ids } };
    await tenure.store.collections.memberships.updateMany(filter, { $set: { erasure } });
  }

  const complete = async (id: string, store = tenure.store) =>
    completeErasure(store, id, { counts: {}, outcome: 'anonymized' });

  async function forgotten(): Promise<{ ada: Person; hostUserId: string }> {
    const hostUserId = workosId('row');
    const ada = await provision({ hostUserId });
    await commit(ada.membershipId);
    await complete(ada.membershipId);
    return { ada, hostUserId };
  }

  it('is forgotten with the user, and told with the end all the same', async () => {
    const { ada, hostUserId } = await forgotten();
    const { users, gate } = tenure.store.collections;
    const atTenure = JSON.stringify([
      await users.find({ _id: ada.userId }).toArray(),
      await gate.find({ userId: ada.userId }).toArray(),
    ]);
    expect(atTenure).toContain(ada.userId);
    expect(atTenure).not.toContain(hostUserId);
    await deliver(ada.userId, 'app');
    const told = app.about(ada.userId).at(-1);
    expect(told).toMatchObject({ type: 'user.anonymized', data: { hostUserId } });
    expect(JSON.stringify(await written(ada.userId))).not.toContain(hostUserId);
  });

  it('brings nobody back who was forgotten, and is given to nobody else', async () => {
    const { hostUserId } = await forgotten();
    await expect(importUser(tenure.store, imported(hostUserId), 'import')).rejects.toThrow(
      'A user with this id was anonymized',
    );
    const sso = { ...nobody(), email: `${workosId('mail')}@example.com` };
    const login = { organizationId: workosId('org'), userId: hostUserId, sso };
    const { decision } = await logIn(tenure.store, login, rules());
    expect(decision).toMatchObject({ allowed: false, reason: 'anonymized' });
    const eve = await provision({ hostUserId });
    expect(await hostUserIdOf(eve.userId)).toBeUndefined();
  });

  it('stays until the last erasure, also where two end at once', async () => {
    const { userId, ids } = await inTwo();
    const hostUserId = workosId('row');
    await tenure.store.collections.users.updateOne({ _id: userId }, { $set: { hostUserId } });
    await commit(...ids);
    await complete(ids[0] ?? '');
    expect(await hostUserIdOf(userId)).toBe(hostUserId);
    const both = await inTwo();
    await tenure.store.collections.users.updateOne(
      { _id: both.userId },
      { $set: { hostUserId: workosId('row') } },
    );
    await commit(...both.ids);
    // A notification would take the fence of the user by itself.
    const { store } = meeting({ ...tenure.store, telling: tellNobody }, 2);
    await Promise.all(both.ids.map(async (id) => complete(id, store)));
    expect(await hostUserIdOf(both.userId)).toBeUndefined();
  });

  it('is one user where a login by it comes while it is learned', async () => {
    const ada = await join();
    const hostUserId = workosId('row');
    const [provisioned] = await written(ada.userId);
    if (provisioned === undefined) throw new Error('Nothing was written.');
    const { store } = meeting(tenure.store, 2);
    const sso = { ...nobody(), email: `${workosId('mail')}@example.com` };
    await Promise.all([
      logIn(store, { organizationId: workosId('org'), userId: hostUserId, sso }, rules()),
      recordDelivered(store, { users: null }, provisioned, {
        nowMs: Date.now(),
        status: 200,
        hostUserId,
      }),
    ]);
    const called = { $or: [{ _id: hostUserId }, { hostUserId }] };
    expect(await tenure.store.collections.users.countDocuments(called)).toBe(1);
  });

  it('stays as it was said first, and an admin is told of another one', async () => {
    const ada = await provision({ hostUserId: workosId('row') });
    const first = await hostUserIdOf(ada.userId);
    const [provisioned] = await written(ada.userId);
    for (let nth = 0; nth < 2; nth += 1) {
      const request = { id: provisioned?._id ?? '', by: 'admin:ada', reason: null };
      await replayNotification(tenure.store, request);
      app.answer.with = (_got, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ hostUserId: workosId('row') }));
      };
      await deliver(ada.userId, 'app');
      app.answer.with = undefined;
    }
    expect(await hostUserIdOf(ada.userId)).toBe(first);
    const notices = await tenure.store.collections.notices
      .find({ subjectId: ada.userId })
      .toArray();
    expect(notices).toMatchObject([{ code: 'hostUserIdDiffers' }]);
  });

  it('is not taken where Tenure made the record under its own id, and an admin is told', async () => {
    const ada = await provision({ hostUserId: workosId('row') }, tenure.file);
    expect(tenure.file.users).not.toBeNull();
    expect(await hostUserIdOf(ada.userId)).toBeUndefined();
    const told = await tenure.store.collections.notices.findOne({ subjectId: ada.userId });
    expect(told).toMatchObject({ code: 'hostUserIdDiffers', organizationId: ada.organizationId });
  });

  it("is not taken where it is somebody else's", async () => {
    const ada = await provision({ hostUserId: workosId('row') });
    for (const taken of [ada.userId, await hostUserIdOf(ada.userId)]) {
      const eve = await provision({ hostUserId: taken });
      expect(await hostUserIdOf(eve.userId)).toBeUndefined();
    }
  });

  it('is the same user where somebody is imported by it, and no second one', async () => {
    const hostUserId = workosId('row');
    const ada = await provision({ hostUserId });
    const person = { ...imported(hostUserId), organizationId: ada.organizationId };
    expect(await importUser(tenure.store, person, 'import')).toMatchObject({
      id: ada.userId,
      membershipId: ada.membershipId,
      outcome: 'existing',
    });
    const elsewhere = await importUser(tenure.store, imported(hostUserId), 'import');
    expect(elsewhere).toMatchObject({ id: ada.userId, outcome: 'created' });
    const { organizationId } = elsewhere;
    expect(
      await checkAccess(tenure.store.db, { organizationId, userId: hostUserId }),
    ).toMatchObject({ allowed: true, userId: hostUserId });
  });

  it('is given to one of two users whose answers come at once', async () => {
    const hostUserId = workosId('row');
    const people = [await join(), await join()];
    app.answer.with = (_got, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ hostUserId }));
    };
    await Promise.all(people.map(async ({ userId }) => deliver(userId, 'app')));
    app.answer.with = undefined;
    expect(await tenure.store.collections.users.countDocuments({ hostUserId })).toBe(1);
  });
});
