import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { takeIn } from '../../intake/take-in.ts';
import { StoreUnavailable } from '../../platform/mongo/deadline.ts';
import { logIn } from '../../transitions/logins/log-in.ts';
import { afterCoolingOff, drive } from '../support/by-hand.ts';
import { directoryEvent } from '../support/events.ts';
import { meeting, unlocked } from '../support/fences.ts';
import { aHostFile, aPerson, gateKey, startApi, type TestApi } from './api-fixture.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
}, 60_000);

afterAll(async () => api.close());

/** An organization whose people come by SSO only. */
async function ssoOnly(policy: object = {}): Promise<string> {
  const organizationId = `org_${randomUUID()}`;
  const { status } = await api.call('PUT', `/v1/organizations/${organizationId}/policy`, {
    body: { jit: true, ...policy },
  });
  expect(status).toBe(200);
  return organizationId;
}

function profile(name = `ada.${randomUUID().slice(0, 8)}`) {
  return {
    idpId: `idp_${name}`,
    email: `${name}@example.com`,
    firstName: 'Ada',
    lastName: 'Lovelace',
  };
}

async function login(organizationId: string, who: object, at = api): Promise<any> {
  const { status, json } = await at.call('POST', '/v1/logins', {
    body: { organizationId, ...who },
    key: gateKey,
  });
  expect(status).toBe(200);
  return json;
}

async function imported(organizationId: string, user: object): Promise<string> {
  const id = `user_${randomUUID()}`;
  const { status } = await api.call('POST', '/v1/users', {
    body: { users: [{ id, organizationId, email: null, ...user }] },
  });
  expect(status).toBe(200);
  return id;
}

async function deliver(event: unknown): Promise<void> {
  expect((await api.deliver(event)).status).toBe(200);
}

async function peopleOf(organizationId: string): Promise<any[]> {
  return (await api.call('GET', `/v1/users?organizationId=${organizationId}`)).json.data;
}

async function timelineOf(membershipId: string): Promise<string[]> {
  const { json } = await api.call('GET', `/v1/memberships/${membershipId}/timeline`);
  return json.data.map(({ type, actor }: { type: string; actor: string }) => `${type} ${actor}`);
}

describe('a login in an organization without Directory Sync', () => {
  it.each(['ada.lovelace@example.com', 'Ada Lovelace'])(
    'makes nobody under an address or a name, and says why: %s',
    async (userId) => {
      const organizationId = await ssoOnly();
      const { status, json } = await api.call('POST', '/v1/logins', {
        body: { organizationId, userId, sso: profile() },
        key: gateKey,
      });
      expect([status, json.errors]).toEqual([
        422,
        [{ path: 'userId', message: expect.stringMatching(/written into Temporal/) }],
      ]);
      expect(await peopleOf(organizationId)).toEqual([]);
    },
  );

  it('makes a user from the SSO profile who is in at once, and finds them again by the id', async () => {
    const org = await ssoOnly();
    const sso = profile();
    const first = await login(org, { sso });
    expect(first).toMatchObject({ allowed: true, reason: 'open', roles: [] });
    const again = await login(org, { sso: { idpId: sso.idpId } });
    expect(again).toEqual(first);
    expect(await peopleOf(org)).toMatchObject([
      { id: first.userId, email: sso.email, name: 'Ada Lovelace', status: 'active' },
    ]);
    expect(await timelineOf(first.membershipId)).toEqual(['joined login']);
    expect(api.signalled).toContainEqual({
      membershipId: first.membershipId,
      organizationId: org,
    });
    const check = { organizationId: org, action: 'read', sso: { idpId: sso.idpId } };
    const { json } = await api.call('POST', '/v1/access-checks', { body: check, key: gateKey });
    expect(json).toEqual(first);
  });

  it("takes the host application's own id where it has one", async () => {
    const org = await ssoOnly();
    const userId = `user_${randomUUID()}`;
    expect(await login(org, { userId, sso: profile() })).toMatchObject({ allowed: true, userId });
    const other = await ssoOnly();
    expect(await login(other, { userId, sso: profile() })).toMatchObject({ allowed: true, userId });
    const { json } = await api.call('GET', `/v1/users/${userId}`);
    expect(json.memberships.map((m: any) => m.organizationId).toSorted()).toEqual(
      [org, other].toSorted(),
    );
  });

  it('makes nobody where the policy does not say `jit`, or without an SSO profile', async () => {
    const without = await ssoOnly({ jit: false });
    expect(await login(without, { sso: profile() })).toMatchObject({
      allowed: false,
      reason: 'unknown',
    });
    const org = await ssoOnly();
    const { email } = profile();
    expect(await login(org, { email })).toMatchObject({ allowed: false, reason: 'unknown' });
    expect(await login(org, { userId: 'user_x' })).toMatchObject({ allowed: false });
    expect(await login(org, { directoryUserId: 'd', sso: profile() })).toMatchObject({
      allowed: false,
      reason: 'unknown',
    });
    expect(await peopleOf(without)).toEqual([]);
    expect(await peopleOf(org)).toEqual([]);
  });

  it('knows an imported person by their one address, and from then on by the id', async () => {
    const org = await ssoOnly();
    const sso = profile();
    const userId = await imported(org, { email: sso.email, roles: ['editor'] });
    const first = await login(org, { sso });
    expect(first).toMatchObject({ allowed: true, userId, roles: ['editor'] });
    expect(await timelineOf(first.membershipId)).toEqual([
      'imported admin:ada',
      'ssoIdentityLearned login',
    ]);
    const moved = { ...sso, email: 'another@example.com' };
    expect(await login(org, { sso: moved })).toEqual(first);
    expect(await peopleOf(org)).toHaveLength(1);
  });

  it('denies another id with an address whose owner came under an id of their own, and tells', async () => {
    const org = await ssoOnly();
    const sso = profile();
    const { membershipId } = await login(org, { sso });
    const recycled = { ...sso, idpId: 'idp_of_the_newcomer' };
    expect(await login(org, { sso: recycled })).toMatchObject({
      allowed: false,
      reason: 'identityMismatch',
      userId: null,
    });
    await login(org, { sso: recycled });
    const { json } = await api.call('GET', `/v1/notices?organizationId=${org}`);
    expect(json.data).toMatchObject([{ code: 'ssoIdentityDiffers', subjectId: membershipId }]);
    expect(await peopleOf(org)).toHaveLength(1);
  });

  it('knows everybody by address once more when the company changes its identity provider', async () => {
    const org = await ssoOnly();
    const sso = { ...profile(), connectionId: 'conn_okta' };
    const first = await login(org, { sso });
    const entra = { ...sso, idpId: 'oid_of_entra', connectionId: 'conn_entra' };
    expect(await login(org, { sso: entra })).toEqual(first);
    expect(await login(org, { sso: entra })).toEqual(first);
    // But only once: another id of the same connection is somebody else.
    expect(await login(org, { sso: { ...entra, idpId: 'oid_2' } })).toMatchObject({
      allowed: false,
      reason: 'identityMismatch',
    });
    expect(await peopleOf(org)).toHaveLength(1);
  });

  it('knows somebody whose account was made anew once an admin forgot the old one', async () => {
    const org = await ssoOnly();
    const sso = profile();
    const first = await login(org, { sso });
    const anew = { ...sso, idpId: 'idp_anew' };
    expect(await login(org, { sso: anew })).toMatchObject({ allowed: false });
    const path = `/v1/memberships/${first.membershipId}/forget-sso-identity`;
    const { status } = await api.call('POST', path, { body: { reason: 'the same person' } });
    expect(status).toBe(200);
    expect(await login(org, { sso: anew })).toEqual(first);
    expect(await login(org, { sso })).toMatchObject({ allowed: false });
    expect(await timelineOf(first.membershipId)).toEqual([
      'joined login',
      'ssoIdentityForgotten admin:ada',
      'ssoIdentityLearned login',
    ]);
  });

  it('denies several people with one address', async () => {
    const org = await ssoOnly();
    const sso = profile();
    await imported(org, { email: sso.email });
    await imported(org, { email: sso.email });
    expect(await login(org, { sso })).toMatchObject({ allowed: false, reason: 'ambiguous' });
  });

  it('ends for whom an admin disables, begins again when reactivated, and makes nobody meanwhile', async () => {
    const org = await ssoOnly();
    const sso = profile();
    const { membershipId } = await login(org, { sso });
    const path = `/v1/memberships/${membershipId}`;
    expect((await api.call('POST', `${path}/disable`, { body: {} })).json).toMatchObject({
      status: 'suspended',
      deletionDueAt: null,
    });
    const denied = { allowed: false, reason: 'disabled' };
    expect(await login(org, { sso })).toMatchObject(denied);
    // Nor under another id with the same address: that would be the way around it.
    expect(await login(org, { sso: { ...sso, idpId: 'idp_2' } })).toMatchObject(denied);
    expect((await api.call('POST', `${path}/reactivate`, { body: {} })).json).toMatchObject({
      status: 'active',
      phase: 'joining',
    });
    expect(await login(org, { sso })).toMatchObject({ allowed: false, reason: 'opening' });
    expect(await peopleOf(org)).toHaveLength(1);
  });

  it('gives the roles that an admin puts', async () => {
    const org = await ssoOnly();
    const sso = profile();
    const { membershipId } = await login(org, { sso });
    const put = await api.call('PUT', `/v1/memberships/${membershipId}/roles`, {
      body: { roles: ['admin'], reason: 'the first one' },
    });
    expect(put.status).toBe(200);
    expect(await login(org, { sso })).toMatchObject({ allowed: true, roles: ['admin'] });
  });

  it('makes `invited` to `active` at the first login', async () => {
    const org = await ssoOnly();
    const sso = profile();
    await imported(org, { email: sso.email, status: 'invited' });
    expect((await peopleOf(org))[0]).toMatchObject({ status: 'invited' });
    const { membershipId } = await login(org, { sso });
    expect((await peopleOf(org))[0]).toMatchObject({ status: 'active' });
    expect(await timelineOf(membershipId)).toEqual([
      'imported admin:ada',
      'ssoIdentityLearned login',
      'firstLogin login',
    ]);
    await login(org, { sso });
    expect(await timelineOf(membershipId)).toHaveLength(3);
  });
});

describe("a first login where no two of the host's users may have one address", () => {
  const hostFile = aHostFile({
    users: {
      connector: 'mongodb',
      collection: 'users',
      id: 'string',
      uniqueEmail: true,
      fields: { email: 'email' },
    },
  });
  let unique: TestApi;

  beforeAll(async () => {
    unique = await startApi({ store: api.store, deps: { hostFile } });
  });

  afterAll(async () => unique.close());

  const firstLogin = async (organizationId: string, who: object): Promise<any> =>
    login(organizationId, who, unique);

  it('makes nobody with an address that somebody of another organization has, and tells an admin once', async () => {
    const [here, there] = [await ssoOnly(), await ssoOnly()];
    const sso = profile();
    const holder = await imported(there, { email: sso.email.toUpperCase() });
    const refused = { allowed: false, reason: 'identityMismatch', userId: null };
    expect(await firstLogin(here, { sso })).toMatchObject(refused);
    expect(await firstLogin(here, { userId: 'user_of_somebody_else', sso })).toMatchObject(refused);
    expect(await peopleOf(here)).toEqual([]);
    const { json } = await api.call('GET', `/v1/notices?organizationId=${here}`);
    expect(json.data).toMatchObject([{ code: 'looksAlike', subjectId: holder }]);
    expect(await firstLogin(here, { sso: { ...sso, email: `other.${sso.email}` } })).toMatchObject({
      allowed: true,
    });
  });

  it('knows the person by the id of the host application, or once they are imported', async () => {
    const [here, elsewhere, there] = [await ssoOnly(), await ssoOnly(), await ssoOnly()];
    const sso = profile();
    const userId = await imported(there, { email: sso.email });
    expect(await firstLogin(here, { userId, sso })).toMatchObject({ allowed: true, userId });
    expect(await firstLogin(elsewhere, { sso })).toMatchObject({ allowed: false });
    const users = [{ id: userId, organizationId: elsewhere, email: sso.email }];
    expect((await api.call('POST', '/v1/users', { body: { users } })).status).toBe(200);
    expect(await firstLogin(elsewhere, { sso })).toMatchObject({ allowed: true, userId });
  });

  it('makes nobody with the address of somebody who left, while they are not forgotten', async () => {
    const org = await ssoOnly();
    const sso = profile();
    const leaver = aPerson({ organizationId: org, email: sso.email, idpId: 'idp_leaver' });
    await deliver(leaver.event('created'));
    await deliver(leaver.event('deleted'));
    const { organizations } = api.store.collections;
    await organizations.updateOne({ _id: org }, { $set: { directorySync: 'disabled' } });
    expect(await firstLogin(org, { sso })).toMatchObject({
      allowed: false,
      reason: 'identityMismatch',
    });
    expect(await peopleOf(org)).toHaveLength(1);
  });

  async function race(locks: boolean): Promise<number> {
    const { store } = meeting(locks ? api.store : unlocked(api.store), 2);
    const email = `${randomUUID()}@example.com`;
    const rules = { file: hostFile, newUserId: api.deps.newUserId, mode: 'login' as const };
    const names = { firstName: null, lastName: null, name: null, connectionId: null };
    const organizations = [await ssoOnly(), await ssoOnly()];
    await Promise.all(
      organizations.map(async (organizationId) =>
        logIn(store, { organizationId, sso: { ...names, idpId: organizationId, email } }, rules),
      ),
    );
    return api.store.collections.memberships.countDocuments({
      organizationId: { $in: organizations },
    });
  }

  it('makes one of two who come to two organizations at once, and both where nothing locks', async () => {
    for (let times = 0; times < 5; times += 1) expect(await race(true)).toBe(1);
    const without = [];
    for (let times = 0; times < 5; times += 1) without.push(await race(false));
    expect(without).toContain(2);
  });
});

describe('a login in an organization with Directory Sync', () => {
  it('lets nobody in whom the directory does not have, whatever the policy says', async () => {
    const person = aPerson();
    const org = person.organizationId;
    await api.call('PUT', `/v1/organizations/${org}/policy`, { body: { jit: true } });
    await deliver(person.event('created'));
    expect(await login(org, { sso: profile() })).toMatchObject({
      allowed: false,
      reason: 'unknown',
    });
    expect(await peopleOf(org)).toHaveLength(1);
  });

  it('leaves no ghost of a leaver who clicks on SSO', async () => {
    const person = aPerson({ email: 'grace@example.com', idpId: 'idp_grace' });
    const org = person.organizationId;
    await api.call('PUT', `/v1/organizations/${org}/policy`, { body: { jit: true } });
    await deliver(person.event('created'));
    await deliver(person.event('deleted'));
    const denied = { allowed: false, reason: 'notBacked' };
    expect(await login(org, { sso: { idpId: 'idp_grace' } })).toMatchObject(denied);
    const otherId = { idpId: 'idp_of_sso', email: 'grace@example.com' };
    expect(await login(org, { sso: otherId })).toMatchObject(denied);
    expect(await peopleOf(org)).toHaveLength(1);
  });

  it('keeps what a login taught when the directory tells something new', async () => {
    const org = await ssoOnly();
    const sso = profile();
    const first = await login(org, { sso });
    const person = aPerson({ organizationId: org, email: sso.email, idpId: 'scim_id' });
    await deliver(person.event('created'));
    await deliver(person.event('updated', { first_name: 'Augusta' }));
    const entry = await api.store.collections.gate.findOne({ _id: first.membershipId });
    expect(entry?.idpIds.toSorted()).toEqual([sso.idpId, 'scim_id'].toSorted());
    expect(entry?.userId).toBe(first.userId);
  });
});

describe('an access check by an SSO profile whose id nobody has', () => {
  async function check(organizationId: string, action: string, who: object): Promise<any> {
    const body = { organizationId, action, ...who };
    const { status, json } = await api.call('POST', '/v1/access-checks', { body, key: gateKey });
    expect(status).toBe(200);
    return json;
  }

  async function idsOf(userId: string) {
    const entry = await api.store.collections.gate.findOne({ userId });
    return { idpIds: entry?.idpIds, ssoIdpIds: entry?.ssoIdpIds };
  }

  it('lets in whoever alone has its address; a read or a write learns nothing by it', async () => {
    const org = await ssoOnly();
    const sso = profile();
    const asked = { idpId: sso.idpId, email: sso.email };
    const userId = await imported(org, { email: sso.email });
    for (const action of ['read', 'write']) {
      expect(await check(org, action, { sso: asked })).toMatchObject({ allowed: true, userId });
    }
    expect(await idsOf(userId)).toEqual({ idpIds: [], ssoIdpIds: undefined });
  });

  it('for `login` learns the id, once, and from then on the id counts', async () => {
    const org = await ssoOnly();
    const sso = profile();
    const asked = { idpId: sso.idpId, email: sso.email, connectionId: 'conn_1' };
    const userId = await imported(org, { email: sso.email, status: 'invited' });
    const answers = await Promise.all(
      Array.from({ length: 4 }, async () => check(org, 'login', { sso: asked })),
    );
    for (const answer of answers) expect(answer).toMatchObject({ allowed: true, userId });
    expect(await idsOf(userId)).toEqual({ idpIds: [sso.idpId], ssoIdpIds: [sso.idpId] });
    const renamed = { idpId: sso.idpId, email: 'renamed@example.com' };
    expect(await check(org, 'write', { sso: renamed })).toMatchObject({ allowed: true, userId });
    const recycled = { ...asked, idpId: 'idp_of_the_newcomer' };
    for (const action of ['login', 'read']) {
      expect(await check(org, action, { sso: recycled })).toMatchObject({
        allowed: false,
        reason: 'identityMismatch',
      });
    }
    // Asking is no first login: that is what POST /v1/logins tells.
    const { membershipId } = answers[0];
    expect(await timelineOf(membershipId)).toEqual([
      'imported admin:ada',
      'ssoIdentityLearned login',
    ]);
    expect((await peopleOf(org))[0]).toMatchObject({ status: 'invited' });
    expect(api.signalled.filter((one) => one.membershipId === membershipId)).toHaveLength(0);
  });

  it('makes nobody, also where a login would', async () => {
    const org = await ssoOnly();
    const { idpId, email } = profile();
    for (const action of ['login', 'read', 'write']) {
      expect(await check(org, action, { sso: { idpId, email } })).toMatchObject({
        allowed: false,
        reason: 'unknown',
      });
    }
    expect(await peopleOf(org)).toEqual([]);
    // Not even where whoever had the address has left between the look and the transaction.
    const rules = {
      file: api.deps.hostFile,
      newUserId: api.deps.newUserId,
      mode: 'check',
    } as const;
    const sso = { ...profile(), connectionId: null, name: null };
    const { decision, changed } = await logIn(api.store, { organizationId: org, sso }, rules);
    expect([decision.allowed, decision.reason, changed]).toEqual([false, 'unknown', null]);
    expect(await peopleOf(org)).toEqual([]);
  });

  it('denies somebody who left, and an address that several have or that says somebody else', async () => {
    const person = aPerson();
    const org = person.organizationId;
    await deliver(person.event('created'));
    const { email } = person.event('created').data;
    await deliver(person.event('deleted'));
    const sso = { idpId: 'saml-name-id', email };
    expect(await check(org, 'login', { sso })).toMatchObject({ reason: 'notBacked' });
    const plain = await ssoOnly();
    const [one, two] = [profile(), profile()];
    const userId = await imported(plain, { email: one.email });
    await imported(plain, { email: two.email });
    await imported(plain, { email: two.email });
    const ofTwo = { idpId: two.idpId, email: two.email };
    expect(await check(plain, 'login', { sso: ofTwo })).toMatchObject({ reason: 'ambiguous' });
    const ofOne = { idpId: one.idpId, email: one.email };
    expect(await check(plain, 'login', { userId: 'user_other', sso: ofOne })).toMatchObject({
      reason: 'identityMismatch',
    });
    expect(await idsOf(userId)).toEqual({ idpIds: [], ssoIdpIds: undefined });
  });
});

describe('two first logins at once', () => {
  const sayWho = (organizationId: string, sso: object) => ({
    organizationId,
    sso: {
      email: null,
      firstName: null,
      lastName: null,
      name: null,
      connectionId: null,
      idpId: '',
      ...sso,
    },
  });

  async function race(locks: boolean, second: object): Promise<number> {
    const org = await ssoOnly();
    const sso = { idpId: 'idp_1', email: 'ada@example.com' };
    const base = locks ? api.store : unlocked(api.store);
    const { store } = meeting(base, 2);
    const rules = {
      file: api.deps.hostFile,
      newUserId: api.deps.newUserId,
      mode: 'login' as const,
    };
    await Promise.all(
      [sso, { ...sso, ...second }].map(async (who) => logIn(store, sayWho(org, who), rules)),
    );
    return api.store.collections.memberships.countDocuments({ organizationId: org });
  }

  it.each([
    ['of one id', {}],
    ['of one address under two ids', { idpId: 'idp_2' }],
    ['of one id under two addresses', { email: 'lovelace@example.com' }],
  ])('%s make one user, and two where nothing locks', async (_what, second) => {
    for (let times = 0; times < 5; times += 1) expect(await race(true, second)).toBe(1);
    const without = [];
    for (let times = 0; times < 5; times += 1) without.push(await race(false, second));
    expect(without).toContain(2);
  });
});

describe('a first login and the connecting of a directory at once', () => {
  async function race(locks: boolean): Promise<boolean> {
    const organizationId = await ssoOnly();
    const { store } = meeting(locks ? api.store : unlocked(api.store), 2);
    const rules = { file: api.deps.hostFile, newUserId: api.deps.newUserId };
    const sso = { ...profile(), name: null, connectionId: null };
    const event = directoryEvent('activated', {
      id: `directory_${organizationId}`,
      organizationId,
    });
    const delivery = { transport: 'webhook' as const, receivedAt: new Date() };
    await Promise.all([
      logIn(store, { organizationId, sso }, { ...rules, mode: 'login' }),
      takeIn(store, event, delivery, { ...rules, bodyDays: 30, timeoutMs: 10_000 }),
    ]);
    const organization = await api.store.collections.organizations.findOne({ _id: organizationId });
    const open = await api.store.collections.memberships.countDocuments({
      organizationId,
      'access.state': 'open',
    });
    return organization?.directorySync === 'enabled' && open > 0;
  }

  it('let nobody in past the directory, as they would where nothing locks', async () => {
    for (let times = 0; times < 5; times += 1) expect(await race(true)).toBe(false);
    const without = [];
    for (let times = 0; times < 6; times += 1) without.push(await race(false));
    expect(without).toContain(true);
  }, 60_000);
});

describe('somebody who was made at a login and is forgotten', () => {
  it('leaves nothing of the ids that logins taught', async () => {
    const org = await ssoOnly({ sandbox: true, sandboxCoolingOffSeconds: 1 });
    const sso = { ...profile(), connectionId: 'conn_okta' };
    const { membershipId } = await login(org, { sso });
    const person = aPerson({ organizationId: org, email: sso.email });
    await deliver(person.event('created'));
    await deliver(person.event('deleted'));
    const tenure = { store: api.store, file: api.deps.hostFile };
    const { phase } = await drive(tenure, membershipId, { nowMs: afterCoolingOff() });
    expect(phase).toBe('anonymized');
    const entry = await api.store.collections.gate.findOne({ _id: membershipId });
    expect(entry).toMatchObject({ idpIds: [], emails: [] });
    expect(entry).not.toHaveProperty('ssoIdpIds');
    expect(entry).not.toHaveProperty('ssoConnectionIds');
    expect(await login(org, { sso: { idpId: sso.idpId } })).toMatchObject({ reason: 'unknown' });
  });
});

describe('the call itself', () => {
  it('wants the gate key or an admin key, and a body that names somebody', async () => {
    const body = { organizationId: 'org_x', sso: { idpId: 'idp_x' } };
    expect((await api.call('POST', '/v1/logins', { body, key: null })).status).toBe(401);
    expect((await api.call('POST', '/v1/logins', { body })).status).toBe(200);
    for (const wrong of [
      { organizationId: 'org_x' },
      { sso: { idpId: 'idp_x' } },
      { organizationId: 'org_x', sso: {} },
      { organizationId: 'org_x', sso: { idpId: { $ne: null } } },
      { organizationId: 'org_x', sso: { idpId: 'x', email: ' ' } },
      { organizationId: 'org_x', sso: { idpId: '\ud800' } },
      { ...body, action: 'write' },
      { ...body, surprise: true },
    ]) {
      expect((await api.call('POST', '/v1/logins', { body: wrong })).status).toBe(422);
    }
  });

  it('answers 503 while the store is away, and lets nobody in by that', async () => {
    const away = await startApi({
      store: api.store,
      deps: {
        store: () => {
          throw new StoreUnavailable('MongoDB is not ready yet.');
        },
      },
    });
    const answer = await away.call('POST', '/v1/logins', {
      body: { organizationId: 'org_x', sso: { idpId: 'idp_x' } },
    });
    expect(answer).toMatchObject({ status: 503, json: { code: 'storeUnavailable' } });
    expect(answer.headers.get('retry-after')).toBe('5');
    await away.close();
  });
});
