import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Document } from 'mongodb';

import { directoryEvent, workosId } from '../support/events.ts';
import { slow } from '../support/fences.ts';
import { eventually } from '../support/processes.ts';
import { connectMongo, storeOn, type Store } from '../../platform/mongo/store.ts';
import {
  aPerson,
  oldWebhookSecret,
  sign,
  signature,
  startApi,
  type Answer,
  type TestApi,
} from './api-fixture.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});

afterAll(async () => {
  await api.close();
});

const signed = (body: string | Uint8Array): Record<string, string> => ({
  'workos-signature': sign(body),
});

/** Sends bytes as they are. */
async function post(body: string | Uint8Array, headers: Record<string, string>): Promise<Answer> {
  return api.call('POST', '/webhooks/workos', { raw: body, key: null, headers });
}

/** Every document of every collection. */
async function everything(store: Store): Promise<string> {
  const dump: Document[] = [];
  for (const collection of Object.values(store.collections)) {
    dump.push(...(await collection.find({}).toArray()));
  }
  return JSON.stringify(dump);
}

describe('the webhook', () => {
  it('stores a signed event and says so', async () => {
    const person = aPerson();
    const event = person.event('created');
    const answer = await api.deliver(event);
    expect([answer.status, answer.json]).toEqual([200, { status: 'stored' }]);
    expect(await api.store.collections.inbox.findOne({ _id: event.id })).toMatchObject({
      event: 'dsync.user.created',
      transport: 'webhook',
      outcome: 'applied',
      organizationId: person.organizationId,
    });
    const users = await api.call('GET', `/v1/users?directoryUserId=${person.id}`);
    expect(users.json.data).toHaveLength(1);
  });

  it('answers a repetition like the first time and applies it once', async () => {
    const person = aPerson();
    const event = person.event('created');
    expect((await api.deliver(event)).status).toBe(200);
    const again = await api.deliver(event);
    expect([again.status, again.json]).toEqual([200, { status: 'stored' }]);
    expect(await api.store.collections.inbox.countDocuments({ _id: event.id })).toBe(1);
  });

  it('takes fifty copies at once as one event', async () => {
    const person = aPerson();
    const event = person.event('created');
    const answers = await Promise.all(Array.from({ length: 50 }, async () => api.deliver(event)));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(await api.store.collections.inbox.countDocuments({ _id: event.id })).toBe(1);
    const { organizationId } = person;
    expect(await api.store.collections.memberships.countDocuments({ organizationId })).toBe(1);
  });

  it('stores an unknown type whole', async () => {
    const event = { id: `event_unknown_${Date.now()}`, event: 'moon.landed', data: { on: 'moon' } };
    expect((await api.deliver(event)).status).toBe(200);
    expect(await api.store.collections.inbox.findOne({ _id: event.id })).toMatchObject({
      outcome: 'stored',
      body: '{"on":"moon"}',
    });
  });

  it.each([
    ['no data', undefined],
    ['null', null],
    ['a text', 'data'],
    ['a list', [1, 2]],
    ['an operator object for an id', { id: { $gt: '' }, directory_id: 'd', state: 'active' }],
    ['no directory', { id: 'directory_user_x', state: 'active' }],
  ])('stores and quarantines unexpected data: %s', async (_name, data) => {
    const { id, event, created_at } = aPerson().event('updated');
    const answer = await api.deliver({ id, event, created_at, data });
    expect([answer.status, answer.json]).toEqual([200, { status: 'stored' }]);
    expect(await api.store.collections.inbox.findOne({ _id: id })).toMatchObject({
      outcome: 'quarantined',
    });
    const listed = await api.call('GET', '/v1/quarantine?limit=100');
    expect(listed.json.data.map((entry: { id: string }) => entry.id)).toContain(id);
  });

  it('stores what is odd but usable: no idp_id, no e-mail, long names, half surrogates', async () => {
    const person = aPerson();
    const event = person.event('created', {
      idp_id: null,
      email: null,
      first_name: 'A'.repeat(10_000),
      last_name: '\ud800 half',
      custom_attributes: { $where: { $gt: '' }, ['__proto__']: 'x', 'a.b': 'c' },
    });
    expect((await api.deliver(event)).status).toBe(200);
    expect(await api.store.collections.inbox.findOne({ _id: event.id })).toMatchObject({
      outcome: 'applied',
    });
  });

  it('closes access before it answers, and signals the closed membership at once', async () => {
    const person = aPerson();
    await api.deliver(person.event('created'));
    const before = api.signalled.length;
    await api.deliver(person.event('deleted'));
    const access = await api.call('POST', '/v1/access-checks', {
      body: {
        organizationId: person.organizationId,
        action: 'login',
        directoryUserId: person.id,
      },
    });
    expect(access.json).toMatchObject({ allowed: false, reason: 'notBacked' });
    expect(api.signalled.slice(before)).toEqual([
      { membershipId: access.json.membershipId, organizationId: person.organizationId },
    ]);
    const metrics = await api.call('GET', '/metrics', { key: null });
    expect(metrics.text).toMatch(/tenure_access_closed_seconds_count\{transport="webhook"\} [1-9]/);
    expect(metrics.text).toMatch(/tenure_webhook_answers_total\{status="200"\} [1-9]/);
  });

  it('signals what it closed behind a 503, once', async () => {
    const person = aPerson();
    await api.deliver(person.event('created'));
    const left = person.event('deleted');
    const late = await startApi({ store: slow(api.store, 2_200) });
    try {
      expect((await late.deliver(left)).status).toBe(503);
      const { inbox, memberships } = late.store.collections;
      await eventually('the commit', async () => inbox.findOne({ _id: left.id }));
      expect((await late.deliver(left)).status).toBe(200);
      const membership = await memberships.findOne({ organizationId: person.organizationId });
      expect(late.signalled).toEqual([
        { membershipId: membership?._id, organizationId: person.organizationId },
      ]);
      const { text } = await late.call('GET', '/metrics', { key: null });
      expect(text).toMatch(/tenure_access_closed_seconds_count\{transport="webhook"\} 1$/m);
    } finally {
      await late.close();
    }
  });

  it('takes a byte order mark for no reason to lose an event', async () => {
    const text = `\ufeff${JSON.stringify(aPerson().event('created'))}`;
    expect((await api.deliver(text)).status).toBe(200);
  });

  it('leaves joins to the dispatchers', async () => {
    const before = api.signalled.length;
    await api.deliver(aPerson().event('created'));
    expect(api.signalled).toHaveLength(before);
  });
});

describe('the deletion of a directory', () => {
  it('is told loudly', async () => {
    const organizationId = workosId('org');
    const directory = { id: workosId('directory'), organizationId };
    await api.deliver(directoryEvent('activated', directory));
    expect(api.logged()).not.toContain(organizationId);
    expect((await api.deliver(directoryEvent('deleted', directory))).status).toBe(200);
    expect(api.logged()).toContain(organizationId);
    expect(api.logged()).toContain('wait at a guard');
    const { notices } = api.store.collections;
    expect(await notices.countDocuments({ organizationId, code: 'directoryDeleted' })).toBe(1);
  });
});

describe('the webhook refuses', () => {
  const person = aPerson();
  const canary = 'canary.of.the.unverified@example.com';
  const event = person.event('created', { email: canary });
  const body = JSON.stringify(event);
  const now = Date.now();
  const minute = 60_000;

  it.each<[string, Record<string, string>, string]>([
    ['a missing signature', {}, 'signature.missing'],
    ['an empty signature', { 'workos-signature': '' }, 'signature.missing'],
    ['a malformed signature', { 'workos-signature': 'hello' }, 'signature.malformed'],
    [
      'a signature by another secret',
      { 'workos-signature': sign(body, { secret: 'wrong' }) },
      'signature.mismatch',
    ],
    [
      'a stale signature',
      { 'workos-signature': sign(body, { at: now - 6 * minute }) },
      'signature.stale',
    ],
    [
      'a signature from the future',
      { 'workos-signature': sign(body, { at: now + 6 * minute }) },
      'signature.future',
    ],
    [
      'seconds instead of milliseconds',
      { 'workos-signature': sign(body, { at: Math.floor(now / 1000) }) },
      'signature.malformed',
    ],
    [
      'names that it does not know',
      { 'workos-signature': `x=${now},y=${signature(body, now)}` },
      'signature.malformed',
    ],
  ])('%s with 401, and keeps nothing of it', async (_name, headers, code) => {
    const answer = await post(body, headers);
    expect([answer.status, answer.json.code]).toEqual([401, code]);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    const kept = await everything(api.store);
    const metrics = await api.call('GET', '/metrics', { key: null });
    for (const place of [kept, api.logged(), answer.text, metrics.text]) {
      expect(place).not.toContain(canary);
      expect(place).not.toContain(event.id);
      expect(place).not.toContain(person.organizationId);
    }
  });

  it('says loudly that a clock is wrong, without the body', () => {
    const stale = api
      .logged()
      .split('\n')
      .filter((line) => line.includes('"stale"'));
    expect(stale).not.toHaveLength(0);
    for (const line of stale) expect(JSON.parse(line)).toMatchObject({ level: 'error' });
  });

  it('nothing during rotation: either secret, and two signatures in one header', async () => {
    const one = aPerson().event('created');
    const other = JSON.stringify(aPerson().event('created'));
    const text = JSON.stringify(one);
    const at = Date.now();
    const both = `t=${at},v1=${signature(text, at, 'unknown')},v1=${signature(text, at)}`;
    expect((await post(text, { 'workos-signature': both })).status).toBe(200);
    const old = { 'workos-signature': sign(other, { secret: oldWebhookSecret }) };
    expect((await post(other, old)).status).toBe(200);
  });

  it('bytes that are no UTF-8 with 400, though they are signed', async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"id":"event_1","event":"x","data":"'),
      Buffer.of(0xff),
      Buffer.from('"}'),
    ]);
    const answer = await post(bytes, signed(bytes));
    expect([answer.status, answer.json.code]).toEqual([400, 'malformedJson']);
  });

  it('a body whose U+FFFD was exchanged for another byte with 401', async () => {
    const original = Buffer.from('{"id":"event_1","event":"x","data":"\ufffd"}');
    const at = original.indexOf(Buffer.from('\ufffd'));
    const changed = Buffer.concat([
      original.subarray(0, at),
      Buffer.of(0xff),
      original.subarray(at + 3),
    ]);
    const answer = await post(changed, signed(original));
    expect([answer.status, answer.json.code]).toEqual([401, 'signature.mismatch']);
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{"id":'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a number', '7'],
    ['no id', '{"event":"x","data":{}}'],
    ['no event', '{"id":"event_1","data":{}}'],
    ['an operator object for an id', '{"id":{"$gt":""},"event":"x"}'],
    ['an operator object for a type', '{"id":"event_1","event":{"$ne":null}}'],
    ['an id of 10,000 letters', `{"id":"${'x'.repeat(10_000)}","event":"x"}`],
    ['an id with a NUL', '{"id":"event\\u0000","event":"x"}'],
    [
      'an abyss of lists',
      `{"id":"event_deep","event":"x","data":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
    ],
  ])('%s with 400', async (_name, text) => {
    const answer = await post(text, signed(text));
    expect(answer.status).toBe(400);
    expect(answer.json.code).toMatch(/^(malformedJson|notAnEvent)$/);
  });

  it('more than 256 KiB with 413, announced or not', async () => {
    const large = JSON.stringify({ id: 'event_large', event: 'x', data: 'x'.repeat(262_144) });
    const announced = await post(large, signed(large));
    expect([announced.status, announced.json.code]).toEqual([413, 'tooLarge']);
    const stream = new Blob([large]).stream();
    const chunked = await fetch(`${api.url}/webhooks/workos`, {
      method: 'POST',
      headers: signed(large),
      body: stream,
      duplex: 'half',
    });
    expect(chunked.status).toBe(413);
  });

  it('256 KiB to the byte not at all', async () => {
    const frame = JSON.stringify({ id: `event_full_${now}`, event: 'x', data: '' });
    const full = frame.replace('""', `"${'x'.repeat(262_144 - frame.length)}"`);
    expect(full).toHaveLength(262_144);
    expect((await post(full, signed(full))).status).toBe(200);
  });

  it('compressed bodies with 415', async () => {
    const packed = gzipSync(body);
    const answer = await post(packed, { ...signed(packed), 'content-encoding': 'gzip' });
    expect([answer.status, answer.json.code]).toEqual([415, 'unsupportedEncoding']);
  });

  it('a caller that goes away in the middle, and goes on serving', async () => {
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
    socket.write('POST /webhooks/workos HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"id":');
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    expect((await api.deliver(aPerson().event('created'))).status).toBe(200);
  });

  it('nobody with a stack', () => {
    expect(api.answers.length).toBeGreaterThan(50);
    for (const answer of api.answers) expect(answer).not.toMatch(/\n\s+at |node_modules|\.ts:\d/);
  });

  it('other methods with 405', async () => {
    const answer = await api.call('GET', '/webhooks/workos', { key: null });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  });
});

describe('the webhook without a store', () => {
  /** Between Tenure and MongoDB: passes on, swallows everything, or is not there. */
  let proxy: Server;
  let mode: 'open' | 'silent' | 'closed' = 'open';
  const sockets = new Set<Socket>();
  let down: TestApi;
  let store: Store;

  beforeAll(async () => {
    const target = new URL(
      (process.env['TENURE_TEST_MONGODB_URL'] ?? '').replace('mongodb:', 'http:'),
    );
    proxy = createServer((client) => {
      const server = connect(Number(target.port), target.hostname);
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        sockets.add(from);
        from.on('data', (data) => mode === 'open' && to.write(data));
        from.on('error', () => to.destroy());
        from.on('close', () => to.destroy());
      }
      if (mode === 'closed') client.destroy();
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    const url = `mongodb://127.0.0.1:${port}/?directConnection=true`;
    const client = await connectMongo(url, 1_500);
    store = storeOn(client, api.store.db.databaseName);
    down = await startApi({ store });
  });

  beforeEach(() => {
    mode = 'open';
  });

  afterAll(async () => {
    mode = 'closed';
    for (const socket of sockets) socket.destroy();
    await down.close();
    await store.client.close();
    await new Promise((resolve) => proxy.close(resolve));
  });

  it.each(['silent', 'closed'] as const)(
    'answers 503 within two seconds while MongoDB is %s, and takes the event in afterwards',
    async (how) => {
      const event = aPerson().event('created');
      mode = how;
      if (how === 'closed') for (const socket of sockets) socket.destroy();
      const began = performance.now();
      const answer = await down.deliver(event);
      const ms = performance.now() - began;
      expect([answer.status, answer.json.code]).toEqual([503, 'storeUnavailable']);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(ms).toBeLessThan(2_000);
      mode = 'open';
      for (const socket of sockets) socket.destroy();
      let status = 503;
      for (let tries = 0; status === 503 && tries < 20; tries += 1) {
        ({ status } = await down.deliver(event));
      }
      expect(status).toBe(200);
      expect(await api.store.collections.inbox.countDocuments({ _id: event.id })).toBe(1);
      for (const text of down.answers) expect(text).not.toMatch(/\n\s+at |node_modules/);
    },
  );
});
