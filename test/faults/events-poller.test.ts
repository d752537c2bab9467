import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';

import { pollerWorkflowId } from '../../domain/messages.ts';
import type { Person } from '../../local/simulator/state.ts';
import { eventually, startProcesses, type TenureProcesses } from '../support/processes.ts';
import { startPrivateStack, testServers, type PrivateStack } from '../support/servers.ts';
import type { TestTenant } from '../support/simulator.ts';

/** The poller as it runs: in worker processes, against the simulator over HTTP, where webhooks are lost. */
describe('the poller of the Events API', () => {
  let tenure: TenureProcesses;
  let connection: Connection;
  let client: Client;
  let count = 0;

  beforeAll(async () => {
    tenure = await startProcesses({
      hasty: true,
      env: { TENURE_EVENTS: 'both', TENURE_POLL_INTERVAL_MS: '300' },
    });
    connection = await Connection.connect({ address: testServers().temporalAddress });
    client = new Client({ connection, namespace: 'default' });
  }, 120_000);

  afterAll(async () => {
    await connection?.close();
    await tenure?.stop();
  }, 120_000);

  function tenant(): TestTenant {
    count += 1;
    return tenure.simulator.tenant({ name: `Customer ${count}` });
  }

  function dropWebhooks(on: boolean): void {
    const { settings } = tenure.simulator;
    settings.deliveryFaults = on ? [{ kind: 'drop' }] : [];
  }

  const status = async (): Promise<string> =>
    (await client.workflow.getHandle(pollerWorkflowId(tenure.queuePrefix)).describe()).status.name;

  const open = async ({ user }: Person): Promise<void> => {
    await tenure.until(user.id, (m) => m.access.state === 'open');
  };

  const cursor = async () => tenure.store.collections.eventCursors.findOne({});

  it('repairs webhooks that were never delivered, of joins and of leavings', async () => {
    const { directory } = tenant();
    const ada = tenure.simulator.join(directory.id, { firstName: 'Ada' });
    await open(ada);
    dropWebhooks(true);
    const bob = tenure.simulator.join(directory.id, { firstName: 'Bob' });
    tenure.simulator.leave(ada.user.id);
    await tenure.until(ada.user.id, (m) => m.access.reason === 'notBacked');
    await open(bob);
    dropWebhooks(false);
    const { inbox } = tenure.store.collections;
    expect(await inbox.countDocuments({ transport: 'webhook' })).toBeGreaterThan(0);
    expect(await inbox.countDocuments({ transport: 'poll' })).toBeGreaterThanOrEqual(2);
  }, 120_000);

  it('pauses as long as WorkOS asks it to', async () => {
    const { settings } = tenure.simulator;
    settings.apiFaults.push({ id: '429', path: '/events', status: 429, retryAfter: 4, times: 1 });
    await eventually('a refusal', () => settings.apiFaults.length === 0);
    const refusedAt = Date.now();
    const before = (await cursor())?.polledAt ?? new Date(0);
    await eventually('a poll', async () => ((await cursor())?.polledAt ?? before) > before);
    const pausedMs = Date.now() - refusedAt;
    expect(pausedMs).toBeGreaterThan(3500);
    expect(tenure.worker.log()).toContain('"outcome":"rateLimited"');
  }, 60_000);

  it('goes on in the middle of a page when its worker is killed', async () => {
    const { directory, organization } = tenant();
    dropWebhooks(true);
    const people = Array.from({ length: 90 }, (_, nth) =>
      tenure.simulator.join(directory.id, { firstName: `p${nth}` }),
    );
    const { inbox, users } = tenure.store.collections;
    const ids = people.map(({ user }) => user.id);
    const taken = async (): Promise<number> => inbox.countDocuments({ subjects: { $in: ids } });
    await eventually('the middle', async () => (await taken()) >= 5);
    await tenure.worker.kill();
    const half = await taken();
    const at = (await cursor())?.after;
    expect(half).toBeLessThan(90);
    await tenure.worker.start();
    await eventually('the rest', async () => (await taken()) === 90);
    await eventually('the cursor', async () => {
      const last = tenure.simulator.events().at(-1)?.id;
      return (await cursor())?.after === last && at !== last;
    });
    expect(await users.countDocuments({ organizationIds: organization.id })).toBe(90);
    dropWebhooks(false);
  }, 120_000);

  it('shows on /metrics how far it is', async () => {
    const value = async (name: string, url: string): Promise<number> => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    };
    const worker = `http://127.0.0.1:${tenure.worker.port}`;
    const lag = await eventually('a lag', async () => {
      const seconds = await value('tenure_poll_lag_seconds', tenure.apiUrl);
      return seconds < 60 ? { seconds } : null;
    });
    expect(lag.seconds).toBeGreaterThanOrEqual(0);
    expect(await value('tenure_poll_cursor_age_seconds', tenure.apiUrl)).toBeGreaterThan(0);
    expect(await value('tenure_polls_total\\{outcome="read"\\}', worker)).toBeGreaterThan(0);
  }, 60_000);

  it('tells Temporal counts and times only, in a short history', async () => {
    const handle = client.workflow.getHandle(pollerWorkflowId(tenure.queuePrefix));
    const { events } = await handle.fetchHistory();
    // Payloads are base64; processes name themselves after their host.
    const texts: string[] = [];
    JSON.stringify(events, (key, value: unknown) => {
      if (typeof value === 'string' && key !== 'identity') {
        texts.push(key === 'data' ? Buffer.from(value, 'base64').toString('utf8') : value);
      }
      return value;
    });
    const results = texts.filter((text) => text.startsWith('{"polls":'));
    expect(results.length).toBeGreaterThan(1);
    for (const result of results) expect(result).toMatch(/^[{}\w":,]+$/);
    expect(texts.filter((text) => /directory_user_|org_|event_|Ada/.test(text))).toEqual([]);
  });

  it('is ended by a worker that does not poll, and started by one that does', async () => {
    expect(await status()).toBe('RUNNING');
    await tenure.worker.stop();
    const other = await tenure.another('worker', { TENURE_EVENTS: 'webhook' });
    await eventually('its end', async () => (await status()) !== 'RUNNING');
    await other.stop();
    await tenure.worker.start();
    await eventually('its start', async () => (await status()) === 'RUNNING');
  }, 120_000);
});

describe('events that are only polled', () => {
  let tenure: TenureProcesses;

  beforeAll(async () => {
    tenure = await startProcesses({
      hasty: true,
      env: { TENURE_EVENTS: 'poll', TENURE_POLL_INTERVAL_MS: '300' },
      // Nobody's webhook is signed with what the API knows: there is no secret.
      apiEnv: { WORKOS_WEBHOOK_SECRET: '' },
      simulator: { webhookUrl: 'http://127.0.0.1:9/webhooks/workos' },
    });
  }, 120_000);

  afterAll(async () => tenure?.stop(), 120_000);

  it('let people in and lock them out', async () => {
    const { directory } = tenure.simulator.tenant();
    const { user } = tenure.simulator.join(directory.id, { firstName: 'Ada' });
    await eventually('a membership', async () =>
      tenure.store.collections.directoryUsers.findOne({ 'records.id': user.id }),
    );
    await tenure.until(user.id, (m) => m.access.state === 'open');
    tenure.simulator.leave(user.id);
    await tenure.until(user.id, (m) => m.access.reason === 'notBacked');
    expect(await tenure.store.collections.inbox.distinct('transport')).toEqual(['poll']);
  }, 120_000);
});

describe('a poll while MongoDB goes away', () => {
  let stack: PrivateStack;
  let tenure: TenureProcesses;

  beforeAll(async () => {
    stack = await startPrivateStack(['mongod']);
    tenure = await startProcesses({
      mongodbUrl: stack.mongodbUrl,
      hasty: true,
      env: { TENURE_EVENTS: 'poll', TENURE_POLL_INTERVAL_MS: '300' },
      simulator: { webhookUrl: 'http://127.0.0.1:9/webhooks/workos' },
    });
  }, 120_000);

  afterAll(async () => {
    await tenure?.stop();
    await stack?.stop();
  }, 120_000);

  it('is tried again until it is back, and puts nothing aside', async () => {
    const { directory } = tenure.simulator.tenant();
    for (let nth = 0; nth < 60; nth += 1) {
      tenure.simulator.join(directory.id, { firstName: `p${nth}` });
    }
    const { inbox, users, eventCursors } = tenure.store.collections;
    await eventually('the middle of a page', async () => (await inbox.countDocuments()) >= 5);
    await stack.kill('mongod');
    await eventually('a poll that failed', async () =>
      tenure.worker.log().includes('activity failed'),
    );
    await stack.restart('mongod');
    const last = tenure.simulator.events().at(-1)?.id;
    await eventually(
      'the rest',
      async () => (await eventCursors.findOne({}))?.after === last,
      120_000,
    );
    // The comparison of the new directory may have told of somebody before: then the event is stale.
    const quarantined = await inbox.find({ outcome: { $nin: ['applied', 'stale'] } }).toArray();
    expect(quarantined).toEqual([]);
    expect(await inbox.countDocuments()).toBe(61);
    expect(await users.countDocuments()).toBe(60);
    expect(tenure.worker.log()).not.toContain('it is in quarantine');
  }, 240_000);
});
