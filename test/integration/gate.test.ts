import { randomUUID } from 'node:crypto';

import { MongoClient, ReadConcern, type Document } from 'mongodb';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ConnectionType, type AuthenticationResponse, type Profile } from '@workos-inc/node';

import { createGate, InvalidQuestion, type GateOptions } from '../../gate/create-gate.ts';
import { openMembership } from '../../transitions/membership/open-membership.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { testServers } from '../support/servers.ts';
import { aPerson, gateKey, startApi, type TestApi } from './api-fixture.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});

afterAll(async () => api.close());

/** Sends an event again while it is answered 503, as WorkOS does: a busy machine misses the deadline. */
async function deliver(event: unknown): Promise<void> {
  let { status } = await api.deliver(event);
  for (let tries = 0; status === 503 && tries < 20; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    ({ status } = await api.deliver(event));
  }
  expect(status).toBe(200);
}

/** Somebody who came by the directory and whom the lifecycle let in, with a role. */
async function openPerson(parts: Record<string, string> = {}) {
  const person = aPerson(parts);
  const { data } = person.event('created');
  await deliver(person.event('created'));
  const { json } = await api.call('GET', `/v1/users?directoryUserId=${person.id}`);
  const [membership] = json.data[0].memberships;
  const { revision } = (await api.store.collections.memberships.findOne({ _id: membership.id }))!;
  await openMembership(api.store, membership.id, revision);
  await api.call('PUT', `/v1/memberships/${membership.id}/roles`, { body: { roles: ['editor'] } });
  const [email, idpId] = [String(data['email']), String(data['idp_id'])];
  return { ...person, email, idpId, userId: String(json.data[0].id), membershipId: membership.id };
}
type OpenPerson = Awaited<ReturnType<typeof openPerson>>;

function gateOf(options: Partial<GateOptions> = {}) {
  return createGate({ db: api.store.db, ...options });
}

function profileOf(person: OpenPerson, parts: Partial<Profile<Record<string, unknown>>> = {}) {
  const profile: Profile<Record<string, unknown>> = {
    id: 'prof_1',
    idpId: person.idpId,
    organizationId: person.organizationId,
    connectionId: 'conn_1',
    connectionType: ConnectionType.OktaSAML,
    email: person.email,
    ...parts,
  };
  return profile;
}

function authkitOf(person: OpenPerson, user: object = {}, parts: object = {}) {
  return {
    user: { object: 'user', id: 'user_workos', email: person.email, emailVerified: true, ...user },
    organizationId: person.organizationId,
    accessToken: '',
    refreshToken: '',
    ...parts,
  } as AuthenticationResponse;
}

const byEmail = { organizationId: 'o', action: 'read', email: 'ada@example.com' };

describe('the gate in a host application', () => {
  it('answers as POST /v1/access-checks does, by every identity and for every action', async () => {
    const person = await openPerson();
    const { organizationId, userId, email, idpId } = person;
    const gate = gateOf();
    for (const identity of [
      { userId },
      { directoryUserId: person.id },
      { email: ` ${email.toUpperCase()}` },
      { sso: { idpId } },
      { sso: { idpId: 'idp-new', email } },
      { userId, email, sso: { idpId, email: 'else@example.com' } },
      { userId, email: 'nobody@example.com' },
      { userId: 'user_nobody' },
    ]) {
      for (const action of ['read', 'write'] as const) {
        const body = { organizationId, action, ...identity };
        const { json } = await api.call('POST', '/v1/access-checks', { key: gateKey, body });
        expect(await gate.check(body)).toEqual(json);
      }
    }
    const allowed = { allowed: true, reason: 'open', userId, roles: ['editor'] };
    expect(await gate.check({ organizationId, action: 'login', userId })).toMatchObject(allowed);
  });

  it('takes absent identities as undefined or null', async () => {
    const { organizationId, userId } = await openPerson();
    const question = { organizationId, action: 'read', userId } as const;
    const absent = { directoryUserId: null, email: undefined, sso: null };
    expect(await gateOf().check({ ...question, ...absent })).toMatchObject({ allowed: true });
  });

  it('knows nobody of another organization, and no two people as one', async () => {
    const ada = await openPerson();
    const { organizationId, directoryId } = ada;
    const bob = await openPerson({ organizationId, directoryId });
    const elsewhere = await openPerson();
    const gate = gateOf();
    const reasonOf = async (question: object) =>
      (await gate.check({ organizationId, action: 'write', userId: ada.userId, ...question }))
        .reason;
    expect(await reasonOf({ organizationId: elsewhere.organizationId })).toBe('unknown');
    expect(await reasonOf({ organizationId: 'org_nobody_knows' })).toBe('unknown');
    for (const other of [
      { email: bob.email },
      { directoryUserId: bob.id },
      { sso: { idpId: bob.idpId } },
      { sso: { idpId: 'idp-new', email: bob.email } },
      { email: elsewhere.email },
      { sso: { idpId: elsewhere.idpId } },
    ]) {
      expect(await reasonOf(other)).toBe('identityMismatch');
    }
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'user'],
    ['an empty question', {}],
    ['nobody', { organizationId: 'o', action: 'read' }],
    ['nobody but nulls', { organizationId: 'o', action: 'read', userId: null, sso: null }],
    ['no organization', { action: 'read', userId: 'u' }],
    ['no action', { organizationId: 'o', userId: 'u' }],
    ['an unknown action', { organizationId: 'o', userId: 'u', action: 'delete' }],
    ['a list of actions', { organizationId: 'o', userId: 'u', action: ['read'] }],
    ['an operator', { organizationId: 'o', action: 'read', userId: { $ne: null } }],
    [
      'an operator for the organization',
      { organizationId: { $gt: '' }, action: 'read', userId: 'u' },
    ],
    ['a list', { organizationId: 'o', action: 'read', userId: ['u'] }],
    ['a number', { organizationId: 'o', action: 'read', userId: 0 }],
    ['an empty text', { organizationId: 'o', action: 'read', userId: '' }],
    ['blanks', { organizationId: 'o', action: 'read', email: '  ' }],
    ['a long text', { organizationId: 'o', action: 'read', email: 'x'.repeat(10_000) }],
    ['half a surrogate pair', { organizationId: 'o', action: 'read', userId: '\ud800' }],
    ['an unknown meaning of the address', { ...byEmail, emailOf: 'person' }],
    ['an operator as the meaning of the address', { ...byEmail, emailOf: { $ne: 'account' } }],
    ['a text for sso', { organizationId: 'o', action: 'read', sso: 'idp' }],
    ['sso without an id', { organizationId: 'o', action: 'read', sso: { email: 'a@example.com' } }],
    ['an operator in sso', { organizationId: 'o', action: 'read', sso: { idpId: { $gt: '' } } }],
    [
      'an operator as its address',
      { organizationId: 'o', action: 'read', sso: { idpId: 'i', email: {} } },
    ],
  ])('throws for %s', async (_what, question) => {
    for (const options of [{}, { onStoreDown: 'allowReads', readCacheMs: 1_000 } as const]) {
      await expect(gateOf(options).check(question as never)).rejects.toThrow(InvalidQuestion);
    }
    // While it observes, a trial takes nothing down, and the mistake is told.
    const errors: unknown[] = [];
    const trial = gateOf({ observe: true, onError: (error) => void errors.push(error) });
    expect(await trial.check(question as never)).toMatchObject({ allowed: true, observed: null });
    expect(errors).toMatchObject([{ name: 'InvalidQuestion' }]);
  });

  it('quotes no value in an error', async () => {
    const question = { organizationId: 'o', action: 'read', userId: ['secret@example.com'] };
    const told = await gateOf()
      .check(question as never)
      .catch((error: Error) => error.message);
    expect(told).toBe('userId must be a text of 1 to 1024 characters.');
  });

  it('reads from the primary what a majority has, whatever the database is opened with', async () => {
    const { organizationId, userId } = await openPerson();
    const client = new MongoClient(testServers().mongodbUrl, { monitorCommands: true });
    const concerns: unknown[] = [];
    client.on('commandStarted', ({ command }) => void concerns.push(command['readConcern']));
    const db = client.db(api.store.db.databaseName, {
      readPreference: 'secondary',
      readConcern: new ReadConcern('local'),
    });
    const gate = createGate({ db });
    // A replica set of one has no secondary: who asks for one gets no answer.
    expect(await gate.check({ organizationId, userId, action: 'write' })).toMatchObject({
      allowed: true,
    });
    expect(concerns).toEqual([{ level: 'majority' }]);
    await client.close();
  });

  it('reads the rows of the person alone, however many people the organization has', async () => {
    const organizationId = `org_${randomUUID()}`;
    const { membershipId } = await openPerson();
    const row = await api.store.collections.gate.findOne({ _id: membershipId });
    const others = Array.from({ length: 200 }, (_, nth) => ({
      ...row!,
      _id: `${organizationId}/${nth}`,
      organizationId,
      userId: `user_${nth}`,
      userIds: [`user_${nth}`],
      directoryUserIds: [`directory_user_${nth}`],
      idpIds: [`idp_${nth}`],
      emails: [`person.${nth}@example.com`],
    }));
    await api.store.collections.gate.insertMany(others);
    const client = new MongoClient(testServers().mongodbUrl, { monitorCommands: true });
    const db = client.db(api.store.db.databaseName);
    const filters: Document[] = [];
    client.on('commandStarted', ({ command }) => {
      if (command['find'] === 'gate_v1') filters.push(command['filter']);
    });
    const gate = createGate({ db });
    for (const identity of [
      { userId: 'user_7' },
      { directoryUserId: 'directory_user_7' },
      { email: 'person.7@example.com' },
      { sso: { idpId: 'idp_7', email: 'person.7@example.com' } },
    ]) {
      const answer = await gate.check({ organizationId, action: 'write', ...identity });
      expect(answer).toMatchObject({ allowed: true, userId: 'user_7' });
    }
    expect(filters).toHaveLength(4);
    for (const filter of filters) {
      const explained = await db.collection('gate_v1').find(filter).explain('executionStats');
      const keys = /"totalKeysExamined":(\d+)/.exec(JSON.stringify(explained))?.[1];
      expect({ filter, few: Number(keys) <= 4 }).toEqual({ filter, few: true });
    }
    await client.close();
  });

  it.each<[string, object, string]>([
    ['a cache of more than a second', { readCacheMs: 1_001 }, 'readCacheMs'],
    ['a cache of less than nothing', { readCacheMs: -1 }, 'readCacheMs'],
    ['a cache of no number', { readCacheMs: Number.NaN }, 'readCacheMs'],
    ['a cache without a size', { readCacheSize: 0 }, 'readCacheSize'],
    ['no time', { timeoutMs: 0 }, 'timeoutMs'],
    ['a misspelled outage', { onStoreDown: 'allow' }, 'onStoreDown'],
    ['no database', { db: undefined }, 'db must'],
  ])('cannot be made with %s', (_what, options, told) => {
    expect(() => gateOf(options)).toThrow(told);
  });
});

describe('an SSO or AuthKit callback', () => {
  it('lets in by the id of the profile, else by its address, and writes nothing', async () => {
    const person = await openPerson();
    const gate = gateOf();
    const before = await api.store.collections.gate.findOne({ _id: person.membershipId });
    const users = await api.store.collections.users.countDocuments();
    const allowed = { allowed: true, userId: person.userId };
    expect(await gate.canLogIn(profileOf(person))).toMatchObject(allowed);
    expect(await gate.canLogIn(profileOf(person, { email: '' }))).toMatchObject(allowed);
    const byAddress = { idpId: 'saml-name-id' };
    expect(await gate.canLogIn(profileOf(person, byAddress))).toMatchObject(allowed);
    const stranger = { idpId: 'idp-x', email: 'stranger@example.com' };
    expect(await gate.canLogIn(profileOf(person, stranger))).toMatchObject({
      allowed: false,
      reason: 'unknown',
    });
    expect(await api.store.collections.gate.findOne({ _id: person.membershipId })).toEqual(before);
    expect(await api.store.collections.users.countDocuments()).toBe(users);
  });

  it('denies a leaver, with the reason, although the identity provider says yes', async () => {
    const person = await openPerson();
    await deliver(person.event('deleted'));
    const gate = gateOf();
    const denied = { allowed: false, reason: 'notBacked', roles: [] };
    expect(await gate.canLogIn(profileOf(person))).toMatchObject(denied);
    expect(await gate.canLogIn(profileOf(person, { idpId: 'saml-name-id' }))).toMatchObject(denied);
    expect(await gate.canLogIn(authkitOf(person))).toMatchObject(denied);
  });

  it("takes an AuthKit user by the host's own id, else by a verified address", async () => {
    const person = await openPerson();
    const gate = gateOf();
    const allowed = { allowed: true, userId: person.userId };
    const unknown = { allowed: false, reason: 'unknown' };
    expect(await gate.canLogIn(authkitOf(person))).toMatchObject(allowed);
    const byId = { externalId: person.userId, email: 'former@example.com', emailVerified: false };
    expect(await gate.canLogIn(authkitOf(person, byId))).toMatchObject(allowed);
    const anothers = { externalId: 'user_nobody' };
    expect(await gate.canLogIn(authkitOf(person, anothers))).toMatchObject(unknown);
    for (const emailVerified of [false, undefined, 'true']) {
      const unverified = authkitOf(person, { emailVerified });
      expect(await gate.canLogIn(unverified)).toMatchObject(unknown);
    }
  });

  it("lets no leaver's AuthKit account in as the newcomer who was given the address", async () => {
    const tom = await openPerson();
    const { organizationId, directoryId, email } = tom;
    const gate = gateOf();
    const account = authkitOf(tom);
    expect(await gate.canLogIn(account)).toMatchObject({ allowed: true, userId: tom.userId });
    await deliver(tom.event('deleted'));
    expect(await gate.canLogIn(account)).toMatchObject({ allowed: false, reason: 'notBacked' });
    const newcomer = await openPerson({ organizationId, directoryId, email });
    expect(newcomer.userId).not.toBe(tom.userId);
    // The account has outlived the leaving, with its password: at WorkOS it is verified as ever.
    const nobody = { allowed: false, reason: 'ambiguous', userId: null, roles: [] };
    expect(await gate.canLogIn(account)).toMatchObject(nobody);
    expect(await gate.canLogIn(authkitOf(tom, { externalId: tom.userId }))).toMatchObject({
      allowed: false,
      reason: 'notBacked',
    });
    const newcomers = authkitOf(tom, { externalId: newcomer.userId });
    const theirs = { allowed: true, userId: newcomer.userId };
    expect(await gate.canLogIn(newcomers)).toMatchObject(theirs);
    // Where the host application knows that it is the person's, the address means whoever has it now.
    const byAddress = { organizationId, email, action: 'read' } as const;
    expect(await gate.check(byAddress)).toMatchObject(theirs);
    const caching = gateOf({ readCacheMs: 1_000 });
    expect(await caching.check(byAddress)).toMatchObject(theirs);
    expect(await caching.check({ ...byAddress, emailOf: 'account' })).toMatchObject(nobody);
    expect(await caching.check(byAddress)).toMatchObject(theirs);
  });

  it('lets nobody in without an organization, and translates its id', async () => {
    const person = await openPerson();
    const unknown = { allowed: false, reason: 'unknown' };
    for (const organizationId of [undefined, null]) {
      expect(await gateOf().canLogIn({ ...profileOf(person), organizationId })).toMatchObject(
        unknown,
      );
      expect(await gateOf().canLogIn(authkitOf(person, {}, { organizationId }))).toMatchObject(
        unknown,
      );
    }
    const mapped = gateOf({
      organizationOf: (id) => (id === 'org_workos' ? person.organizationId : id),
    });
    const elsewhere = profileOf(person, { organizationId: 'org_workos' });
    expect(await mapped.canLogIn(elsewhere)).toMatchObject({ allowed: true });
    expect(await gateOf().canLogIn(elsewhere)).toMatchObject(unknown);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['no id', { organizationId: 'o', email: 'a@example.com' }],
    ['an operator as id', { organizationId: 'o', idpId: { $ne: 1 } }],
    ['an operator as organization', { organizationId: { $ne: 1 }, idpId: 'i' }],
    ['no user', { organizationId: 'o', user: null }],
    ['an operator as address', { organizationId: 'o', user: { email: {}, emailVerified: true } }],
    [
      'an empty id of the host',
      { organizationId: 'o', user: { email: 'a@example.com', externalId: '' } },
    ],
  ])('throws for a profile with %s', async (_what, profile) => {
    await expect(gateOf().canLogIn(profile as never)).rejects.toThrow(InvalidQuestion);
  });
});

describe('answers from memory', () => {
  const clients: MongoClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
  });

  /** A gate on a connection of its own, and how often it asked MongoDB. */
  async function counting(options: Partial<GateOptions>) {
    const client = new MongoClient(testServers().mongodbUrl, { monitorCommands: true });
    clients.push(client);
    let asked = 0;
    client.on('commandStarted', ({ commandName }) => {
      asked += Number(['find', 'aggregate'].includes(commandName));
    });
    const db = client.db(api.store.db.databaseName);
    return { gate: createGate({ db, ...options }), asked: () => asked };
  }

  it('are given for reads, for the same question only, and never without a cache', async () => {
    const { organizationId, userId, email } = await openPerson();
    const { gate, asked } = await counting({ readCacheMs: 1_000 });
    const first = await gate.check({ organizationId, userId, action: 'read' });
    expect(first).toMatchObject({ allowed: true });
    first.roles.push('admin');
    expect(await gate.check({ organizationId, userId, action: 'read' })).toMatchObject({
      roles: ['editor'],
    });
    expect(asked()).toBe(1);
    await gate.check({ organizationId, userId, email, action: 'read' });
    await gate.check({ organizationId, email: userId, action: 'read' });
    await gate.check({ organizationId: 'org_other', userId, action: 'read' });
    await gate.check({ organizationId, sso: { idpId: userId }, action: 'read' });
    expect(asked()).toBe(5);
    const without = await counting({});
    for (let times = 0; times < 3; times += 1) {
      await without.gate.check({ organizationId, userId, action: 'read' });
    }
    expect(without.asked()).toBe(3);
  });

  it('are never given for logins and writes', async () => {
    const person = await openPerson();
    const { organizationId, userId } = person;
    const { gate, asked } = await counting({ readCacheMs: 1_000 });
    for (const action of ['read', 'write', 'write', 'login', 'login'] as const) {
      expect(await gate.check({ organizationId, userId, action })).toMatchObject({ allowed: true });
    }
    await gate.canLogIn(profileOf(person));
    expect(asked()).toBe(6);
  });

  it('are of the last moment: what was asked longer ago than that lets nobody in', async () => {
    const readCacheMs = 400;
    const gate = gateOf({ readCacheMs });
    const person = await openPerson();
    const { organizationId, userId } = person;
    let goneAt = Number.POSITIVE_INFINITY;
    let letInAt = 0;
    let done = false;
    const reading = (async () => {
      while (!done) {
        const startedAt = performance.now();
        const { allowed } = await gate.check({ organizationId, userId, action: 'read' });
        if (allowed) letInAt = startedAt;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await deliver(person.event('deleted'));
    goneAt = performance.now();
    expect(await gate.check({ organizationId, userId, action: 'write' })).toMatchObject({
      allowed: false,
      reason: 'notBacked',
    });
    await new Promise((resolve) => setTimeout(resolve, readCacheMs * 2));
    done = true;
    await reading;
    expect(letInAt).toBeGreaterThan(0);
    expect(letInAt - goneAt).toBeLessThan(readCacheMs);
  });
});

describe('a request that starts after WorkOS got its 200', () => {
  it('is let in by nothing, whoever leaves while requests are under way', async () => {
    const gate = gateOf();
    const people: OpenPerson[] = [];
    for (let nth = 0; nth < 5; nth += 1) people.push(await openPerson());
    const checks = { before: 0, after: 0, letInAfter: 0 };
    await Promise.all(
      people.map(async (person) => {
        const { organizationId, userId } = person;
        const state = { goneAt: Number.POSITIVE_INFINITY };
        const asking = async (ask: () => Promise<boolean>): Promise<void> => {
          for (let more = 5; more > 0;) {
            const startedAt = performance.now();
            const allowed = await ask();
            const isAfter = startedAt >= state.goneAt;
            if (isAfter) more -= 1;
            checks.before += Number(!isAfter && allowed);
            checks.after += Number(isAfter);
            checks.letInAfter += Number(isAfter && allowed);
          }
        };
        const embedded = asking(
          async () => (await gate.check({ organizationId, userId, action: 'read' })).allowed,
        );
        const overHttp = asking(async () => {
          const body = { organizationId, userId, action: 'read' };
          const { json } = await api.call('POST', '/v1/access-checks', { key: gateKey, body });
          return json.allowed;
        });
        await deliver(person.event('deleted'));
        state.goneAt = performance.now();
        await Promise.all([embedded, overHttp]);
      }),
    );
    expect(checks).toEqual({ before: expect.any(Number), after: 50, letInAfter: 0 });
    expect(checks.before).toBeGreaterThan(5);
  });
});

describe('while MongoDB does not answer', () => {
  let proxy: Proxy;
  let client: MongoClient;

  beforeAll(async () => {
    proxy = await startProxy(new URL(testServers().mongodbUrl).host);
    const url = `mongodb://${proxy.address}/?directConnection=true`;
    client = new MongoClient(url, { serverSelectionTimeoutMS: 500 });
    await client.connect();
  });

  afterAll(async () => {
    await client.close();
    await proxy.close();
  });

  afterEach(() => proxy.setMode('pass'));

  function awayGate(options: Partial<GateOptions> = {}) {
    return createGate({ db: client.db(api.store.db.databaseName), timeoutMs: 300, ...options });
  }

  it.each(['blackhole', 'refuse'] as const)(
    '(%s) everybody is denied, within the time that was set',
    async (mode) => {
      const person = await openPerson();
      const { organizationId, userId } = person;
      const errors: unknown[] = [];
      const gate = awayGate({ onError: (error) => void errors.push(error) });
      expect(await gate.check({ organizationId, userId, action: 'read' })).toMatchObject({
        allowed: true,
      });
      proxy.setMode(mode);
      const startedAt = performance.now();
      const denied = { allowed: false, reason: 'unavailable', userId: null, roles: [] };
      for (const action of ['login', 'read', 'write'] as const) {
        expect(await gate.check({ organizationId, userId, action })).toMatchObject(denied);
      }
      expect(await gate.canLogIn(profileOf(person))).toMatchObject(denied);
      expect(performance.now() - startedAt).toBeLessThan(4 * 1_000);
      expect(errors).toHaveLength(4);
    },
  );

  it('reads are allowed where the host application says so, without roles, and nothing else is', async () => {
    const { organizationId, userId } = await openPerson();
    const gate = awayGate({ onStoreDown: 'allowReads' });
    proxy.setMode('refuse');
    expect(await gate.check({ organizationId, userId, action: 'read' })).toEqual({
      allowed: true,
      reason: 'unavailable',
      userId: null,
      membershipId: null,
      roles: [],
      permissions: [],
      features: [],
    });
    for (const action of ['login', 'write'] as const) {
      expect(await gate.check({ organizationId, userId, action })).toMatchObject({
        allowed: false,
        reason: 'unavailable',
      });
    }
  });

  it('an answer from memory is not kept longer for it, and no outage is remembered', async () => {
    const { organizationId, userId } = await openPerson();
    const gate = awayGate({ readCacheMs: 200 });
    const read = async () => gate.check({ organizationId, userId, action: 'read' });
    await until(async () => (await read()).allowed);
    proxy.setMode('refuse');
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(await read()).toMatchObject({ allowed: false, reason: 'unavailable' });
    proxy.setMode('pass');
    await until(async () => (await read()).reason === 'open');
  });

  it('nobody is denied by a gate that observes', async () => {
    const { organizationId, userId } = await openPerson();
    const gate = awayGate({ observe: true });
    proxy.setMode('refuse');
    expect(await gate.check({ organizationId, userId, action: 'write' })).toMatchObject({
      allowed: true,
      reason: 'open',
      observed: null,
    });
  });

  async function until(test: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 10_000;
    while (!(await test())) {
      if (Date.now() > deadline) throw new Error('waited in vain');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
});

describe('a gate that observes', () => {
  it('lets everybody in, and says what it would have answered', async () => {
    const person = await openPerson();
    await deliver(person.event('deleted'));
    const { organizationId, userId } = person;
    const gate = gateOf({ observe: true });
    const wouldDeny = {
      allowed: true,
      reason: 'open',
      observed: { allowed: false, reason: 'notBacked' },
    };
    expect(await gate.check({ organizationId, userId, action: 'write' })).toMatchObject(wouldDeny);
    expect(await gate.canLogIn(profileOf(person))).toMatchObject(wouldDeny);
    expect(await gate.canLogIn({ idpId: 'i', organizationId: null })).toMatchObject({
      allowed: true,
      observed: { allowed: false, reason: 'unknown' },
    });
  });
});
