import { readFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { eventually, startProcesses, type TenureProcesses } from '../support/processes.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';

interface Named {
  _id: string;
}

describe('a Tenure that only observes, as the processes are shipped', () => {
  let tenure: TenureProcesses;
  let endpoint: Receiver;

  beforeAll(async () => {
    endpoint = await startReceiver('app');
    const demo = await readFile(new URL('../../local/demo/acme.yaml', import.meta.url), 'utf8');
    const { url } = endpoint.endpoint;
    const told = `{ id: app, url: "${url}", secretEnv: APP_SECRET, allowPrivate: true }`;
    tenure = await startProcesses({
      env: { TENURE_MODE: 'observe' },
      workerEnv: { APP_SECRET: endpoint.endpoint.secrets.join() },
      hostFile: `${demo}\nnotifications: [${told}]\n`,
    });
  }, 120_000);

  afterAll(async () => {
    await tenure?.stop();
    await endpoint?.close();
  }, 60_000);

  /** What a product has of a person before it ever heard of Tenure. */
  async function hostData(userId: string, organizationId: string): Promise<void> {
    const { hostDb } = tenure;
    const users = hostDb.collection<Named>('users');
    await users.insertOne({ _id: userId, email: 'old@watched.example', theme: 'dark' } as Named);
    await hostDb.collection('sessions').insertMany([1, 2].map(() => ({ userId, organizationId })));
    await hostDb.collection('refreshTokens').insertOne({ userId, organizationId });
    await hostDb.collection('apiKeys').insertOne({ userId, revokedAt: null });
    const owned = { ownerId: userId, creatorId: userId, organizationId };
    await hostDb.collection('projects').insertMany([1, 2, 3].map((n) => ({ ...owned, n })));
    await hostDb.collection('documents').insertOne(owned);
    await hostDb
      .collection('comments')
      .insertOne({ authorId: userId, organizationId, authorName: 'Ada', ip: '192.0.2.1' });
  }

  /** Every byte of the host application's database, collection by collection. */
  async function hostBytes(): Promise<Record<string, string[]>> {
    const collections = await tenure.hostDb.listCollections().toArray();
    const bytes: Record<string, string[]> = {};
    for (const { name } of collections.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const found = await tenure.hostDb.collection(name).find({}, { raw: true }).toArray();
      bytes[name] = found.map((raw) => Buffer.from(raw as unknown as Buffer).toString('hex'));
    }
    return bytes;
  }

  it('changes no byte of the host application in a whole tenure, denies nobody, and tells what it would have done', async () => {
    const { simulator } = tenure;
    const { organization, directory } = simulator.tenant({ name: 'Watched' });
    const org = organization.id;
    await tenure.sandbox(org, 1, { guard: { maxUsers: 1000 } });
    await hostData('user_ada', org);
    const before = await hostBytes();
    expect(Object.keys(before).length).toBeGreaterThan(5);

    // The users who are there are imported, then the directory tells of them: the same person.
    const imported = await tenure.call('POST', '/v1/users', {
      users: [{ id: 'user_ada', organizationId: org, email: 'ada@watched.example' }],
    });
    expect(imported.status).toBe(200);
    const ada = simulator.join(directory.id, { email: 'ada@watched.example', firstName: 'Ada' });
    const joined = await tenure.until(ada.user.id, (m) => m.userId === 'user_ada');
    simulator.update(ada.handle, { email: 'ada.second@watched.example', lastName: 'Second' });
    await eventually('the new address in Tenure', async () => {
      const { body } = await tenure.call('GET', '/v1/users/user_ada');
      return body.email === 'ada.second@watched.example';
    });

    // They leave, and come back, and leave.
    simulator.leave(ada.handle);
    await tenure.untilMembership(joined.id, (m) => m.phase === 'blocked' && m.generation === 1);
    simulator.return(ada.handle);
    await tenure.untilMembership(joined.id, (m) => m.access.state === 'open');
    simulator.leave(ada.handle);
    const due = await tenure.untilMembership(
      joined.id,
      (m) => m.phase === 'blocked' && m.generation === 2,
    );
    expect(due).toMatchObject({
      status: 'disabled',
      access: { state: 'closed', reason: 'notBacked' },
      blockedBy: [{ code: 'observing', detail: '' }],
      outcome: null,
    });

    // Somebody whom only the directory knows would have been created at the host.
    const bob = simulator.join(directory.id, { email: 'bob@watched.example', firstName: 'Bob' });
    const bobs = await tenure.until(bob.user.id, (m) => m.access.state === 'open');
    await tenure.call('POST', `/v1/memberships/${bobs.id}/disable`, { reason: 'a trial' });
    await eventually('the disabled one settled', async () => {
      const lines = await tenure.timeline(bobs.id);
      return lines.includes('wouldRevoke');
    });

    // Nobody is denied: neither the leaver, nor the disabled, nor a stranger.
    const who = { userId: 'user_ada' };
    expect(await tenure.access(org, who, 'write')).toMatchObject({
      allowed: true,
      reason: 'open',
      observed: { allowed: false, reason: 'notBacked' },
    });
    expect(await tenure.access(org, { userId: bobs.userId })).toMatchObject({
      allowed: true,
      observed: { allowed: false, reason: 'disabled' },
    });
    expect(await tenure.access('org_nowhere', { email: 'eve@example.com' })).toMatchObject({
      allowed: true,
      userId: null,
      observed: { allowed: false, reason: 'unknown' },
    });
    const login = { organizationId: org, sso: { idpId: 'idp_eve', email: 'eve@example.com' } };
    expect((await tenure.call('POST', '/v1/logins', login)).body).toMatchObject({
      allowed: true,
      userId: null,
      observed: { allowed: false, reason: 'unknown' },
    });

    // It tells what it would have done.
    const { body: report } = await tenure.call('GET', `/v1/observations?organizationId=${org}`);
    expect(report).toMatchObject({ mode: 'observe', next: null });
    expect(report.totals).toMatchObject({ people: 2, denied: 2, anonymized: 1 });
    const ofAda = report.data.find((entry: any) => entry.membershipId === joined.id);
    expect(ofAda).toMatchObject({
      // Twice, once for each leaving: two sessions, a refresh token and a key that are still there.
      revoked: { session: 4, refresh_token: 2, api_key: 2 },
      anonymizedAt: expect.any(String),
    });
    expect(ofAda.handedOver).toBeGreaterThanOrEqual(6);
    expect(ofAda.projected).toBeGreaterThanOrEqual(3);
    const told = await tenure.timeline(joined.id);
    for (const type of ['wouldProvision', 'wouldRevoke', 'wouldTransfer', 'wouldAnonymize']) {
      expect(told).toContain(type);
    }
    for (const type of ['sessionsVerifiedEmpty', 'ownershipTransferred', 'erasureCommitted']) {
      expect(told).not.toContain(type);
    }

    expect(await hostBytes()).toEqual(before);
    expect(endpoint.received).toEqual([]);
    expect(await tenure.store.collections.notifications.countDocuments()).toBe(0);
    const { body: metrics } = await tenure.call('GET', '/metrics', undefined, null);
    expect(metrics).toMatch(/tenure_observed_denials_total\{reason="notBacked"\} [1-9]/);
  }, 90_000);

  it('takes everything up in earnest when it goes live, and counts the cooling-off from then', async () => {
    const { simulator, hostDb } = tenure;
    const { organization, directory } = simulator.tenant({ name: 'Live' });
    const org = organization.id;
    await tenure.sandbox(org, 1, { guard: { maxUsers: 1000 } });
    const boss = simulator.join(directory.id, { email: 'boss@live.example', firstName: 'Bo' });
    const carl = simulator.join(directory.id, {
      email: 'carl@live.example',
      firstName: 'Carl',
      customAttributes: { manager_email: 'boss@live.example' },
    });
    const bossId = (await tenure.until(boss.user.id, (m) => m.access.state === 'open')).userId;
    const { id, userId } = await tenure.until(carl.user.id, (m) => m.access.state === 'open');
    await hostDb.collection('sessions').insertOne({ userId, organizationId: org });
    await hostDb
      .collection('projects')
      .insertOne({ ownerId: userId, creatorId: userId, organizationId: org });
    simulator.leave(carl.handle);
    await tenure.untilMembership(id, (m) => m.phase === 'blocked');
    expect(await hostDb.collection('sessions').countDocuments({ userId })).toBe(1);

    // Long enough that somebody would notice; the blocked one has been due for a while.
    await tenure.sandbox(org, 3, { guard: { maxUsers: 1000 } });
    await tenure.worker.stop();
    await tenure.api.stop();
    const wentLiveAt = Date.now();
    const live = { TENURE_MODE: 'live' };
    // An API is ready as soon as a worker polls.
    await tenure.another('worker', live);
    const api = await tenure.another('api', live);
    const url = `http://127.0.0.1:${api.port}`;
    const read = async () =>
      (await tenure.call('GET', `/v1/memberships/${id}`, undefined, undefined, url)).body;

    await eventually('the sessions revoked', async () => {
      return (await hostDb.collection('sessions').countDocuments({ userId })) === 0;
    });
    await eventually('the hand-over', async () =>
      hostDb.collection('projects').findOne({ creatorId: userId, ownerId: bossId }),
    );
    await eventually('the boss at the host', async () =>
      hostDb.collection<Named>('users').findOne({ _id: bossId }),
    );
    await eventually('the end', async () => (await read()).phase === 'anonymized');
    // Whoever came while nobody was told is told of first.
    await eventually('the notifications', () => {
      const types = endpoint.about(userId).map(({ type }) => type);
      return types[0] === 'user.provisioned' && types.at(-1) === 'user.anonymized';
    });
    // Told by the timeline: on a busy machine the countdown may be over before anybody looks.
    const lines = await tenure.call(
      'GET',
      `/v1/memberships/${id}/timeline?limit=100`,
      undefined,
      undefined,
      url,
    );
    const at = (type: string): any => lines.body.data.find((line: any) => line.type === type);
    const due = Date.parse(at('wentLive').detail.dueAt);
    expect(due).toBeGreaterThanOrEqual(wentLiveAt + 3000);
    expect(Date.parse(at('erasureCommitted').at)).toBeGreaterThanOrEqual(due);
    const check = { organizationId: org, action: 'read', userId };
    expect((await tenure.call('POST', '/v1/access-checks', check, undefined, url)).body).toEqual({
      allowed: false,
      reason: 'anonymized',
      userId,
      membershipId: id,
      roles: [],
      permissions: [],
      features: [],
    });
    const { body } = await tenure.call('GET', '/v1/observations', undefined, undefined, url);
    expect(body).toMatchObject({ mode: 'live', totals: { people: 0 }, data: [] });
  }, 90_000);
});
