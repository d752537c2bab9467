import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { z } from 'zod';

import { createReadiness } from '../../api/readiness.ts';
import { defineRoute, noInput } from '../../api/route.ts';
import { routes } from '../../api/routes/index.ts';
import { aHostFile, aPerson, startApi, type TestApi } from './api-fixture.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startApi({
    deps: { hostFile: aHostFile({ defaults: { policy: { coolingOffDays: 45 } } }) },
  });
});

afterAll(async () => {
  await api.close();
});

async function joined() {
  const person = aPerson();
  await api.deliver(person.event('created'));
  const { json } = await api.call('GET', `/v1/users?directoryUserId=${person.id}`);
  return { person, user: json.data[0], membership: json.data[0].memberships[0] };
}

describe('a hold', () => {
  it('is placed, listed and released once', async () => {
    const { user, membership } = await joined();
    const before = api.signalled.length;
    const placed = await api.call('POST', '/v1/holds', {
      body: { scope: { userId: user.id }, kind: 'legal', reason: 'Case 7' },
    });
    expect([placed.status, placed.json]).toEqual([
      201,
      {
        id: expect.any(String),
        scope: { userId: user.id },
        kind: 'legal',
        reason: 'Case 7',
        createdBy: 'admin:ada',
        createdAt: expect.any(String),
        releasedBy: null,
        releasedAt: null,
      },
    ]);
    expect(api.signalled.slice(before).map(({ membershipId }) => membershipId)).toEqual([
      membership.id,
    ]);
    const active = await api.call('GET', `/v1/holds?userId=${user.id}&state=active`);
    expect(active.json).toEqual({ data: [placed.json], next: null });
    const path = `/v1/holds/${placed.json.id}/release`;
    const released = await api.call('POST', path, { body: { reason: 'Closed' } });
    expect([released.status, released.json.releasedBy]).toEqual([200, 'admin:ada']);
    const again = await api.call('POST', path);
    expect([again.status, again.json.code]).toEqual([409, 'holdReleased']);
    const rest = await api.call('GET', `/v1/holds?userId=${user.id}&state=active`);
    expect(rest.json.data).toEqual([]);
  });

  it('covers an organization or one resource, too', async () => {
    for (const scope of [
      { organizationId: 'org_held' },
      { resource: { kind: 'project', id: 'p1' } },
    ]) {
      const answer = await api.call('POST', '/v1/holds', { body: { scope, kind: 'audit' } });
      expect([answer.status, answer.json.scope]).toEqual([201, scope]);
    }
  });

  it.each([
    ['two scopes at once', { userId: 'u', organizationId: 'o' }],
    ['an operator', { userId: { $ne: '' } }],
    ['no scope', {}],
    ['half a resource', { resource: { kind: 'project' } }],
  ])('on %s is answered 422', async (_name, scope) => {
    const answer = await api.call('POST', '/v1/holds', { body: { scope, kind: 'legal' } });
    expect([answer.status, answer.json.code]).toEqual([422, 'invalid']);
  });

  it('on an unknown user, or the release of an unknown hold, is answered 404', async () => {
    const body = { scope: { userId: 'nobody' }, kind: 'legal' };
    expect((await api.call('POST', '/v1/holds', { body })).status).toBe(404);
    expect((await api.call('POST', '/v1/holds/nothing/release')).status).toBe(404);
  });
});

describe('an announced switch of provider', () => {
  it('is read as it was announced, and as none before and after', async () => {
    const path = '/v1/organizations/org_switching/provider-switch';
    const read = async () => (await api.call('GET', path)).json;
    expect(await read()).toEqual({ organizationId: 'org_switching', until: null });
    const until = new Date(Date.now() + 86_400_000).toISOString();
    expect((await api.call('PUT', path, { body: { until } })).status).toBe(200);
    expect(await read()).toEqual({ organizationId: 'org_switching', until });
    expect((await api.call('PUT', path, { body: { until: null } })).status).toBe(200);
    expect(await read()).toEqual({ organizationId: 'org_switching', until: null });
  });
});

describe('the cancelling of deletions', () => {
  it('in an organization that nobody has mentioned is answered 404', async () => {
    const path = '/v1/organizations/org_nowhere/cancel-deletions';
    const { status, json } = await api.call('POST', path, { body: {} });
    expect([status, json.code]).toEqual([404, 'notFound']);
  });
});

describe('the policy of an organization', () => {
  const path = '/v1/organizations/org_policy/policy';

  it('is the defaults of the file, then the built-in ones, where nobody set it', async () => {
    const { status, json } = await api.call('GET', path);
    expect(status).toBe(200);
    expect(json).toEqual({
      coolingOffDays: 45,
      sandbox: false,
      sandboxCoolingOffSeconds: 60,
      deletionAllowed: null,
      erasure: 'anonymize',
      retentionDays: null,
      accessByGroup: false,
      leavingAttributes: [],
      lifecycleAuthority: 'any',
      suspendedCountsAsLeaving: true,
      initialStatus: 'active',
      jit: false,
      ownership: {
        when: { critical: 'onDeprovision', other: 'beforeAnonymization' },
        recipients: ['manager', 'organization'],
        returnOnReactivation: true,
      },
      guard: { maxUsers: 20, maxPercent: 10, windowMinutes: 60, graceDays: 7 },
      remindDays: 7,
      directorySync: 'disabled',
    });
  });

  it('is replaced as a whole: what is absent gets its default again', async () => {
    const first = await api.call('PUT', path, {
      body: {
        coolingOffDays: 90,
        jit: true,
        guard: { maxUsers: 5 },
        directorySync: 'enabled',
        reason: 'Contract 12',
      },
    });
    expect([first.status, first.json]).toMatchObject([
      200,
      {
        coolingOffDays: 90,
        jit: true,
        guard: { maxUsers: 5, maxPercent: 10 },
        directorySync: 'enabled',
      },
    ]);
    const second = await api.call('PUT', path, { body: { deletionAllowed: false } });
    const expected = {
      coolingOffDays: 45,
      jit: false,
      deletionAllowed: false,
      guard: { maxUsers: 20 },
      directorySync: 'enabled',
    };
    expect(second.json).toMatchObject(expected);
    expect((await api.call('GET', path)).json).toEqual(second.json);
  });

  it.each([
    ['29 days', { coolingOffDays: 29 }],
    ['91 days', { coolingOffDays: 91 }],
    ['a huge number', { remindDays: 1e308 }],
    ['an unknown field', { coolingDays: 30 }],
    ['an operator', { jit: { $set: true } }],
    ['a list', []],
  ])('refuses %s with 422 and stays as it is', async (_name, body) => {
    const before = (await api.call('GET', path)).json;
    const answer = await api.call('PUT', path, { body });
    expect([answer.status, answer.json.code]).toEqual([422, 'invalid']);
    expect((await api.call('GET', path)).json).toEqual(before);
  });
});

describe('what waits for an admin', () => {
  it('is listed: directories and how they fare', async () => {
    const { person } = await joined();
    const { json } = await api.call(
      'GET',
      `/v1/directories?organizationId=${person.organizationId}`,
    );
    expect(json.data).toEqual([
      {
        id: person.directoryId,
        organizationId: person.organizationId,
        type: null,
        name: null,
        state: 'unannounced',
        directoryUsers: 1,
        lastAnnouncedAt: null,
        createdAt: expect.any(String),
        deletedAt: null,
        // Nobody announced it, so nobody knows who else is in it.
        reconcileWantedAt: expect.any(String),
        lastReconciliation: null,
      },
    ]);
  });

  it('is listed: link requests, and nobody has access meanwhile', async () => {
    const organizationId = 'org_links';
    const email = 'shared@example.com';
    await api.call('POST', '/v1/users', {
      body: {
        users: [
          { id: 'one', email, organizationId },
          { id: 'two', email, organizationId },
        ],
      },
    });
    const person = aPerson({ organizationId, email });
    await api.deliver(person.event('created'));
    const { json } = await api.call(
      'GET',
      `/v1/link-requests?organizationId=${organizationId}&state=open`,
    );
    expect(json.data).toEqual([
      {
        id: expect.any(String),
        organizationId,
        directoryUserId: person.id,
        cause: 'several',
        candidateUserIds: expect.arrayContaining(['one', 'two']),
        createdAt: expect.any(String),
        resolution: null,
        resolvedBy: null,
        resolvedAt: null,
        userId: null,
        membershipId: null,
        reason: null,
      },
    ]);
    const check = await api.call('POST', '/v1/access-checks', {
      body: { organizationId, action: 'login', directoryUserId: person.id },
    });
    expect(check.json).toMatchObject({ allowed: false, reason: 'pendingLink' });
  });

  it('is listed: notices, newest first, by the page', async () => {
    for (let at = 0; at < 3; at += 1) await joined();
    const first = await api.call('GET', '/v1/notices?limit=2');
    expect(first.json.data).toHaveLength(2);
    const second = await api.call('GET', `/v1/notices?limit=2&cursor=${first.json.next}`);
    const times = [...first.json.data, ...second.json.data].map(({ at }: { at: string }) => at);
    expect(times).toEqual(times.toSorted().toReversed());
    const ids = new Set([...first.json.data, ...second.json.data].map(({ id }) => id));
    expect(ids.size).toBe(4);
  });

  it('is listed: the quarantine, with paths and never values', async () => {
    const event = aPerson().event('updated', { directory_id: 'not an id, but a secret' });
    await api.deliver(event);
    const { json, text } = await api.call('GET', '/v1/quarantine');
    expect(json.data[0]).toMatchObject({
      id: event.id,
      event: 'dsync.user.updated',
      problems: [{ path: 'data.directory_id', code: expect.any(String) }],
      repair: expect.any(String),
    });
    expect(text).not.toContain('secret');
  });
});

describe('the operator', () => {
  it('sees that the process lives, whatever else there is', async () => {
    const answer = await api.call('GET', '/health/live', { key: null });
    expect([answer.status, answer.json]).toEqual([200, { status: 'live' }]);
  });

  it('sees that it is ready while a worker polls, and what is missing otherwise', async () => {
    const { heartbeats } = api.store.collections;
    const ready = async () => {
      const { status, json } = await api.call('GET', '/health/ready', { key: null });
      return [status, json];
    };
    expect(await ready()).toEqual([503, { status: 'notReady', missing: ['worker'] }]);
    await heartbeats.insertOne({ _id: 'w1', role: 'worker', at: new Date(Date.now() - 16_000) });
    expect(await ready()).toEqual([503, { status: 'notReady', missing: ['worker'] }]);
    await heartbeats.updateOne({ _id: 'w1' }, { $set: { at: new Date() } });
    expect(await ready()).toEqual([200, { status: 'ready', hostFindings: {} }]);
    const hostFindings = { collectionMissing: 1, fieldMissing: 2 };
    await heartbeats.updateOne({ _id: 'w1' }, { $set: { hostFindings } });
    expect(await ready()).toEqual([200, { status: 'ready', hostFindings }]);
    await heartbeats.deleteMany({});
  });

  it('sees that it is not ready before MongoDB, before the migrations and while it stops', async () => {
    const none = createReadiness({ connected: () => null, migrated: () => false });
    expect((await none.look()).missing).toEqual(['mongodb', 'migrations', 'worker']);
    const early = createReadiness({ connected: () => api.store, migrated: () => false });
    expect((await early.look()).missing).toEqual(['migrations', 'worker']);
    early.shutDown();
    expect((await early.look()).missing).toEqual(['shuttingDown']);
  });

  it('sees memberships by phase and the backlog', async () => {
    await joined();
    const other = await startApi({ store: api.store });
    const { text, headers } = await other.call('GET', '/metrics', { key: null });
    await other.close();
    expect(headers.get('content-type')).toContain('text/plain');
    expect(text).toMatch(/^tenure_memberships\{phase="joining"\} [1-9]\d*$/m);
    expect(text).toMatch(/^tenure_memberships\{phase="anonymized"\} 0$/m);
    expect(text).toMatch(/^tenure_memberships_pending [1-9]\d*$/m);
    expect(text).toMatch(/^tenure_memberships_pending_oldest_seconds [\d.]+$/m);
  });

  it('finds no id and no address in log and metrics', async () => {
    const { person, user, membership } = await joined();
    await api.call('GET', `/v1/users/${user.id}`);
    const { text } = await api.call('GET', '/metrics', { key: null });
    for (const place of [api.logged(), text]) {
      for (const value of [user.id, user.email, membership.id, person.id, '@example.com']) {
        expect(place).not.toContain(value);
      }
    }
  });
});

describe('every answer', () => {
  it('forbids caching, sniffing and scripts, and names no framework', async () => {
    for (const path of ['/v1/users', '/health/live', '/nothing']) {
      const { headers } = await api.call('GET', path);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('server')).toBeNull();
    }
  });

  it('carries a request id: the caller’s own where it is well formed', async () => {
    const id = 'abc-123_DEF';
    const kept = await api.call('GET', '/health/live', { headers: { 'x-request-id': id } });
    expect(kept.headers.get('x-request-id')).toBe(id);
    for (const bad of ['x', 'a b c d e f g h', '{"level":"fatal"}', 'x'.repeat(100)]) {
      const made = await api.call('GET', '/health/live', { headers: { 'x-request-id': bad } });
      expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('to an unknown address is 404, and to a wrong method 405 with the right ones', async () => {
    for (const path of ['/', '/v1', '/v1/nothing', '/v1/users/a/b', '/v2/users', '//', '/%00']) {
      const answer = await api.call('GET', path);
      expect([answer.status, answer.json.code]).toEqual([404, 'notFound']);
    }
    const answer = await api.call('DELETE', '/v1/users/u');
    expect([answer.status, answer.json.code]).toEqual([405, 'methodNotAllowed']);
    expect(answer.headers.get('allow')).toBe('GET');
  });

  it('to a bug is 500 with a request id and nothing else', async () => {
    const broken = defineRoute({
      method: 'get',
      path: '/broken',
      summary: 'Breaks',
      auth: 'none',
      request: noInput,
      responses: { 200: z.strictObject({ ok: z.literal(true) }) },
      handler: async () => {
        throw new TypeError('ada@example.com is not a function');
      },
    });
    const lying = defineRoute({
      ...{ method: 'get', path: '/lying', summary: 'Lies', auth: 'none', request: noInput },
      responses: { 200: z.strictObject({ n: z.number().max(1) }) },
      handler: async () => ({ status: 200, body: { n: 7 } }),
    });
    const other = await startApi({ store: api.store, routes: [broken, lying] });
    for (const path of ['/broken', '/lying']) {
      const { status, json } = await other.call('GET', path);
      expect(status).toBe(500);
      expect(json).toEqual({
        type: 'about:blank',
        title: 'Internal Server Error',
        status: 500,
        code: 'internal',
        detail: expect.any(String),
        requestId: expect.any(String),
      });
    }
    expect(other.logged()).not.toContain('ada@example.com');
    expect(other.logged()).toContain('TypeError');
    await other.close();
  });
});

describe('the description', () => {
  it('names every route, with valid schemas', async () => {
    const { status, json } = await api.call('GET', '/openapi.json', { key: null });
    expect([status, json.openapi]).toEqual([200, '3.1.0']);
    for (const { path, method } of routes) expect(json.paths[path][method]).toBeDefined();
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    for (const [name, schema] of Object.entries(json.components.schemas)) {
      const whole = { ...(schema as object), components: json.components };
      expect([name, ajv.validateSchema(whole)]).toEqual([name, true]);
    }
  });
});
