import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { openMembership } from '../../transitions/membership/open-membership.ts';
import { adminKey, aPerson, gateKey, startApi, type Answer, type TestApi } from './api-fixture.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});

afterAll(async () => {
  await api.close();
});

async function check(body: Record<string, unknown>, key = gateKey): Promise<Answer> {
  return api.call('POST', '/v1/access-checks', { key, body: { action: 'login', ...body } });
}

/** Somebody who came by the directory and whom the lifecycle let in. */
async function openPerson(parts: Record<string, string> = {}) {
  const person = aPerson(parts);
  const event = person.event('created');
  await api.deliver(event);
  const { json } = await api.call('GET', `/v1/users?directoryUserId=${person.id}`);
  const [membership] = json.data[0].memberships;
  const { revision } = (await api.store.collections.memberships.findOne({ _id: membership.id }))!;
  await openMembership(api.store, membership.id, revision);
  return {
    ...person,
    userId: json.data[0].id,
    membershipId: membership.id,
    data: event.data,
  };
}

describe('an access check', () => {
  it('allows somebody who is in, by each of the four identities', async () => {
    const person = await openPerson();
    const { organizationId, userId, membershipId } = person;
    const expected = {
      allowed: true,
      reason: 'open',
      userId,
      membershipId,
      roles: [],
      permissions: [],
      features: [],
    };
    for (const identity of [
      { userId },
      { directoryUserId: person.id },
      { email: String(person.data['email']) },
      { email: `  ${String(person.data['email']).toUpperCase()} ` },
      { sso: { idpId: person.data['idp_id'] } },
      { sso: { idpId: person.data['idp_id'], email: 'else@example.com' } },
      { userId, directoryUserId: person.id, email: person.data['email'] },
    ]) {
      for (const action of ['login', 'read', 'write']) {
        const answer = await check({ organizationId, action, ...identity });
        expect([answer.status, answer.json]).toEqual([200, expected]);
      }
    }
  });

  it('denies somebody whom the lifecycle has not let in yet', async () => {
    const person = aPerson();
    await api.deliver(person.event('created'));
    const answer = await check({
      organizationId: person.organizationId,
      directoryUserId: person.id,
    });
    expect(answer.json).toMatchObject({ allowed: false, reason: 'opening', roles: [] });
  });

  it('denies as soon as the leaving is acknowledged', async () => {
    const person = await openPerson();
    await api.deliver(person.event('updated', { state: 'inactive' }));
    const answer = await check({ organizationId: person.organizationId, userId: person.userId });
    expect(answer.json).toMatchObject({ allowed: false, reason: 'notBacked' });
  });

  it("lets nobody in by the address of an account that may be a leaver's", async () => {
    const leaver = await openPerson();
    const email = String(leaver.data['email']);
    await api.deliver(leaver.event('deleted'));
    const newcomer = await openPerson({ organizationId: leaver.organizationId, email });
    const asked = { organizationId: leaver.organizationId, email };
    for (const path of ['/v1/access-checks', '/v1/logins']) {
      const ask = async (parts: object) =>
        (
          await api.call('POST', path, {
            body: { action: 'login', ...asked, ...parts },
            key: gateKey,
          })
        ).json;
      expect(await ask({})).toMatchObject({ allowed: true, userId: newcomer.userId });
      expect(await ask({ emailOf: 'account' })).toMatchObject({
        allowed: false,
        reason: 'ambiguous',
      });
      const byId = await ask({ emailOf: 'account', userId: newcomer.userId });
      expect(byId).toMatchObject({ allowed: true, userId: newcomer.userId });
    }
  });

  it('knows nobody in an unknown organization, or of another one', async () => {
    const person = await openPerson();
    const unknown = { allowed: false, reason: 'unknown', userId: null, membershipId: null };
    const other = aPerson();
    await api.deliver(other.event('created'));
    for (const organizationId of ['org_nobody_knows', other.organizationId]) {
      const answer = await check({ organizationId, userId: person.userId });
      expect(answer.json).toMatchObject(unknown);
    }
  });

  it('denies two identities that name two people, or one that nobody has', async () => {
    const ada = await openPerson();
    const bob = await openPerson({
      organizationId: ada.organizationId,
      directoryId: ada.directoryId,
    });
    const { organizationId } = ada;
    for (const body of [
      { userId: ada.userId, directoryUserId: bob.id },
      { userId: ada.userId, email: 'nobody@example.com' },
    ]) {
      const answer = await check({ organizationId, ...body });
      expect(answer.json).toMatchObject({ allowed: false, reason: 'identityMismatch' });
    }
  });

  it('creates nothing', async () => {
    const before = await api.store.collections.users.countDocuments();
    await check({ organizationId: 'org_new', email: 'new@example.com', sso: { idpId: 'new' } });
    expect(await api.store.collections.users.countDocuments()).toBe(before);
    expect(await api.store.collections.organizations.findOne({ _id: 'org_new' })).toBeNull();
  });

  it('serves the gate key and admin keys', async () => {
    for (const key of [gateKey, adminKey]) {
      expect((await check({ organizationId: 'org_x', userId: 'u' }, key)).status).toBe(200);
    }
  });

  it.each([
    ['no identity', {}],
    ['an operator for an identity', { userId: { $ne: null } }],
    ['an operator inside sso', { sso: { idpId: { $gt: '' } } }],
    ['a list', { userId: ['u'] }],
    ['an unknown field', { userId: 'u', role: 'admin' }],
    ['an unknown action', { userId: 'u', action: 'delete' }],
    ['an empty e-mail', { email: '  ' }],
    ['a long e-mail', { email: 'x'.repeat(10_000) }],
    ['half a surrogate pair', { userId: '\ud800' }],
    ['a NUL', { email: 'a\u0000b' }],
    ['an operator for the organization', { organizationId: { $gt: '' }, userId: 'u' }],
  ])('refuses %s with 422', async (_name, body) => {
    const answer = await check({ organizationId: 'org_x', ...body });
    expect([answer.status, answer.json.code]).toEqual([422, 'invalid']);
    expect(answer.json.errors.length).toBeGreaterThan(0);
  });

  it('is one indexed read', async () => {
    const explained = await api.store.db
      .collection('gate_v1')
      .find({
        organizationId: { $eq: 'org_x' },
        $or: [{ userIds: { $eq: 'u' } }, { emails: { $eq: 'e' } }, { idpIds: { $eq: 'i' } }],
      })
      .explain('queryPlanner');
    const plan = JSON.stringify(explained);
    expect(plan).toContain('IXSCAN');
    expect(plan).not.toContain('COLLSCAN');
  });
});

describe('keys', () => {
  it.each([
    ['no key', null],
    ['an empty key', ''],
    ['a wrong key', 'wrong'],
    ['the beginning of a key', adminKey.slice(0, -1)],
    ['a key with more behind it', `${adminKey}x`],
  ])('%s is answered 401 everywhere but at the open addresses', async (_name, key) => {
    for (const [method, path] of [
      ['GET', '/v1/users'],
      ['POST', '/v1/access-checks'],
      ['PUT', '/v1/organizations/o/policy'],
    ] as const) {
      const answer = await api.call(method, path, {
        key,
        ...(method === 'GET' ? {} : { raw: 'no json' }),
      });
      expect([answer.status, answer.json.code]).toEqual([401, 'unauthenticated']);
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    }
  });

  it('the gate key is answered 403 by the admin API', async () => {
    const answer = await api.call('GET', '/v1/users', { key: gateKey });
    expect([answer.status, answer.json.code]).toEqual([403, 'forbidden']);
  });

  it('other schemes than Bearer are answered 401', async () => {
    const basic = Buffer.from(`admin:${adminKey}`).toString('base64');
    for (const authorization of [adminKey, `Basic ${basic}`, `Bearer  ${adminKey}`]) {
      const answer = await api.call('GET', '/v1/users', { key: null, headers: { authorization } });
      expect(answer.status).toBe(401);
    }
  });

  it('are in no log', () => {
    expect(api.logged()).not.toContain(adminKey);
    expect(api.logged()).not.toContain(gateKey);
  });
});
