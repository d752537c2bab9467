import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { eventually, startProcesses, type TenureProcesses } from '../support/processes.ts';

interface Named {
  _id: string;
}

describe('the processes as shipped', () => {
  let tenure: TenureProcesses;

  beforeAll(async () => {
    tenure = await startProcesses();
  }, 120_000);

  afterAll(async () => tenure?.stop(), 60_000);

  /** What a product keeps of a person: ways in, property, traces. */
  async function hostData(userId: string, organizationId: string, name: string): Promise<void> {
    const { hostDb } = tenure;
    const owned = { ownerId: userId, creatorId: userId, organizationId };
    await hostDb.collection('sessions').insertMany([1, 2].map(() => ({ userId, organizationId })));
    await hostDb.collection('refreshTokens').insertOne({ userId, organizationId });
    await hostDb.collection('apiKeys').insertOne({ userId, revokedAt: null });
    await hostDb
      .collection('projects')
      .insertMany([1, 2].map((n) => ({ ...owned, title: `P${n}` })));
    await hostDb.collection('documents').insertOne({ ...owned, title: 'D' });
    await hostDb.collection('comments').insertOne({
      authorId: userId,
      organizationId,
      authorName: name,
      authorEmail: 'somebody@example.com',
      ip: '192.0.2.1',
      body: 'what was discussed',
    });
  }

  async function waysIn(userId: string): Promise<number> {
    const { hostDb } = tenure;
    return (
      (await hostDb.collection('sessions').countDocuments({ userId })) +
      (await hostDb.collection('refreshTokens').countDocuments({ userId })) +
      (await hostDb.collection('apiKeys').countDocuments({ userId, revokedAt: null }))
    );
  }

  async function owners(creatorId: string, kind = 'projects'): Promise<string[]> {
    const found = await tenure.hostDb.collection(kind).find({ creatorId }).toArray();
    return [...new Set(found.map(({ ownerId }) => String(ownerId)))];
  }

  async function userIdOf(directoryUserId: string): Promise<string> {
    return (await tenure.until(directoryUserId, (m) => m.access.state === 'open')).userId;
  }

  it('take a person through a whole tenure: join, update, leave, return, leave, be forgotten', async () => {
    const { simulator, hostDb, store } = tenure;
    const { organization, directory } = simulator.tenant({ name: 'Whole' });
    const org = organization.id;
    await tenure.sandbox(org, 3600, { guard: { maxUsers: 1000 } });
    const boss = simulator.join(directory.id, { email: 'boss@whole.example', firstName: 'Bo' });
    const ada = simulator.join(directory.id, {
      email: 'ada@whole.example',
      firstName: 'Ada',
      lastName: 'First',
      customAttributes: { manager_email: 'boss@whole.example' },
    });
    const firstId = ada.user.id;
    const bossId = await userIdOf(boss.user.id);
    const joined = await tenure.until(firstId, (m) => m.access.state === 'open');
    expect(joined).toMatchObject({ organizationId: org, status: 'active', phase: 'settled' });
    const id = joined.userId;
    expect(await tenure.access(org, { userId: id })).toMatchObject({
      allowed: true,
      reason: 'open',
    });
    expect(await tenure.access(org, { directoryUserId: firstId }, 'login')).toMatchObject({
      allowed: true,
      membershipId: joined.id,
    });

    // An update changes the same record and leaves the host's own fields alone.
    await hostDb.collection<Named>('users').updateOne({ _id: id }, { $set: { theme: 'dark' } });
    simulator.update(ada.handle, { email: 'ada.second@whole.example', lastName: 'Second' });
    await eventually('the new address at the host', async () =>
      hostDb.collection<Named>('users').findOne({
        _id: id,
        email: 'ada.second@whole.example',
        name: 'Ada Second',
        theme: 'dark',
      }),
    );
    const { body: user } = await tenure.call('GET', `/v1/users/${id}`);
    expect(user).toMatchObject({ id, email: 'ada.second@whole.example', name: 'Ada Second' });
    expect(user.memberships).toHaveLength(1);
    const stored = await store.collections.users.findOne({ _id: id });
    expect(stored?.emailHistory).toMatchObject([{ email: 'ada@whole.example' }]);

    // They leave by `dsync.user.deleted`: the door is closed by the time of the answer.
    await hostData(id, org, 'Ada Second');
    simulator.leave(ada.handle);
    await simulator.deliverer.idle();
    expect(await tenure.access(org, { userId: id })).toMatchObject({
      allowed: false,
      reason: 'notBacked',
    });
    expect(await tenure.access(org, { directoryUserId: firstId })).toMatchObject({
      allowed: false,
    });
    const cooling = await tenure.until(firstId, (m) => m.phase === 'coolingOff');
    expect(cooling).toMatchObject({ status: 'disabled', generation: 1, outcome: null });
    expect(
      Date.parse(cooling.deletionDueAt) - Date.parse(cooling.disabledAt),
    ).toBeGreaterThanOrEqual(3_600_000);
    expect(await waysIn(id)).toBe(0);
    expect(await owners(id)).toEqual([bossId]);
    expect(await owners(id, 'documents')).toEqual([id]);
    expect(await hostDb.collection<Named>('users').findOne({ _id: id })).toMatchObject({
      status: 'disabled',
      theme: 'dark',
    });

    // The record that WorkOS forgot is made anew: another id, the same idp_id, the same membership.
    simulator.return(ada.handle);
    const secondId = ada.user.id;
    expect(secondId).not.toBe(firstId);
    const back = await tenure.until(secondId, (m) => m.access.state === 'open');
    expect(back).toMatchObject({
      id: joined.id,
      userId: id,
      deletionDueAt: null,
      disabledAt: null,
    });
    expect(await owners(id)).toEqual([id]);
    expect(await tenure.access(org, { directoryUserId: firstId })).toMatchObject({ allowed: true });

    // They leave by the other flow and come back under the same id.
    simulator.leave(ada.handle, { inactiveUsers: 'updated' });
    await tenure.until(secondId, (m) => m.phase === 'coolingOff' && m.generation === 2);
    expect(await owners(id)).toEqual([bossId]);
    simulator.return(ada.handle);
    expect(ada.user.id).toBe(secondId);
    await tenure.until(secondId, (m) => m.access.state === 'open');
    expect(await owners(id)).toEqual([id]);

    // The last leaving, in a sandbox of seconds.
    await tenure.sandbox(org, 1);
    simulator.leave(ada.handle);
    const gone = await tenure.untilMembership(joined.id, (m) => m.phase === 'anonymized');
    expect(gone).toMatchObject({
      status: 'anonymized',
      outcome: 'anonymized',
      generation: 3,
      directoryUsers: [],
    });
    expect(await tenure.access(org, { userId: id })).toMatchObject({
      allowed: false,
      reason: 'anonymized',
    });
    expect(await tenure.access(org, { directoryUserId: secondId })).toMatchObject({
      reason: 'unknown',
    });
    expect((await tenure.call('GET', `/v1/users?directoryUserId=${secondId}`)).body.data).toEqual(
      [],
    );
    expect((await tenure.call('GET', `/v1/users/${id}`)).body).toMatchObject({
      email: null,
      username: null,
      name: null,
      status: 'anonymized',
    });
    const comment = await hostDb.collection('comments').findOne({ authorId: id });
    expect(comment).toMatchObject({ body: 'what was discussed' });
    expect(comment).not.toHaveProperty('ip');
    expect(comment?.['authorName']).toMatch(/^former-user-[0-9a-f]{16}$/);
    expect(await owners(id)).toEqual([bossId]);
    expect(await owners(id, 'documents')).toEqual([bossId]);
    const mirror = await store.collections.directoryUsers.findOne({ 'records.id': secondId });
    expect(mirror?.records.map(({ profile }) => profile)).toEqual([null, null]);
    expect(mirror).not.toHaveProperty('idpId');

    // The timeline tells the story in order, without a person's data.
    const { body } = await tenure.call('GET', `/v1/memberships/${joined.id}/timeline?limit=100`);
    const told = body.data
      .map(({ type }: { type: string }) => type)
      .filter((type: string) => type !== 'phase');
    // One line for each kind of the host file, in whatever order they are verified.
    const revoked = ['session', 'refresh_token', 'api_key'].map(() => 'credentialsRevoked');
    const round = ['left', ...revoked, 'sessionsVerifiedEmpty', 'ownershipTransferred'];
    expect(told).toEqual([
      'joined',
      'provisioned',
      'opened',
      ...round,
      'returned',
      'ownershipReturned',
      'opened',
      ...round,
      'returned',
      'ownershipReturned',
      'opened',
      ...round,
      'ownershipTransferred',
      'conditionsChecked',
      'erasureCommitted',
      'anonymized',
    ]);
    expect(JSON.stringify(body)).not.toMatch(/whole\.example|Ada|Second/);

    // After the commit point a return makes a new person.
    simulator.return(ada.handle);
    const anew = await tenure.until(ada.user.id, (m) => m.access.state === 'open');
    expect(anew.userId).not.toBe(id);
    expect(anew.generation).toBe(0);
  }, 60_000);
});
