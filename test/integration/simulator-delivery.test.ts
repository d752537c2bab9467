import { describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startEndpoint, startForTest } from '../support/simulator-in-test.ts';
import type { Endpoint } from '../support/simulator-in-test.ts';
import { startSimulator } from '../support/simulator.ts';
import type { TestSimulator } from '../support/simulator.ts';

interface Delivered {
  id: string;
  event: string;
}

function delivered(endpoint: Endpoint): Delivered[] {
  return endpoint.received.map(({ body }) => JSON.parse(body) as Delivered);
}

function ids(events: { id: string }[]): string[] {
  return events.map(({ id }) => id);
}

async function control(
  simulator: TestSimulator,
  path: string,
  body: unknown,
  method = 'POST',
): Promise<{ status: number; answer: Record<string, unknown> }> {
  const response = await fetch(`${simulator.url}/simulator/${path}`, {
    method,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return {
    status: response.status,
    answer: (await response.json()) as Record<string, unknown>,
  };
}

async function connected(options = {}): Promise<{ simulator: TestSimulator; endpoint: Endpoint }> {
  const endpoint = await startEndpoint();
  const simulator = await startForTest({ webhookUrl: endpoint.url, ...options });
  simulator.tenant();
  await simulator.deliverer.idle();
  endpoint.received.length = 0;
  return { simulator, endpoint };
}

function directoryOf(simulator: TestSimulator): string {
  return simulator.world.state.directories[0]?.id ?? '';
}

describe('webhook delivery', () => {
  it('keeps the order of the events of a directory, also to a slow endpoint', async () => {
    const { simulator, endpoint } = await connected();
    endpoint.delayMs = 5;
    for (let index = 0; index < 30; index += 1) {
      simulator.join(directoryOf(simulator), { firstName: `p${index}` });
    }
    await simulator.deliverer.idle();
    expect(ids(delivered(endpoint))).toEqual(ids(simulator.events().slice(-30)));
  });

  it('tries again with doubling waits, each time freshly signed, until it is accepted', async () => {
    const { simulator, endpoint } = await connected({ backoffMs: 40 });
    endpoint.answers.push(503, 404, 500);
    simulator.join(directoryOf(simulator), { firstName: 'Ada' });
    await simulator.deliverer.idle();
    const { received } = endpoint;
    expect(received).toHaveLength(4);
    expect(new Set(received.map(({ body }) => body)).size).toBe(1);
    const waits = received.slice(1).map(({ at }, index) => at - (received[index]?.at ?? 0));
    [40, 80, 160].forEach((wait, index) => expect(waits[index]).toBeGreaterThanOrEqual(wait - 2));
    const times = received.map(({ headers }) =>
      Number(/^t=(\d+)/.exec(String(headers['workos-signature']))?.[1]),
    );
    expect(new Set(times).size).toBe(4);
    expect(times.at(-1)).toBeGreaterThan((received[2]?.at ?? 0) - 1);
    const [record] = simulator.deliverer.records.slice(-1);
    expect(record).toMatchObject({ outcome: 'delivered', event: 'dsync.user.created' });
    expect(record?.tries.map(({ status }) => status)).toEqual([503, 404, 500, 200]);
  });

  it('gives up after six tries, and lets later events pass meanwhile', async () => {
    const { simulator, endpoint } = await connected({ backoffMs: 10 });
    const first = simulator.join(directoryOf(simulator), { firstName: 'Ada' });
    endpoint.answers.push(500);
    simulator.join(directoryOf(simulator), { firstName: 'Bob' });
    while (endpoint.received.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    endpoint.answers.push(500, 500, 500, 500, 500);
    await simulator.deliverer.idle();
    const records = simulator.deliverer.records.slice(-2);
    expect(records.map(({ outcome }) => outcome)).toEqual(['failed', 'delivered']);
    expect(records[0]?.tries).toHaveLength(6);
    expect(first.visible).toBe(true);
    expect(simulator.world.state.undelivered).toEqual([]);
  });

  it('counts an endpoint that does not answer as failed', async () => {
    const { simulator, endpoint } = await connected({ timeoutMs: 50, backoffMs: 5, tries: 2 });
    endpoint.delayMs = 1000;
    simulator.join(directoryOf(simulator), { firstName: 'Ada' });
    await simulator.deliverer.idle();
    const record = simulator.deliverer.records.at(-1);
    expect(record).toMatchObject({ outcome: 'failed' });
    expect(record?.tries.map(({ status }) => status)).toEqual([null, null]);
  });

  it('sends after a restart what had not arrived before', async () => {
    const endpoint = await startEndpoint();
    const folder = await mkdtemp(join(tmpdir(), 'simulator-'));
    const options = { webhookUrl: endpoint.url, statePath: join(folder, 'world.json') };
    try {
      const first = await startSimulator({ ...options, backoffMs: 60_000 });
      endpoint.answers.push(...Array.from({ length: 3 }, () => 503));
      const { directory } = first.tenant();
      first.join(directory.id, { firstName: 'Ada' });
      while (endpoint.received.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
      await first.close();
      endpoint.received.length = 0;
      const second = await startForTest(options);
      await second.deliverer.idle();
      expect(ids(delivered(endpoint)).toSorted()).toEqual(ids(first.events()));
      expect(second.world.state).toMatchObject({ ...first.world.state, undelivered: [] });
      const { user } = second.join(directory.id, { firstName: 'Bob' });
      expect(user.id > (first.events().at(-1)?.data['id'] as string)).toBe(true);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('a state file', () => {
  it.each(['{"version":', '{"version":2}'])('that holds %s is refused', async (content) => {
    const folder = await mkdtemp(join(tmpdir(), 'simulator-'));
    const statePath = join(folder, 'world.json');
    await writeFile(statePath, content);
    await expect(startSimulator({ statePath })).rejects.toThrow(/damaged or of another version/);
    await rm(folder, { recursive: true });
  });
});

describe('delivery faults', () => {
  it('duplicates', async () => {
    const { simulator, endpoint } = await connected();
    await control(simulator, 'faults/delivery', { kind: 'duplicate' });
    simulator.join(directoryOf(simulator), { firstName: 'Ada' });
    await simulator.deliverer.idle();
    const [event] = simulator.events().slice(-1);
    expect(ids(delivered(endpoint))).toEqual([event?.id, event?.id]);
  });

  it('reorders', async () => {
    const { simulator, endpoint } = await connected();
    await control(simulator, 'faults/delivery', { kind: 'reorder', ms: 50 });
    for (const firstName of ['A', 'B', 'C']) simulator.join(directoryOf(simulator), { firstName });
    await simulator.deliverer.idle();
    expect(ids(delivered(endpoint))).toEqual(ids(simulator.events().slice(-3)).toReversed());
  });

  it('delays only what it is told to, so that it arrives behind what is newer', async () => {
    const { simulator, endpoint } = await connected();
    await control(simulator, 'faults/delivery', {
      kind: 'delay',
      ms: 120,
      events: ['dsync.user.deleted'],
    });
    simulator.join(directoryOf(simulator), { firstName: 'Ada' });
    simulator.leave('ada');
    simulator.return('ada');
    await simulator.deliverer.idle();
    expect(delivered(endpoint).map(({ event }) => event)).toEqual([
      'dsync.user.created',
      'dsync.user.created',
      'dsync.user.deleted',
    ]);
  });

  it('drops as many as it is told to, and nothing after it is switched off', async () => {
    const { simulator, endpoint } = await connected();
    await control(simulator, 'faults/delivery', { kind: 'drop', times: 1 });
    simulator.join(directoryOf(simulator), { firstName: 'Ada' });
    simulator.join(directoryOf(simulator), { firstName: 'Bob' });
    await control(simulator, 'faults/delivery', { kind: 'drop' });
    simulator.join(directoryOf(simulator), { firstName: 'Cy' });
    await control(simulator, 'faults/delivery', { kind: 'drop', on: false });
    simulator.join(directoryOf(simulator), { firstName: 'Di' });
    await simulator.deliverer.idle();
    const [, bob, , di] = simulator.events().slice(-4);
    expect(ids(delivered(endpoint))).toEqual([bob?.id, di?.id]);
    expect(simulator.deliverer.records.filter(({ outcome }) => outcome === 'dropped')).toHaveLength(
      2,
    );
  });

  it('replays an old event under its own id', async () => {
    const { simulator, endpoint } = await connected();
    simulator.join(directoryOf(simulator), { firstName: 'Ada' });
    simulator.leave('ada');
    await simulator.deliverer.idle();
    const { answer } = await control(simulator, 'replay', { event: 'dsync.user.created' });
    await simulator.deliverer.idle();
    expect(
      delivered(endpoint)
        .map(({ event }) => event)
        .at(-1),
    ).toBe('dsync.user.created');
    expect(ids(delivered(endpoint)).at(-1)).toBe(answer['eventId']);
  });

  it.each([
    ['', true],
    ['?signature=wrong', false],
    ['?signature=none', false],
    ['?ageMs=600000', false],
  ])('delivers any body byte for byte with %s', async (query, valid) => {
    const { simulator, endpoint } = await connected();
    endpoint.answers.push(418);
    const body = '{ "not":  an event\u0000é';
    const { answer } = await control(simulator, `deliver${query}`, body);
    expect(answer).toEqual({ status: 418, body: '' });
    const [received] = endpoint.received;
    expect(received?.body).toBe(body);
    const verified = await simulator.workos.webhooks
      .verifyHeader({
        payload: body,
        sigHeader: String(received?.headers['workos-signature'] ?? 't=, v1='),
        secret: simulator.secret,
      })
      .catch(() => false);
    expect(verified).toBe(valid);
  });
});

describe('the control API', () => {
  it('plays a life over HTTP and answers with what was announced', async () => {
    const { simulator } = await connected();
    await control(simulator, 'create-group', { directory: directoryOf(simulator), name: 'Staff' });
    await control(simulator, 'create-organization', { name: 'Globex', handle: 'globex' });
    const steps: [string, object][] = [
      ['join', { directory: directoryOf(simulator), name: 'Ada Lovelace', email: 'ada@acme.test' }],
      ['update', { person: 'ada@acme.test', email: 'ada@new.test', managerEmail: 'bo@acme.test' }],
      ['add-to-group', { person: 'ada', group: 'staff' }],
      ['remove-from-group', { person: 'ada', group: 'Staff' }],
      ['suspend', { person: 'ada' }],
      ['recreate', { person: 'ada' }],
      ['leave', { person: 'ada' }],
      ['return', { person: 'ada' }],
      ['move-directory', { directory: directoryOf(simulator), organization: 'globex' }],
      ['delete-organization', { organization: 'globex' }],
    ];
    const announced: string[][] = [];
    for (const [name, body] of steps) {
      const { status, answer } = await control(simulator, name, body);
      expect(status).toBe(200);
      announced.push((answer['events'] as Delivered[]).map(({ event }) => event));
    }
    expect(announced).toEqual([
      ['dsync.user.created'],
      ['dsync.user.updated'],
      ['dsync.group.user_added'],
      ['dsync.group.user_removed'],
      ['dsync.user.updated'],
      ['dsync.user.deleted', 'dsync.user.created'],
      ['dsync.user.deleted'],
      ['dsync.user.created'],
      ['dsync.activated'],
      ['dsync.deleted', 'organization.deleted'],
    ]);
  });

  it.each([
    ['leave', { person: 'nobody' }, 404],
    ['leave', {}, 422],
    ['join', { directory: 'nowhere', nme: 'typo' }, 422],
    ['constructor', {}, 404],
    ['scenario', { name: 'demo' }, 404],
  ])('refuses %s %j with %i and says why', async (name, body, status) => {
    const simulator = await startForTest();
    const { status: answered, answer } = await control(simulator, name, body);
    expect(answered).toBe(status);
    expect(answer['message']).toEqual(expect.stringMatching(/\w/));
  });
});
