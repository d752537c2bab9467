import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { checkAccess } from '../../gate/decide.ts';
import { StoreUnavailable } from '../../platform/mongo/deadline.ts';
import { gateKey, startApi, type TestApi } from './api-fixture.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startApi({ settings: { observing: true } });
}, 60_000);

afterAll(async () => api.close());

const stranger = { organizationId: 'org_x', email: 'eve@example.com' };
const wouldDeny = {
  allowed: true,
  reason: 'open',
  observed: { allowed: false, reason: 'unknown' },
};

describe('while Tenure only observes', () => {
  it('an access check allows a stranger, and says that it would not have', async () => {
    const body = { ...stranger, action: 'write' };
    const { status, json } = await api.call('POST', '/v1/access-checks', { body, key: gateKey });
    expect(status).toBe(200);
    expect(json).toMatchObject({ ...wouldDeny, userId: null, roles: [] });
    const { text } = await api.call('GET', '/metrics');
    expect(text).toMatch(/tenure_observed_denials_total\{reason="unknown"\} 1/);
  });

  it('a login makes nobody, and says that it would have', async () => {
    const organizationId = `org_${randomUUID()}`;
    const path = `/v1/organizations/${organizationId}/policy`;
    expect((await api.call('PUT', path, { body: { jit: true } })).status).toBe(200);
    const body = { organizationId, sso: { idpId: 'idp_ada', email: 'ada@example.com' } };
    const { json } = await api.call('POST', '/v1/logins', { body, key: gateKey });
    expect(json).toMatchObject({
      allowed: true,
      userId: null,
      membershipId: null,
      observed: { allowed: true, reason: 'open' },
    });
    const { memberships, users } = api.store.collections;
    expect(await memberships.countDocuments({ organizationId })).toBe(0);
    expect(await users.countDocuments({ organizationIds: organizationId })).toBe(0);
  });

  it('not even an outage of the store denies anybody', async () => {
    const away = await startApi({
      store: api.store,
      settings: { observing: true },
      deps: {
        store: () => {
          throw new StoreUnavailable('MongoDB is not ready yet.');
        },
      },
    });
    for (const [path, body] of [
      ['/v1/access-checks', { ...stranger, action: 'login' }],
      ['/v1/logins', stranger],
    ] as const) {
      const { status, json } = await away.call('POST', path, { body });
      expect(status).toBe(200);
      expect(json).toMatchObject({ allowed: true, observed: null });
    }
    await away.close();
  });

  it('the gate that a host application embeds is told by an option', async () => {
    const question = { organizationId: 'org_x', emailKey: 'eve@example.com' };
    expect(await checkAccess(api.store.db, question, { observe: true })).toMatchObject(wouldDeny);
    const enforced = await checkAccess(api.store.db, question);
    expect(enforced).toMatchObject({ allowed: false, reason: 'unknown' });
    expect(enforced).not.toHaveProperty('observed');
    const closed: typeof api.store.db = Object.create(api.store.db, {
      collection: {
        value: () => {
          throw new Error('The connection is closed.');
        },
      },
    });
    expect(await checkAccess(closed, question, { observe: true })).toMatchObject({
      allowed: true,
      observed: null,
    });
    await expect(checkAccess(closed, question)).rejects.toThrow('closed');
  });
});
