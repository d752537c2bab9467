import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { importUser } from '../../transitions/organization/import-users.ts';
import { putPolicy } from '../../transitions/organization/put-policy.ts';
import { spreadFacts } from '../../transitions/organization/spread-facts.ts';
import { spreadGuards } from '../../transitions/guards/spread-guards.ts';
import { resolvePolicy } from '../../platform/policy-schema.ts';
import { drive } from '../support/by-hand.ts';
import { directoryEvent } from '../support/events.ts';
import { meeting, unlocked } from '../support/fences.ts';
import { aPerson, startApi, type Person, type TestApi } from './api-fixture.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startApi({
    settings: {
      keys: {
        admin: [
          { name: 'ada', key: 'admin-key-for-tests-0123456789' },
          { name: 'bob', key: 'another-key-for-tests-0123456789' },
        ],
        gate: null,
        revocation: null,
      },
    },
  });
}, 60_000);

afterAll(async () => api.close());

/** A company that came by SSO, and now connects a directory that knows some of its people. */
interface Company {
  org: string;
  directoryId: string;
  /** In the directory too. */
  grace: string;
  /** In no directory. */
  linus: string;
  person: Person;
}

async function company(): Promise<Company> {
  const org = `org_${randomUUID()}`;
  const directoryId = `directory_${randomUUID()}`;
  const email = `grace.${randomUUID()}@example.com`;
  const [grace, linus] = [`user_${randomUUID()}`, `user_${randomUUID()}`];
  await imported(org, { id: grace, email });
  await imported(org, {
    id: linus,
    email: `${linus}@example.com`,
    name: 'Linus',
    roles: ['owner'],
  });
  await deliver(directoryEvent('activated', { id: directoryId, organizationId: org }));
  const person = aPerson({ organizationId: org, directoryId, email });
  await deliver(person.event('created'));
  return { org, directoryId, grace, linus, person };
}

async function imported(organizationId: string, user: object): Promise<void> {
  const users = [{ organizationId, ...user }];
  expect((await api.call('POST', '/v1/users', { body: { users } })).status).toBe(200);
}

async function deliver(event: unknown): Promise<void> {
  expect((await api.deliver(event)).status).toBe(200);
}

async function dryRun(org: string, query = '', key?: string): Promise<any> {
  const path = `/v1/organizations/${org}/dry-run${query}`;
  const { status, json } = await api.call('GET', path, key === undefined ? {} : { key });
  expect(status).toBe(200);
  return json;
}

async function put(org: string, directorySync: string, key?: string): Promise<any> {
  const { status, json } = await api.call('PUT', `/v1/organizations/${org}/policy`, {
    body: { directorySync, deletionAllowed: true },
    ...(key === undefined ? {} : { key }),
  });
  return status === 200 ? json.directorySync : `${status} ${json.code}`;
}

async function openRequests(org: string): Promise<any[]> {
  const path = `/v1/link-requests?organizationId=${org}&state=open`;
  return (await api.call('GET', path)).json.data;
}

/** As a reconciliation writes it that has read everything. */
async function listed(company_: Company): Promise<void> {
  const at = new Date();
  await api.store.collections.reconciliations.insertOne({
    _id: `run_${randomUUID()}`,
    directoryId: company_.directoryId,
    organizationId: company_.org,
    startedAt: at,
    asked: null,
    finishedAt: at,
    outcome: 'complete',
    stopped: null,
    counts: null,
  });
}

async function membershipOf(userId: string): Promise<any> {
  return (await api.call('GET', `/v1/users/${userId}`)).json.memberships[0];
}

/** What the chores of a worker do with a change of the organization or a decision. */
async function spread(): Promise<void> {
  const rules = { file: api.deps.hostFile, newUserId: api.deps.newUserId };
  for (let rounds = 0; rounds < 5; rounds += 1) {
    await spreadFacts(api.store, rules);
    await spreadGuards(api.store, rules);
  }
}

describe('an organization that moves to Directory Sync', () => {
  it('shows in its dry run who loses access, who is linked, and what is not known yet', async () => {
    const acme = await company();
    const run = await dryRun(acme.org);
    expect(run).toMatchObject({
      organizationId: acme.org,
      directorySync: 'syncing',
      listing: {
        finished: false,
        directories: [{ id: acme.directoryId, state: 'active', listedAt: null }],
      },
      counts: { losesAccess: 1, linked: 1, ambiguous: 0 },
      list: 'losesAccess',
      next: null,
    });
    expect(run.data).toMatchObject([{ userId: acme.linus, name: 'Linus', status: 'active' }]);
    expect((await dryRun(acme.org, '?list=linked')).data).toMatchObject([{ userId: acme.grace }]);
    await listed(acme);
    expect((await dryRun(acme.org)).listing).toMatchObject({ finished: true });
  });

  it('names directory users that may be one of several people', async () => {
    const acme = await company();
    const email = `twin.${randomUUID()}@example.com`;
    const twins = [`user_${randomUUID()}`, `user_${randomUUID()}`];
    for (const id of twins) await imported(acme.org, { id, email });
    const { directoryId, org } = acme;
    const person = aPerson({ organizationId: org, directoryId, email });
    await deliver(person.event('created'));
    const run = await dryRun(org, '?list=ambiguous');
    expect(run.counts).toEqual({ losesAccess: 3, linked: 1, ambiguous: 1 });
    expect(run.data).toMatchObject([{ directoryUserId: person.id }]);
    expect(run.data[0].candidateUserIds.toSorted()).toEqual(twins.toSorted());
  });

  it('pages its lists', async () => {
    const acme = await company();
    await imported(acme.org, { id: `user_${randomUUID()}`, email: null });
    const first = await dryRun(acme.org, '?limit=1');
    expect(first.data).toHaveLength(1);
    const second = await dryRun(acme.org, `?limit=1&cursor=${first.next}`);
    expect(second.data).toHaveLength(1);
    expect(second.next).toBeNull();
    expect(second.data[0].userId).not.toBe(first.data[0].userId);
  });

  it('has no dry run before anybody mentioned it', async () => {
    const org = `org_${randomUUID()}`;
    const { status, json } = await api.call('GET', `/v1/organizations/${org}/dry-run`);
    expect([status, json.code]).toEqual([404, 'notFound']);
    expect(await api.store.collections.dryRuns.countDocuments({ organizationId: org })).toBe(0);
  });

  it('is not turned on before its dry run was read, and its directory as a whole', async () => {
    const acme = await company();
    expect(await put(acme.org, 'enabled')).toBe('409 dryRunNeeded');
    await dryRun(acme.org);
    expect(await put(acme.org, 'enabled')).toBe('409 listingNotFinished');
    await listed(acme);
    expect(await put(acme.org, 'enabled')).toBe('enabled');
  });

  it('is turned on only by who has read whom it puts out, as it is now', async () => {
    const acme = await company();
    await listed(acme);
    await dryRun(acme.org);
    expect(await put(acme.org, 'enabled', 'another-key-for-tests-0123456789')).toBe(
      '409 dryRunNeeded',
    );
    await imported(acme.org, { id: `user_${randomUUID()}`, email: null });
    expect(await put(acme.org, 'enabled')).toBe('409 dryRunNeeded');
    await dryRun(acme.org, '?list=linked');
    expect(await put(acme.org, 'enabled')).toBe('409 dryRunNeeded');
    expect((await dryRun(acme.org)).counts).toMatchObject({ losesAccess: 2 });
    expect(await put(acme.org, 'enabled')).toBe('enabled');
  });

  it('closes whom no directory knows, who then wait at the guard, and nobody else', async () => {
    const acme = await company();
    await listed(acme);
    await dryRun(acme.org);
    expect(await put(acme.org, 'enabled')).toBe('enabled');
    await spread();
    const out = await membershipOf(acme.linus);
    expect(out).toMatchObject({
      status: 'disabled',
      access: { state: 'closed', reason: 'notBacked' },
      roles: [],
      generation: 1,
    });
    expect((await membershipOf(acme.grace)).access.state).toBe('open');
    const tenure = { store: api.store, file: api.deps.hostFile };
    const seen = await drive(tenure, out.id, { nowMs: Date.now() + 100 * 86_400_000 });
    expect(seen).toMatchObject({ phase: 'blocked', blockedBy: [{ code: 'guard' }] });
    const { json } = await api.call('GET', `/v1/guards?organizationId=${acme.org}&state=open`);
    expect(json.data).toMatchObject([{ kind: 'configuration', waiting: 1 }]);
  });

  it('lets everybody in again, with their roles, when an admin rejects it', async () => {
    const acme = await company();
    await listed(acme);
    await dryRun(acme.org);
    await put(acme.org, 'enabled');
    await spread();
    const { json } = await api.call('GET', `/v1/guards?organizationId=${acme.org}&state=open`);
    const [guard] = json.data;
    const rejected = await api.call('POST', `/v1/guards/${guard.id}/reject`, { body: {} });
    expect(rejected.status).toBe(200);
    await spread();
    const policy = await api.call('GET', `/v1/organizations/${acme.org}/policy`);
    expect(policy.json.directorySync).toBe('syncing');
    const tenure = { store: api.store, file: api.deps.hostFile };
    await drive(tenure, (await membershipOf(acme.linus)).id);
    expect(await membershipOf(acme.linus)).toMatchObject({
      status: 'active',
      access: { state: 'open' },
      roles: ['owner'],
      deletionDueAt: null,
    });
    // And the way begins anew: they are in the dry run, and it is to be read once more.
    expect(await put(acme.org, 'enabled')).toBe('409 dryRunNeeded');
    expect((await dryRun(acme.org)).counts.losesAccess).toBe(1);
    expect(await put(acme.org, 'enabled')).toBe('enabled');
  });

  it('goes on asking who somebody is whose candidates wait at the guard, and after a rejection', async () => {
    const acme = await company();
    const { directoryId, org } = acme;
    const email = `twin.${randomUUID()}@example.com`;
    const twins = [`user_${randomUUID()}`, `user_${randomUUID()}`];
    for (const id of twins) await imported(org, { id, email });
    const person = aPerson({ organizationId: org, directoryId, email });
    await deliver(person.event('created'));
    const before = await openRequests(org);
    expect(before).toMatchObject([{ directoryUserId: person.id, resolution: null }]);
    await listed(acme);
    await dryRun(org);
    expect(await put(org, 'enabled')).toBe('enabled');
    await spread();
    expect((await membershipOf(twins[0]!)).access.state).toBe('closed');
    expect(await openRequests(org)).toEqual(before);
    const { json } = await api.call('GET', `/v1/guards?organizationId=${org}&state=open`);
    await api.call('POST', `/v1/guards/${json.data[0].id}/reject`, { body: {} });
    await spread();
    expect(await openRequests(org)).toEqual(before);
    expect(await api.store.collections.memberships.countDocuments({ organizationId: org })).toBe(4);
  });

  it('takes whom the directory tells of while they wait for the same person, not for another one', async () => {
    const acme = await company();
    await listed(acme);
    await dryRun(acme.org);
    await put(acme.org, 'enabled');
    await spread();
    expect((await membershipOf(acme.linus)).access.state).toBe('closed');
    const { directoryId, org: organizationId } = acme;
    const { json } = await api.call('GET', `/v1/users/${acme.linus}`);
    const person = aPerson({ organizationId, directoryId, email: json.email });
    await deliver(person.event('created'));
    const found = await api.call('GET', `/v1/users?directoryUserId=${person.id}`);
    expect(found.json.data).toMatchObject([{ id: acme.linus }]);
    expect((await membershipOf(acme.linus)).access.reason).toBe('opening');
  });

  it('is turned on at once where it puts nobody out', async () => {
    const acme = await company();
    const { json } = await api.call('GET', `/v1/users/${acme.linus}`);
    await deliver(
      aPerson({
        organizationId: acme.org,
        directoryId: acme.directoryId,
        email: json.email,
      }).event('created'),
    );
    expect((await dryRun(acme.org)).counts).toMatchObject({ losesAccess: 0, linked: 2 });
    expect(await put(acme.org, 'enabled')).toBe('enabled');
  });

  it('is not turned off while a directory is connected, since it would let its leavers in', async () => {
    const acme = await company();
    expect(await put(acme.org, 'disabled')).toBe('409 directoryConnected');
    await listed(acme);
    await dryRun(acme.org);
    expect(await put(acme.org, 'enabled')).toBe('enabled');
    expect(await put(acme.org, 'syncing')).toBe('409 directoryConnected');
    expect(await put(acme.org, 'disabled')).toBe('409 directoryConnected');
    await deliver(directoryEvent('deleted', { id: acme.directoryId, organizationId: acme.org }));
    expect(await put(acme.org, 'disabled')).toBe('disabled');
  });

  it('may be prepared: `syncing` before the directory is there', async () => {
    const org = `org_${randomUUID()}`;
    expect(await put(org, 'syncing')).toBe('syncing');
    await deliver(directoryEvent('activated', { id: `directory_${org}`, organizationId: org }));
    const { json } = await api.call('GET', `/v1/organizations/${org}/policy`);
    expect(json.directorySync).toBe('syncing');
  });
});

describe('an import and the turning on at once', () => {
  async function race(locks: boolean): Promise<boolean> {
    const acme = await company();
    await listed(acme);
    await dryRun(acme.org);
    const { store } = meeting(locks ? api.store : unlocked(api.store), 2);
    const user = { id: `user_${randomUUID()}`, organizationId: acme.org };
    const details = { email: `${user.id}@example.com`, username: null, name: null, roles: [] };
    const policy = resolvePolicy(null, {});
    const turning = putPolicy(store, acme.org, {
      policy,
      directorySync: 'enabled',
      by: 'admin:ada',
    });
    const [turned] = await Promise.allSettled([
      turning,
      importUser(store, { ...user, ...details, status: 'active' }, 'admin:ada'),
    ]);
    const found = await api.store.collections.memberships.findOne({ userId: user.id });
    // Open, and turned on by somebody who never saw their name.
    return turned.status === 'fulfilled' && found?.access.state === 'open';
  }

  it('never lock out somebody whom the dry run did not name, as they would where nothing locks', async () => {
    for (let times = 0; times < 4; times += 1) expect(await race(true)).toBe(false);
    const without = [];
    for (let times = 0; times < 6; times += 1) without.push(await race(false));
    expect(without).toContain(true);
  }, 60_000);
});
