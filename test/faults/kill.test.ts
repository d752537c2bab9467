import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { Client, Connection } from '@temporalio/client';

import type { Person } from '../../local/simulator/state.ts';
import { eventually, startProcesses, type TenureProcesses } from '../support/processes.ts';
import { startPrivateStack, type PrivateStack } from '../support/servers.ts';
import type { TestTenant } from '../support/simulator.ts';

const hour = 3600;
/** Deliveries on their way at once, within one organization. */
const sideBySide = 16;

/** kill -9 of every process at states that were observed in MongoDB, under work in progress. */
describe('a process that is killed', () => {
  let stack: PrivateStack;
  let tenure: TenureProcesses;
  let count = 0;

  beforeAll(async () => {
    stack = await startPrivateStack();
    tenure = await startProcesses({
      mongodbUrl: stack.mongodbUrl,
      temporalAddress: stack.temporalAddress,
      hasty: true,
      workerEnv: {
        // Slow enough to be met in the middle of a batch.
        TENURE_HOST_WRITES_PER_SECOND: '100',
      },
      simulator: { concurrency: 16 },
    });
  }, 120_000);

  afterAll(async () => {
    await tenure?.stop();
    await stack?.stop();
  }, 180_000);

  async function tenant(seconds = hour): Promise<TestTenant> {
    count += 1;
    const made = tenure.simulator.tenant({ name: `Customer ${count}` });
    await tenure.sandbox(made.organization.id, seconds, { guard: { maxUsers: 10_000 } });
    return made;
  }

  /** In several directories, so that the simulator delivers side by side; not one each, for each is compared. */
  function join1({ organization }: TestTenant, name: string, nth = 0): Person {
    const { simulator } = tenure;
    const known = simulator.world.state.directories.filter(
      ({ organizationId }) => organizationId === organization.id,
    );
    const directory =
      known[nth % sideBySide] ?? simulator.directory({ organizationId: organization.id, name });
    return simulator.join(directory.id, {
      email: `${name}@customer-${count}.example`,
      firstName: name,
    });
  }

  const people = (customer: TestTenant, names: number): Person[] =>
    Array.from({ length: names }, (_, index) => join1(customer, `p${index}`, index));

  const membershipOf = async (person: Person) => {
    const { directoryUsers, memberships } = tenure.store.collections;
    const mirror = await directoryUsers.findOne({ 'records.id': person.user.id });
    return memberships.findOne({ _id: mirror?.membershipId ?? '' });
  };

  const allOpen = async (all: Person[]): Promise<void> => {
    for (const { user } of all)
      await tenure.until(user.id, (m) => m.access.state === 'open', 120_000);
  };

  /**
   * Every event that was answered 2xx is in the inbox, once, and was applied. `stale`: the comparison of the
   * person's new directory told the same before the webhook was tried again.
   */
  async function expectLedger(since: number): Promise<void> {
    const { records } = tenure.simulator.deliverer;
    const acked = records
      .slice(since)
      .filter(({ tries }) => tries.some(({ status }) => status !== null && status < 300));
    expect(acked.length).toBeGreaterThan(0);
    const ids = [...new Set(acked.map(({ eventId }) => eventId))];
    const found = await tenure.store.collections.inbox.find({ _id: { $in: ids } }).toArray();
    expect(found.map(({ _id }) => _id).toSorted()).toEqual(ids.toSorted());
    const outcomes = new Set(found.map(({ outcome }) => outcome));
    outcomes.delete('applied');
    outcomes.delete('recorded');
    outcomes.delete('stored');
    outcomes.delete('stale');
    expect([...outcomes]).toEqual([]);
  }

  const inboxCount = async (): Promise<number> =>
    tenure.store.collections.inbox.countDocuments({ event: /^dsync\.user/ });

  it('loses nothing of a burst when it is the API', async () => {
    const customer = await tenant();
    const since = tenure.simulator.deliverer.records.length;
    const before = await inboxCount();
    const all = people(customer, 30);
    await eventually('some of them', async () => (await inboxCount()) >= before + 5);
    await tenure.api.kill();
    await tenure.api.start();
    await tenure.simulator.deliverer.idle();
    await allOpen(all);
    const undelivered = tenure.simulator.deliverer.records
      .slice(since)
      .filter(({ outcome }) => outcome !== 'delivered');
    expect(undelivered).toEqual([]);
    await expectLedger(since);
    const { users } = tenure.store.collections;
    expect(await users.countDocuments({ organizationIds: customer.organization.id })).toBe(30);
  }, 180_000);

  it('has acknowledged nothing that is lost when it is mongod, and closes everybody who left', async () => {
    const customer = await tenant();
    const all = people(customer, 20);
    await allOpen(all);
    const since = tenure.simulator.deliverer.records.length;
    const before = await inboxCount();
    for (const { handle, directoryId } of all) {
      const [found] = tenure.simulator.world.state.people.filter(
        (person) => person.handle === handle && person.directoryId === directoryId,
      );
      tenure.simulator.leave(found?.user.id ?? '');
    }
    await eventually('some of them', async () => (await inboxCount()) >= before + 4);
    await stack.kill('mongod');
    const answered = await tenure.call('POST', '/v1/access-checks', {
      organizationId: customer.organization.id,
      action: 'read',
      userId: 'x',
    });
    expect(answered.status).toBe(503);
    expect((await fetch(`${tenure.apiUrl}/health/live`)).status).toBe(200);
    await stack.restart('mongod');
    await tenure.simulator.deliverer.idle();
    for (const { user } of all) {
      await tenure.until(user.id, (m) => m.phase === 'coolingOff' && m.generation === 1, 40_000);
    }
    await expectLedger(since);
  }, 90_000);

  it('finishes every step once when it is the worker, in the middle of each', async () => {
    const customer = await tenant();
    const erasing = await tenant(1);
    const organizationId = customer.organization.id;
    const [boss, revoked, handing, forgotten] = [
      join1(customer, 'boss'),
      join1(customer, 'revoked'),
      join1(customer, 'handing'),
      join1(erasing, 'forgotten'),
    ];
    await allOpen([boss, revoked, handing, forgotten]);
    const [revokedId, handingId, forgottenId] = await Promise.all(
      [revoked, handing, forgotten].map(
        async (person) => (await membershipOf(person))?.userId ?? '',
      ),
    );
    const rows = (n: number, row: object) => Array.from({ length: n }, () => ({ ...row }));
    const { hostDb } = tenure;
    await hostDb
      .collection('sessions')
      .insertMany(rows(400, { userId: revokedId, organizationId }));
    await hostDb
      .collection('apiKeys')
      .insertMany(rows(400, { userId: revokedId, revokedAt: null }));
    await hostDb
      .collection('projects')
      .insertMany(rows(400, { ownerId: handingId, creatorId: handingId, organizationId }));
    await hostDb.collection('comments').insertMany(
      rows(400, {
        authorId: forgottenId,
        organizationId: erasing.organization.id,
        authorName: 'forgotten',
        ip: '192.0.2.7',
        body: 'kept',
      }),
    );
    for (const { user } of [revoked, handing, forgotten]) tenure.simulator.leave(user.id);
    const left = {
      keys: async () =>
        hostDb.collection('apiKeys').countDocuments({ userId: revokedId, revokedAt: null }),
      projects: async () => hostDb.collection('projects').countDocuments({ ownerId: handingId }),
      comments: async () =>
        hostDb
          .collection('comments')
          .countDocuments({ authorId: forgottenId, authorName: 'forgotten' }),
    };
    const midway = (n: number): boolean => n > 0 && n < 400;
    await eventually('all three are midway', async () => {
      const counts = await Promise.all([left.keys(), left.projects(), left.comments()]);
      if (counts.some((n) => n === 0)) throw new Error(`too late: ${counts.join()}`);
      return midway(counts[1]) && midway(counts[2]);
    });
    await tenure.worker.kill();
    const counts = await Promise.all([left.projects(), left.comments()]);
    expect(counts.every((n) => midway(n))).toBe(true);
    expect((await membershipOf(forgotten))?.phase).toBe('anonymizing');
    await tenure.worker.start();
    await tenure.until(revoked.user.id, (m) => m.phase === 'coolingOff', 60_000);
    await tenure.until(handing.user.id, (m) => m.phase === 'coolingOff', 60_000);
    const gone = await eventually(
      'forgotten',
      async () =>
        tenure.store.collections.memberships.findOne({
          userId: forgottenId ?? '',
          phase: 'anonymized',
        }),
      60_000,
    );
    expect(await hostDb.collection('sessions').countDocuments({ userId: revokedId })).toBe(0);
    expect(await left.keys()).toBe(0);
    expect(
      await hostDb
        .collection('projects')
        .countDocuments({ ownerId: `org:${organizationId}`, creatorId: handingId }),
    ).toBe(400);
    expect(await left.comments()).toBe(0);
    const names = await hostDb
      .collection('comments')
      .distinct('authorName', { authorId: forgottenId });
    expect(names).toEqual([gone.erasure?.pseudonym]);
    for (const person of [revoked, handing]) {
      const told = await tenure.timeline((await membershipOf(person))?._id ?? '');
      expect(told.filter((type) => type === 'sessionsVerifiedEmpty')).toHaveLength(1);
      expect(told.filter((type) => type === 'ownershipTransferred')).toHaveLength(1);
    }
  }, 150_000);

  it('forgets late and never against a return when it is Temporal at the due time', async () => {
    const customer = await tenant(2);
    const [due, back] = [join1(customer, 'due'), join1(customer, 'back')];
    await allOpen([due, back]);
    for (const { user } of [due, back])
      tenure.simulator.leave(user.id, { inactiveUsers: 'updated' });
    const cooling = await Promise.all(
      [due, back].map(async ({ user }) => tenure.until(user.id, (m) => m.phase === 'coolingOff')),
    );
    await stack.kill('temporal');
    tenure.simulator.return(back.user.id);
    await tenure.simulator.deliverer.idle();
    const last = Math.max(...cooling.map(({ deletionDueAt }) => Date.parse(deletionDueAt)));
    await eventually('the due time', () => Date.now() > last + 200);
    expect((await membershipOf(due))?.phase).toBe('coolingOff');
    await stack.restart('temporal');
    const gone = await tenure.untilMembership(
      cooling[0].id,
      (m) => m.phase === 'anonymized',
      60_000,
    );
    expect(gone.outcome).toBe('anonymized');
    const there = await tenure.until(back.user.id, (m) => m.access.state === 'open', 60_000);
    expect(there).toMatchObject({ id: cooling[1].id, phase: 'settled' });
    expect(await tenure.timeline(cooling[1].id)).not.toContain('erasureCommitted');
  }, 120_000);

  it('converges when everything is killed at once', async () => {
    const customer = await tenant();
    const soon = await tenant(3);
    const stay = people(customer, 4);
    const leave = Array.from({ length: 4 }, (_, n) => join1(customer, `l${n}`, 4 + n));
    const forget = Array.from({ length: 3 }, (_, n) => join1(soon, `f${n}`, n));
    await allOpen([...stay, ...leave, ...forget]);
    const since = tenure.simulator.deliverer.records.length;
    for (const { user } of [...leave, ...forget]) tenure.simulator.leave(user.id);
    const newcomers = Array.from({ length: 4 }, (_, n) => join1(customer, `n${n}`, n));
    await eventually('some have closed', async () => {
      const closed = await tenure.store.collections.memberships.countDocuments({
        organizationId: customer.organization.id,
        generation: 1,
      });
      return closed > 0;
    });
    const forgottenIds = await Promise.all(
      forget.map(async (p) => (await membershipOf(p))?._id ?? ''),
    );
    await Promise.all([
      tenure.worker.kill(),
      stack.kill('temporal'),
      tenure.api.kill(),
      stack.kill('mongod'),
    ]);
    await Promise.all([
      stack.restart('temporal'),
      stack.restart('mongod'),
      tenure.api.start(),
      tenure.worker.start(),
    ]);
    await tenure.simulator.deliverer.idle();
    await allOpen([...stay, ...newcomers]);
    for (const { user } of leave)
      await tenure.until(user.id, (m) => m.phase === 'coolingOff', 60_000);
    await eventually(
      'all who were due are forgotten',
      async () => {
        const found = await tenure.store.collections.memberships
          .find({ organizationId: soon.organization.id })
          .toArray();
        return found.length === 3 && found.every(({ phase }) => phase === 'anonymized');
      },
      60_000,
    );
    await expectLedger(since);
    for (const id of forgottenIds.filter((known) => known !== '')) await expectNobodyEarly(id);
    expect(forgottenIds).toHaveLength(3);
  }, 150_000);

  async function expectNobodyEarly(membershipId: string): Promise<void> {
    const { timeline } = tenure.store.collections;
    const left = await timeline.findOne({ membershipId, type: 'left' });
    const committed = await timeline.findOne({ membershipId, type: 'erasureCommitted' });
    const dueMs = Date.parse(String(left?.detail['dueAt']));
    expect(dueMs).toBeGreaterThan(0);
    expect(committed?.at.getTime()).toBeGreaterThanOrEqual(dueMs);
  }

  it('goes on with every pending membership after Temporal lost its whole database, nobody early', async () => {
    const customer = await tenant();
    const soon = await tenant(8);
    const [cooling, retained, backAgain, offline, held] = [
      join1(customer, 'cooling'),
      join1(customer, 'retained'),
      join1(customer, 'backAgain'),
      join1(customer, 'offline'),
      join1(customer, 'held'),
    ];
    const [due1, due2] = [join1(soon, 'due1'), join1(soon, 'due2')];
    await allOpen([cooling, retained, backAgain, offline, held, due1, due2]);
    const leavers = [cooling, retained, backAgain, due1, due2];
    for (const { user } of leavers) tenure.simulator.leave(user.id, { inactiveUsers: 'updated' });
    const before = await Promise.all(
      leavers.map(async ({ user }) =>
        tenure.until(user.id, (m) => m.phase === 'coolingOff', 40_000),
      ),
    );
    const [coolingBefore, retainedBefore] = before;
    await tenure.call('POST', `/v1/memberships/${retainedBefore.id}/cancel-deletion`, {});
    await tenure.untilMembership(retainedBefore.id, (m) => m.phase === 'retained');

    await stack.kill('temporal');
    tenure.simulator.return(backAgain.user.id);
    tenure.simulator.leave(offline.user.id);
    const newcomer = join1(customer, 'newcomer');
    await tenure.simulator.deliverer.idle();
    const data = join(stack.directory, 'temporal');
    for (const file of await readdir(data)) await rm(join(data, file), { recursive: true });
    await stack.restart('temporal');

    await allOpen([newcomer, backAgain]);
    await tenure.until(offline.user.id, (m) => m.phase === 'coolingOff', 40_000);
    for (const { id } of before.slice(3)) {
      await tenure.untilMembership(id, (m) => m.phase === 'anonymized', 60_000);
      await expectNobodyEarly(id);
    }
    const after = await tenure.untilMembership(coolingBefore.id, (m) => m.phase === 'coolingOff');
    expect(after.deletionDueAt).toBe(coolingBefore.deletionDueAt);
    expect(await tenure.untilMembership(retainedBefore.id, () => true)).toMatchObject({
      phase: 'retained',
    });
    // Whoever cools off has a run again, in a Temporal that had forgotten all of them.
    const connection = await Connection.connect({ address: stack.temporalAddress });
    try {
      const client = new Client({ connection });
      await eventually('a run for everybody who cools off', async () => {
        const ids = [coolingBefore.id, (await membershipOf(offline))?._id];
        const runs = await Promise.all(
          ids.map(async (id) => client.workflow.getHandle(`user-lifecycle/${id}`).describe()),
        );
        return runs.every(({ status }) => status.name === 'RUNNING');
      });
    } finally {
      await connection.close();
    }
    expect(await tenure.timeline(coolingBefore.id)).not.toContain('erasureCommitted');
  }, 150_000);
});
