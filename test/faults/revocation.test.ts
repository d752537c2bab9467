import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';

import type { Membership } from '../../domain/membership.ts';
import type { Person } from '../../local/simulator/state.ts';
import { startHostEndpoint, type Asked, type HostEndpoint } from '../support/host-endpoint.ts';
import { eventually, startProcesses, type TenureProcesses } from '../support/processes.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { testServers } from '../support/servers.ts';
import type { TestTenant } from '../support/simulator.ts';

/** A name in a command of MongoDB: `delete`, then the collection. */
const command = (name: string, collection: string): string =>
  `${name}\0${String.fromCharCode(collection.length + 1)}\0\0\0${collection}\0`;

/** The worker dies, freezes or is lied to while it revokes: what it did, and was not told, is not done twice. */
describe('a revocation', () => {
  let endpoint: HostEndpoint;
  let mongo: Proxy;
  let temporal: Proxy;
  let tenure: TenureProcesses;
  let customer: TestTenant;
  let count = 0;

  beforeAll(async () => {
    const { mongodbUrl, temporalAddress } = testServers();
    endpoint = await startHostEndpoint();
    [mongo, temporal] = await Promise.all([
      startProxy(new URL(mongodbUrl).host),
      startProxy(temporalAddress),
    ]);
    const demo = await readFile(new URL('../../local/demo/acme.yaml', import.meta.url), 'utf8');
    const app = `sessions:
  - kind: app
    connector: http
    url: ${endpoint.url}
    allowPrivate: true`;
    tenure = await startProcesses({
      hasty: true,
      hostFile: demo.replace(/^sessions:$/m, app),
      env: { TENURE_HTTP_SECRET: endpoint.secret },
      workerEnv: {
        // Direct: a replica set would tell the driver its own address, past the proxy.
        MONGODB_URL: `mongodb://${mongo.address}/?directConnection=true`,
        TEMPORAL_ADDRESS: temporal.address,
        // Slow enough to be met between two batches.
        TENURE_HOST_WRITES_PER_SECOND: '20',
      },
    });
    customer = tenure.simulator.tenant({ name: 'Customer' });
    await tenure.sandbox(customer.organization.id, 3600, { guard: { maxUsers: 10_000 } });
  }, 120_000);

  afterEach(() => {
    endpoint.instead = null;
    mongo.cutRepliesTo('', 0);
    temporal.cutRepliesTo('', 0);
    temporal.setMode('pass');
  });

  afterAll(async () => {
    await tenure?.stop();
    await Promise.all([mongo?.close(), temporal?.close(), endpoint?.close()]);
  }, 60_000);

  /** Somebody who is in, with a session at the endpoint. */
  async function comesIn(): Promise<{ person: Person; id: string; userId: string }> {
    count += 1;
    const { directory } = customer;
    const person = tenure.simulator.join(directory.id, { email: `p${count}@customer.example` });
    const { id, userId } = await tenure.until(person.user.id, (m) => m.access.state === 'open');
    endpoint.alive.set(userId, 1);
    return { person, id, userId };
  }

  const stored = async (id: string): Promise<Membership | null> =>
    tenure.store.collections.memberships.findOne({ _id: id });

  const isVerified = async (id: string): Promise<Membership> =>
    eventually(
      'sessions verified empty',
      async () => {
        const found = await stored(id);
        return found?.revokedClosings === 1 && found;
      },
      60_000,
    );

  const asked = (userId: string, path: string): Asked[] =>
    endpoint.asked.filter((each) => each.body.userId === userId && each.path.endsWith(path));

  /** Each kind and the whole are written down once, whatever was repeated, and nothing is alive. */
  async function expectOnce({ id, userId }: { id: string; userId: string }): Promise<void> {
    await tenure.untilMembership(id, (m) => m.phase === 'coolingOff');
    const told = await tenure.timeline(id);
    const times = (type: string): number => told.filter((line) => line === type).length;
    expect(times('credentialsRevoked')).toBe(4);
    expect(times('sessionsVerifiedEmpty')).toBe(1);
    expect(endpoint.alive.get(userId)).toBe(0);
    expect(await tenure.hostDb.collection('sessions').countDocuments({ userId })).toBe(0);
    const keys = tenure.hostDb.collection('apiKeys');
    expect(await keys.countDocuments({ userId, revokedAt: null })).toBe(0);
  }

  it('is done and written down once where the worker dies before the host did it, after it, and after all was read back', async () => {
    const [before, after, readBack] = [await comesIn(), await comesIn(), await comesIn()];
    const reached = new Set<string>();
    // Whoever is held here is never answered: the worker dies first.
    endpoint.instead = ({ path, body: { userId } }) => {
      const revokes = path.endsWith('/revoke');
      const isThere =
        (userId === before.userId && revokes) ||
        (userId === after.userId && revokes) ||
        (userId === readBack.userId && !revokes && asked(userId, '/list').length === 2);
      if (!isThere) return false;
      if (userId === after.userId) endpoint.alive.set(userId, 0);
      reached.add(userId);
      return true;
    };
    for (const { person } of [before, after, readBack]) tenure.simulator.leave(person.user.id);
    await eventually('each is where it shall be', () => reached.size === 3, 20_000);
    await tenure.worker.kill();
    endpoint.instead = null;
    expect([before, after, readBack].map(({ userId }) => endpoint.alive.get(userId))).toEqual([
      1, 0, 0,
    ]);
    for (const { id } of [before, after, readBack]) {
      expect((await stored(id))?.revokedClosings).toBe(0);
    }
    await tenure.worker.start();
    for (const each of [before, after, readBack]) {
      await isVerified(each.id);
      await expectOnce(each);
      const requests = asked(each.userId, '/revoke');
      expect(requests.length).toBeGreaterThanOrEqual(2);
      // By this the host knows the second one as the first one's repetition.
      expect(new Set(requests.map(({ id }) => id)).size).toBe(1);
    }
  }, 120_000);

  it.each([
    ['deleted a session', command('delete', 'sessions'), 'session'],
    ['marked a key', command('update', 'apiKeys'), 'api_key'],
  ])(
    'is found done where MongoDB %s and its reply was lost',
    async (_, text, kind) => {
      const ada = await comesIn();
      const { userId } = ada;
      const organizationId = customer.organization.id;
      const keys = tenure.hostDb.collection('apiKeys');
      await tenure.hostDb.collection('sessions').insertOne({ userId, organizationId });
      await keys.insertOne({ userId, revokedAt: null });
      const cuts = mongo.cuts();
      mongo.cutRepliesTo(text, 1);
      tenure.simulator.leave(ada.person.user.id);
      await eventually('it failed', async () =>
        (await stored(ada.id))?.revocations?.some(
          (fact) => fact.kind === kind && fact.outcome === 'failed',
        ),
      );
      const revokedAt = (await keys.findOne({ userId }))?.['revokedAt'];
      expect(revokedAt).toBeInstanceOf(Date);
      await isVerified(ada.id);
      expect(mongo.cuts() - cuts).toBe(1);
      await expectOnce(ada);
      expect((await keys.findOne({ userId }))?.['revokedAt']).toEqual(revokedAt);
    },
    60_000,
  );

  it('is written down once where the reply to that commit was lost', async () => {
    const ada = await comesIn();
    const cuts = mongo.cuts();
    endpoint.instead = ({ path, body }) => {
      // Everything is read back with this answer: what the worker commits next is what came of it.
      if (body.userId === ada.userId && path.endsWith('/list')) {
        if (asked(ada.userId, '/list').length === 2) mongo.cutRepliesTo('commitTransaction', 1);
      }
      return false;
    };
    tenure.simulator.leave(ada.person.user.id);
    await isVerified(ada.id);
    await expectOnce(ada);
    expect(mongo.cuts() - cuts).toBe(1);
  }, 60_000);

  it('is not done again where Temporal took its result and the reply was lost', async () => {
    const ada = await comesIn();
    const cuts = temporal.cuts();
    // The one request that names the activity and what it saw at its end.
    temporal.cutRepliesToPacked(['revokeSessions', '"step":{"do":"project"}'], 1);
    tenure.simulator.leave(ada.person.user.id);
    await isVerified(ada.id);
    await expectOnce(ada);
    expect(temporal.cuts() - cuts).toBe(1);
    expect(asked(ada.userId, '/revoke')).toHaveLength(1);
  }, 60_000);

  it('ends nothing of a return where the worker was frozen, and another one did its work', async () => {
    const ada = await comesIn();
    const { userId } = ada;
    const organizationId = customer.organization.id;
    const sessions = tenure.hostDb.collection('sessions');
    const keys = tenure.hostDb.collection('apiKeys');
    await sessions.insertMany(Array.from({ length: 60 }, () => ({ userId, organizationId })));
    tenure.simulator.leave(ada.person.user.id);
    await eventually('midway', async () => {
      const left = await sessions.countDocuments({ userId });
      if (left === 0) throw new Error('too late');
      return left < 60;
    });
    tenure.worker.signal('SIGSTOP');
    // A frozen poller would still be given tasks.
    temporal.setMode('refuse');
    expect((await stored(ada.id))?.revokedClosings).toBe(0);
    const { mongodbUrl, temporalAddress } = testServers();
    await tenure.another('worker', {
      MONGODB_URL: mongodbUrl,
      TEMPORAL_ADDRESS: temporalAddress,
      TENURE_HOST_WRITES_PER_SECOND: '1000',
    });
    await isVerified(ada.id);
    tenure.simulator.return(ada.person.user.id);
    await tenure.untilMembership(ada.id, (m) => m.access.state === 'open');
    await sessions.insertOne({ userId, organizationId });
    await keys.insertOne({ userId, revokedAt: null });
    endpoint.alive.set(userId, 1);

    temporal.setMode('pass');
    tenure.worker.signal('SIGCONT');
    // It stops once what it was doing has ended.
    expect(await tenure.worker.stop()).toMatchObject({ ended: 'exit code 0' });
    expect(await sessions.countDocuments({ userId })).toBe(1);
    expect(await keys.countDocuments({ userId, revokedAt: null })).toBe(1);
    expect(endpoint.alive.get(userId)).toBe(1);
    expect(await stored(ada.id)).toMatchObject({ closings: 1, access: { state: 'open' } });
    const told = await tenure.timeline(ada.id);
    expect(told.filter((type) => type === 'sessionsVerifiedEmpty')).toHaveLength(1);
  }, 120_000);
});
