import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';

import { reconcileScheduleId, reconcileWorkflowId } from '../../domain/reconciliation.ts';
import type { ReconciliationDocument } from '../../platform/mongo/reconciliation-documents.ts';
import { eventually, startProcesses, type TenureProcesses } from '../support/processes.ts';
import { testServers } from '../support/servers.ts';

/** Reconciliation as it runs: in worker processes, against the simulator over HTTP and within its limit. */
describe('the comparison of a directory', () => {
  let tenure: TenureProcesses;
  let connection: Connection;
  let client: Client;
  let count = 0;

  beforeAll(async () => {
    tenure = await startProcesses({ hasty: true });
    tenure.simulator.settings.directoryUsersPerSecond = 4;
    connection = await Connection.connect({ address: testServers().temporalAddress });
    client = new Client({ connection, namespace: 'default' });
  }, 120_000);

  afterAll(async () => {
    await connection?.close();
    await tenure?.stop();
  }, 120_000);

  /** Whoever a lifecycle is to look at. */
  const waiting = { pendingSince: { $exists: true } };

  /** A directory of so many people of whom no webhook ever told, after its first, empty listing. */
  async function missed(people: number) {
    count += 1;
    const { simulator } = tenure;
    const { directory } = simulator.tenant({ name: `Customer ${count}` });
    await finished(directory.id, 1);
    simulator.settings.deliveryFaults = [{ kind: 'drop' }];
    const users = Array.from(
      { length: people },
      (_, nth) => simulator.join(directory.id, { firstName: `p${nth}` }).user,
    );
    const idle = async (): Promise<boolean> => simulator.world.state.undelivered.length === 0;
    await eventually('that all are dropped', idle);
    simulator.settings.deliveryFaults = [];
    return { directory, users };
  }

  const runsOf = async (directoryId: string): Promise<ReconciliationDocument[]> =>
    tenure.store.collections.reconciliations.find({ directoryId }).sort({ startedAt: 1 }).toArray();

  /** The runs of a directory, once so many are over and none is wanted. */
  async function finished(directoryId: string, runs: number): Promise<ReconciliationDocument[]> {
    return eventually(`${runs} runs`, async () => {
      const found = await runsOf(directoryId);
      const over = found.filter(({ finishedAt }) => finishedAt !== null);
      return over.length >= runs && over.length === found.length && found;
    });
  }

  const ask = async (directoryId: string): Promise<void> => {
    const { status } = await tenure.call('POST', `/v1/directories/${directoryId}/reconcile`, {});
    expect(status).toBe(202);
  };

  const openPeople = async (directoryId: string): Promise<number> => {
    const { directoryUsers, memberships } = tenure.store.collections;
    const mirrors = await directoryUsers.find({ directoryId }).toArray();
    const ids = mirrors.map(({ membershipId }) => membershipId ?? '');
    return memberships.countDocuments({ _id: { $in: ids }, 'access.state': 'open' });
  };

  it('lets everybody in of whom no webhook told, within the limit of WorkOS', async () => {
    const { directory } = await missed(130);
    await ask(directory.id);
    const [first, second] = await finished(directory.id, 2);
    expect(first).toMatchObject({ outcome: 'complete', asked: null });
    expect(second).toMatchObject({
      outcome: 'complete',
      asked: { by: expect.stringMatching(/^admin:/) },
      counts: { users: { seen: 130, added: 130 } },
    });
    await eventually('that all are open', async () => (await openPeople(directory.id)) === 130);
  }, 120_000);

  it('goes on at its page when its worker is killed in the middle', async () => {
    const { directory } = await missed(450);
    // Its dispatcher sleeps: the lifecycles of so many people are not what is looked at here.
    const dispatchingLate = {
      TENURE_DISPATCH_INTERVAL_MS: '60000',
      TENURE_JOIN_ADMISSION: '1',
    };
    await tenure.worker.stop();
    await tenure.worker.start(dispatchingLate);
    // Slow enough to be killed in the middle; it counts the requests besides.
    const fault = { id: 'slow', path: '/directory_users', delayMs: 400, times: 1000 };
    tenure.simulator.settings.apiFaults.push(fault);
    await ask(directory.id);
    const { reconciledItems, directoryUsers } = tenure.store.collections;
    const [run] = await eventually('a run', async () => {
      const running = (await runsOf(directory.id)).filter(({ outcome }) => outcome === 'running');
      return running.length > 0 && running;
    });
    const runId = run?._id ?? '';
    await eventually(
      'the middle',
      async () => (await reconciledItems.countDocuments({ runId, kind: 'user' })) > 200,
    );
    await tenure.worker.kill();
    const half = await directoryUsers.countDocuments({ directoryId: directory.id });
    expect(half).toBeLessThan(450);
    await tenure.worker.start(dispatchingLate);
    const runs = await finished(directory.id, 2);
    tenure.simulator.settings.apiFaults = [];
    expect(runs.at(-1)).toMatchObject({
      _id: runId,
      outcome: 'complete',
      // Nobody is counted twice, or forgotten, by the page that was read again.
      counts: { users: { seen: 450, added: 450, changed: 0, absent: 0 } },
    });
    // Five pages, and the one that was under way once more.
    expect(1000 - fault.times).toBeLessThanOrEqual(6);
    expect(await directoryUsers.countDocuments({ directoryId: directory.id })).toBe(450);
    const { memberships } = tenure.store.collections;
    const ofDirectory = { organizationId: directory.organizationId ?? '' };
    const late = await memberships.countDocuments({ ...ofDirectory, ...waiting });
    expect(late).toBeGreaterThan(400);
    await memberships.updateMany(ofDirectory, { $unset: { pendingSince: '' } });
    await tenure.worker.stop();
    await tenure.worker.start();
  }, 180_000);

  it('waits while WorkOS is away, and then comes to its end', async () => {
    const { directory } = await missed(3);
    const { settings } = tenure.simulator;
    settings.apiFaults.push({ id: '503', path: '/directory_users', status: 503, times: 4 });
    settings.apiFaults.push({ id: 'cut', path: '/directory_users', malformed: true, times: 1 });
    await ask(directory.id);
    const runs = await finished(directory.id, 2);
    expect(settings.apiFaults).toEqual([]);
    expect(runs.at(-1)).toMatchObject({ outcome: 'complete', counts: { users: { added: 3 } } });
  }, 120_000);

  it('is done once more for what was asked while one was under way, never two at once', async () => {
    const { directory } = await missed(5);
    const slow = { id: 'slow', path: '/directory_users', delayMs: 3000, times: 1 };
    tenure.simulator.settings.apiFaults.push(slow);
    await ask(directory.id);
    await eventually('a run', async () => (await runsOf(directory.id)).length === 2);
    await ask(directory.id);
    await ask(directory.id);
    const runs = await finished(directory.id, 3);
    const { directories } = tenure.store.collections;
    await eventually('that nothing is wanted', async () => {
      const found = await directories.findOne({ _id: directory.id });
      return found?.reconcileWantedAt === undefined;
    });
    expect(runs).toHaveLength(3);
    for (const [index, run] of runs.entries()) {
      const next = runs[index + 1];
      if (next === undefined) continue;
      expect(next.startedAt.getTime()).toBeGreaterThanOrEqual(run.finishedAt?.getTime() ?? 0);
    }
  }, 120_000);

  it('is asked for every directory by the schedule', async () => {
    const { directory } = await missed(1);
    const schedule = client.schedule.getHandle(reconcileScheduleId(tenure.queuePrefix));
    const { spec } = await eventually('the schedule', async () => schedule.describe());
    expect(spec.intervals?.map(({ every }) => every)).toEqual([86_400_000]);
    await schedule.trigger();
    const runs = await finished(directory.id, 2);
    expect(runs.at(-1)).toMatchObject({ outcome: 'complete', counts: { users: { added: 1 } } });
  }, 120_000);

  it('brings the groups of somebody who comes back, which no event tells', async () => {
    const { simulator } = tenure;
    const { organization, directory } = simulator.tenant({
      name: 'Returning',
      inactiveUsers: 'updated',
    });
    const [staff, sales] = ['Staff', 'Sales'].map((name) => simulator.group(directory.id, name));
    const mapping = (group: typeof staff, role: string) => ({
      directoryGroupId: group?.id,
      roles: [role],
    });
    const path = `/v1/organizations/${organization.id}/role-mappings`;
    const data = [mapping(staff, 'member'), mapping(sales, 'seller')];
    expect((await tenure.call('PUT', path, { data })).status).toBe(200);
    const { user } = simulator.join(directory.id, { firstName: 'Ada', groups: [staff!] });
    await tenure.until(user.id, (m) => m.access.state === 'open' && m.roles.includes('member'));
    simulator.settings.deliveryFaults = [{ kind: 'drop' }];
    simulator.removeFromGroup(user.id, staff!.id);
    simulator.addToGroup(user.id, sales!.id);
    await eventually('that it is dropped', () => simulator.world.state.undelivered.length === 0);
    simulator.settings.deliveryFaults = [];
    simulator.leave(user.id);
    await tenure.until(user.id, (m) => m.access.reason === 'notBacked');
    simulator.return(user.id);
    const back = await tenure.until(user.id, (m) => m.access.state === 'open');
    expect(back.roles).toEqual(['seller']);
  }, 120_000);

  it('tells Temporal ids, counts and times only', async () => {
    const { directory } = await missed(2);
    await ask(directory.id);
    await finished(directory.id, 2);
    const handle = client.workflow.getHandle(reconcileWorkflowId(directory.id));
    await handle.result();
    const { events } = await handle.fetchHistory();
    // Payloads are base64; whatever else is text is Temporal's own.
    const texts: string[] = [];
    JSON.stringify(events, (key, value: unknown) => {
      if (key === 'data' && typeof value === 'string') {
        texts.push(Buffer.from(value, 'base64').toString('utf8'));
      }
      return value;
    });
    expect(texts.some((text) => text.includes(directory.id))).toBe(true);
    expect(texts.filter((text) => /@|\bp[01]\b|Customer/.test(text))).toEqual([]);
  }, 120_000);
});
