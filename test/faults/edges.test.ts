import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { request } from 'node:http';

import { Client, Connection } from '@temporalio/client';

import type { Person } from '../../local/simulator/state.ts';
import { eventually, startProcesses, type TenureProcesses } from '../support/processes.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { testServers } from '../support/servers.ts';
import type { TestTenant } from '../support/simulator.ts';
import { signatureHeader } from '../../local/simulator/sign.ts';
import { userEvent, workosId } from '../support/events.ts';

/** Between the processes: replies that are lost, connections that break, partners that are silent or lie. */
describe('a way between two processes', () => {
  let proxies: Record<'apiMongo' | 'apiTemporal' | 'workerMongo' | 'workerTemporal', Proxy>;
  let tenure: TenureProcesses;
  let count = 0;

  beforeAll(async () => {
    const { mongodbUrl, temporalAddress } = testServers();
    const mongod = new URL(mongodbUrl).host;
    const [apiMongo, apiTemporal, workerMongo, workerTemporal] = await Promise.all([
      startProxy(mongod),
      startProxy(temporalAddress),
      startProxy(mongod),
      startProxy(temporalAddress),
    ]);
    proxies = { apiMongo, apiTemporal, workerMongo, workerTemporal };
    // Direct: a replica set would tell the driver its own address, past the proxy.
    const through = (mongo: Proxy, temporal: Proxy) => ({
      MONGODB_URL: `mongodb://${mongo.address}/?directConnection=true`,
      TEMPORAL_ADDRESS: temporal.address,
    });
    tenure = await startProcesses({
      hasty: true,
      apiEnv: through(apiMongo, apiTemporal),
      // Few enough writes a second for a revocation to be met in its middle.
      workerEnv: {
        ...through(workerMongo, workerTemporal),
        TENURE_HOST_WRITES_PER_SECOND: '200',
      },
    });
  }, 120_000);

  afterEach(() => {
    for (const proxy of Object.values(proxies)) {
      proxy.setMode('pass');
      proxy.cutRepliesTo('', 0);
      proxy.cutAfter(null);
    }
    tenure.simulator.settings.apiFaults = [];
    tenure.simulator.settings.deliveryFaults = [];
  });

  afterAll(async () => {
    await tenure?.stop();
    await Promise.all(Object.values(proxies ?? {}).map(async (proxy) => proxy.close()));
  }, 60_000);

  async function tenant(seconds = 3600): Promise<TestTenant> {
    count += 1;
    const made = tenure.simulator.tenant({ name: `Customer ${count}` });
    await tenure.sandbox(made.organization.id, seconds, { guard: { maxUsers: 10_000 } });
    return made;
  }

  function joins({ directory }: TestTenant, names: number): Person[] {
    return Array.from({ length: names }, (_, index) =>
      tenure.simulator.join(directory.id, { email: `p${index}@customer-${count}.example` }),
    );
  }

  const open = async ({ user }: Person) =>
    tenure.until(user.id, (m) => m.access.state === 'open', 40_000);
  const cooling = async ({ user }: Person) =>
    tenure.until(user.id, (m) => m.phase === 'coolingOff', 40_000);

  async function post(body: string, url = tenure.apiUrl): Promise<Response> {
    return fetch(`${url}/webhooks/workos`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'workos-signature': await signatureHeader(body, tenure.webhookSecret, Date.now()),
      },
      signal: AbortSignal.timeout(15_000),
    });
  }

  /** What must have happened exactly once, whatever was repeated. */
  async function expectOnce(person: Person, membershipId: string): Promise<void> {
    const told = await tenure.timeline(membershipId);
    for (const type of ['joined', 'provisioned', 'opened', 'left', 'sessionsVerifiedEmpty']) {
      expect([type, told.filter((line) => line === type).length]).toEqual([type, 1]);
    }
    const { directoryUsers, inbox } = tenure.store.collections;
    expect(await directoryUsers.countDocuments({ 'records.id': person.user.id })).toBe(1);
    expect(await inbox.countDocuments({ subjects: person.user.id })).toBe(2);
  }

  it('answers 503 in time while MongoDB is silent, and takes the event once it speaks again', async () => {
    const customer = await tenant();
    proxies.apiMongo.setMode('blackhole');
    const started = Date.now();
    const body = JSON.stringify(
      userEvent('created', {
        id: workosId('directory_user'),
        directoryId: customer.directory.id,
        organizationId: customer.organization.id,
      }),
    );
    const refused = await post(body);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Date.now() - started).toBeLessThan(2500);
    expect((await fetch(`${tenure.apiUrl}/health/live`)).status).toBe(200);
    expect((await fetch(`${tenure.apiUrl}/health/ready`)).status).toBe(503);
    const list = await tenure.call('GET', '/v1/users');
    expect(list.status).toBe(503);
    proxies.apiMongo.setMode('pass');
    await eventually('200', async () => (await post(body)).status === 200);
    await tenure.ready();
  }, 60_000);

  it('applies an event once where the reply to a commit is lost', async () => {
    const customer = await tenant();
    proxies.apiMongo.cutRepliesTo('commitTransaction', 3);
    proxies.workerMongo.cutRepliesTo('commitTransaction', 3);
    const before = proxies.apiMongo.cuts() + proxies.workerMongo.cuts();
    const all = joins(customer, 4);
    for (const person of all) await open(person);
    proxies.apiMongo.cutRepliesTo('commitTransaction', 2);
    proxies.workerMongo.cutRepliesTo('commitTransaction', 2);
    for (const { user } of all) tenure.simulator.leave(user.id);
    for (const person of all) await expectOnce(person, (await cooling(person)).id);
    expect(proxies.apiMongo.cuts() + proxies.workerMongo.cuts() - before).toBe(10);
    const { users, memberships } = tenure.store.collections;
    const organizationId = customer.organization.id;
    expect(await users.countDocuments({ organizationIds: organizationId })).toBe(4);
    expect(await memberships.countDocuments({ organizationId })).toBe(4);
  }, 120_000);

  it('has one run of one membership where the reply to a signal is lost', async () => {
    const customer = await tenant();
    const before = proxies.apiTemporal.cuts() + proxies.workerTemporal.cuts();
    proxies.workerTemporal.cutRepliesTo('user-lifecycle/', 2);
    const [person] = joins(customer, 1) as [Person];
    const { id } = await open(person);
    proxies.apiTemporal.cutRepliesTo('user-lifecycle/', 1);
    tenure.simulator.leave(person.user.id);
    await cooling(person);
    await expectOnce(person, id);
    expect(
      proxies.apiTemporal.cuts() + proxies.workerTemporal.cuts() - before,
    ).toBeGreaterThanOrEqual(2);
    const connection = await Connection.connect({ address: testServers().temporalAddress });
    try {
      const client = new Client({ connection });
      await eventually('exactly one run is open', async () => {
        const runs = [];
        for await (const run of client.workflow.list({
          query: `WorkflowId = 'user-lifecycle/${id}' AND ExecutionStatus = 'Running'`,
        })) {
          runs.push(run);
        }
        return runs.length === 1;
      });
    } finally {
      await connection.close();
    }
  }, 120_000);

  it('does every step once where the connection to Temporal breaks again and again', async () => {
    const customer = await tenant();
    const all = joins(customer, 2);
    const breaking = setInterval(() => proxies.workerTemporal.reset(), 600);
    try {
      for (const person of all) await open(person);
      for (const { user } of all) tenure.simulator.leave(user.id);
      for (const person of all) await cooling(person);
    } finally {
      clearInterval(breaking);
    }
    for (const person of all) await expectOnce(person, (await cooling(person)).id);
    const { memberships } = tenure.store.collections;
    const { id: organizationId } = customer.organization;
    expect(await memberships.countDocuments({ organizationId })).toBe(2);
  }, 120_000);

  it('acknowledges and closes at once while Temporal is silent', async () => {
    const customer = await tenant();
    const [person] = joins(customer, 1) as [Person];
    const { userId, organizationId } = await open(person);
    await tenure.hostDb.collection('sessions').insertOne({ userId, organizationId });
    proxies.apiTemporal.setMode('blackhole');
    proxies.workerTemporal.setMode('blackhole');
    tenure.simulator.leave(person.user.id);
    await tenure.simulator.deliverer.idle();
    const record = tenure.simulator.deliverer.records.at(-1);
    expect(record?.tries.map(({ status }) => status)).toEqual([200]);
    expect(record?.tries[0]?.ms).toBeLessThan(2000);
    expect(await tenure.access(organizationId, { userId })).toMatchObject({ reason: 'notBacked' });
    proxies.apiTemporal.setMode('pass');
    proxies.workerTemporal.setMode('pass');
    await cooling(person);
    expect(await tenure.hostDb.collection('sessions').countDocuments({ userId })).toBe(0);
  }, 120_000);

  it('leaves no session behind that is created while the others are being revoked', async () => {
    const customer = await tenant();
    const [person] = joins(customer, 1) as [Person];
    const { userId, organizationId } = await open(person);
    const sessions = tenure.hostDb.collection('sessions');
    const rows = (n: number) => Array.from({ length: n }, () => ({ userId, organizationId }));
    await sessions.insertMany(rows(500));
    tenure.simulator.leave(person.user.id);
    await eventually('midway', async () => {
      const left = await sessions.countDocuments({ userId });
      if (left === 0) throw new Error('too late');
      return left < 500;
    });
    await sessions.insertMany(rows(5));
    expect((await tenure.until(person.user.id, () => true)).phase).toBe('closingAccess');
    const { id } = await cooling(person);
    expect(await sessions.countDocuments({ userId })).toBe(0);
    const { data } = (await tenure.call('GET', `/v1/memberships/${id}/timeline?limit=100`)).body;
    const verified = data.find(({ type }: { type: string }) => type === 'sessionsVerifiedEmpty');
    expect(verified.detail).toMatchObject({ session: 505 });
  }, 60_000);

  it('takes fifty copies of an event at two API processes for one', async () => {
    const customer = await tenant();
    const other = await tenure.another('api');
    const id = workosId('directory_user');
    const { directory, organization } = customer;
    const event = userEvent('created', {
      id,
      directoryId: directory.id,
      organizationId: organization.id,
    });
    const body = JSON.stringify(event);
    const urls = [tenure.apiUrl, `http://127.0.0.1:${other.port}`];
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, n) => (await post(body, urls[n % 2])).status),
    );
    expect(answers).toEqual(Array.from({ length: 50 }, () => 200));
    const { inbox, memberships, users } = tenure.store.collections;
    expect(await inbox.countDocuments({ subjects: id })).toBe(1);
    expect(await memberships.countDocuments({ organizationId: organization.id })).toBe(1);
    expect(await users.countDocuments({ organizationIds: organization.id })).toBe(1);
    expect(await other.stop()).toMatchObject({ ended: 'exit code 0' });
  }, 60_000);

  it('leaves somebody active whose removal arrives late, after their return', async () => {
    const { simulator } = tenure;
    const organization = simulator.organization(`Customer late`);
    const directory = simulator.directory({
      organizationId: organization.id,
      keepsDeletedUsers: true,
    });
    const person = simulator.join(directory.id, { email: 'late@customer.example' });
    const { userId, id } = await open(person);
    simulator.settings.deliveryFaults = [
      { kind: 'delay', ms: 1000, events: ['dsync.user.deleted'], times: 1 },
    ];
    simulator.leave(person.user.id);
    simulator.return(person.user.id);
    await simulator.deliverer.idle();
    const stale = await tenure.store.collections.inbox.findOne({
      subjects: person.user.id,
      event: 'dsync.user.deleted',
    });
    expect(stale?.outcome).toBe('stale');
    expect(await tenure.access(organization.id, { userId })).toMatchObject({ allowed: true });
    expect(await tenure.timeline(id)).not.toContain('left');
  });

  it.each([
    ['500', { status: 500 }],
    ['429', { status: 429, retryAfter: 1 }],
    ['401', { status: 401 }],
    ['a body that is not JSON', { malformed: true }],
  ])(
    'forgets nobody while WorkOS answers the last look with %s',
    async (_name, fault) => {
      const customer = await tenant(1);
      const [person] = joins(customer, 1) as [Person];
      const { id } = await open(person);
      tenure.simulator.settings.apiFaults = [{ id: 'fault', path: '/directory_users*', ...fault }];
      tenure.simulator.leave(person.user.id);
      await eventually(
        'an unclear look',
        async () =>
          (await tenure.store.collections.memberships.findOne({ _id: id }))?.conditions
            ?.lastLook === 'uncertain',
      );
      const waiting = await tenure.untilMembership(id, () => true);
      expect(waiting).toMatchObject({ phase: 'coolingOff', outcome: null });
      expect(Date.parse(waiting.deletionDueAt)).toBeLessThan(Date.now());
      tenure.simulator.settings.apiFaults = [];
      await tenure.untilMembership(id, (m) => m.phase === 'anonymized');
    },
    60_000,
  );

  it('lets somebody in again whom WorkOS calls active at the last look', async () => {
    const customer = await tenant(1);
    const [person] = joins(customer, 1) as [Person];
    const { id } = await open(person);
    tenure.simulator.leave(person.user.id, { inactiveUsers: 'updated' });
    await tenure.simulator.deliverer.idle();
    tenure.simulator.settings.deliveryFaults = [{ kind: 'drop' }];
    tenure.simulator.return(person.user.id);
    const back = await tenure.untilMembership(id, (m) => m.access.state === 'open');
    expect(back).toMatchObject({ phase: 'settled', outcome: null, generation: 1 });
    expect(await tenure.timeline(id)).not.toContain('erasureCommitted');
  }, 60_000);

  it('answers every request that an API process had begun to read when it was asked to stop', async () => {
    const customer = await tenant();
    const other = await tenure.another('api');
    const bodies = Array.from({ length: 8 }, () =>
      JSON.stringify(
        userEvent('created', {
          id: workosId('directory_user'),
          directoryId: customer.directory.id,
          organizationId: customer.organization.id,
        }),
      ),
    );
    const begun = await Promise.all(bodies.map(async (body) => begin(other.port, body)));
    const stopped = other.stop();
    await eventually('no new connection', async () =>
      fetch(`http://127.0.0.1:${other.port}/health/live`).then(
        () => false,
        () => true,
      ),
    );
    expect(await Promise.all(begun.map(async (finish) => finish()))).toEqual(bodies.map(() => 200));
    const { ended, ms } = await stopped;
    expect(ended).toBe('exit code 0');
    expect(ms).toBeLessThan(20_000);
    const ids = bodies.map((body): string => JSON.parse(body).id);
    expect(await tenure.store.collections.inbox.countDocuments({ _id: { $in: ids } })).toBe(8);
  }, 60_000);

  /** Sends the headers and waits until the server wants the body: from then on the request is its. */
  async function begin(port: number, body: string): Promise<() => Promise<number>> {
    const sent = request({
      host: '127.0.0.1',
      port,
      method: 'POST',
      path: '/webhooks/workos',
      agent: false,
      headers: {
        expect: '100-continue',
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        'workos-signature': await signatureHeader(body, tenure.webhookSecret, Date.now()),
      },
    });
    const answered = new Promise<number>((resolve, reject) => {
      sent.on('response', (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      sent.on('error', reject);
    });
    sent.flushHeaders();
    await Promise.race([new Promise((resolve) => sent.once('continue', resolve)), answered]);
    return async () => {
      sent.end(body);
      return answered;
    };
  }
});
