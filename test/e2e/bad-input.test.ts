import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';

import { signatureHeader } from '../../local/simulator/sign.ts';
import { laterTime, userEvent, workosId } from '../support/events.ts';
import { startProcesses, type TenureProcesses } from '../support/processes.ts';
import { badCalls, badInputTables, badWebhooks, type BadWebhook } from './bad-input-corpus.ts';

interface Reply {
  status: number;
  type: string;
  text: string;
}

const minutes = 60_000;

describe('bad input', () => {
  let tenure: TenureProcesses;
  let pid: number | null;

  beforeAll(async () => {
    tenure = await startProcesses();
    pid = tenure.api.pid();
  }, 120_000);

  afterAll(async () => tenure?.stop(), 60_000);

  /** Byte for byte: `fetch` would correct paths and headers. */
  async function send(
    method: string,
    path: string,
    body: Buffer | null,
    headers: Record<string, string>,
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const length = body === null ? {} : { 'content-length': String(body.length) };
      const { port } = tenure.api;
      const options = { host: '127.0.0.1', port, method, path, headers: { ...headers, ...length } };
      const sent = request({ ...options, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            text: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      });
      sent.on('error', reject);
      sent.end(body ?? undefined);
    });
  }

  function signed(body: Buffer, how: BadWebhook['signature']): Record<string, string> {
    if (how === 'none') return {};
    if (how === 'malformed') return { 'workos-signature': 'x=1, y=2' };
    const at = how === 'old' ? -6 * minutes : how === 'future' ? 6 * minutes : 0;
    const secret = how === 'wrong' ? 'another-secret' : tenure.webhookSecret;
    const now = Date.now() + at;
    // The SDK signs text; some of these bodies are no text.
    const sign = (time: number): string =>
      createHmac('sha256', secret).update(`${time}.`).update(body).digest('hex');
    const time = how === 'seconds' ? Math.floor(now / 1000) : now;
    return { 'workos-signature': `t=${time}, v1=${sign(time)}` };
  }

  function bytesOf(made: Buffer | string | object): Buffer {
    if (Buffer.isBuffer(made)) return made;
    return Buffer.from(typeof made === 'string' ? made : JSON.stringify(made));
  }

  /** The same process, alive, and an answer that tells nothing of the inside. */
  async function expectUnharmed({ status, type, text }: Reply): Promise<void> {
    expect(text).not.toMatch(/node_modules|\.ts\b|\bat \w+ \(|Mongo|Error:|\/api\//);
    expect(type).toMatch(status < 300 ? /json/ : /^application\/problem\+json/);
    expect((await fetch(`${tenure.apiUrl}/health/live`)).status).toBe(200);
    expect(tenure.api.pid()).toBe(pid);
  }

  it.each(badWebhooks.map((each) => [each.input, each] as const))(
    'in a webhook is answered as documented: %s',
    async (_input, { body, signature, headers, status, code, stored }) => {
      const { inbox } = tenure.store.collections;
      const before = await inbox.countDocuments();
      const id = workosId('event');
      const bytes = bytesOf(body(id));
      const reply = await send('POST', '/webhooks/workos', bytes, {
        'content-type': 'application/json',
        ...signed(bytes, signature),
        ...headers,
      });
      expect([reply.status, code === null ? null : JSON.parse(reply.text).code]).toEqual([
        status,
        code,
      ]);
      await expectUnharmed(reply);
      const entry = await inbox.findOne({ _id: id });
      expect(entry?.outcome ?? 'nothing').toBe(stored);
      expect(await inbox.countDocuments()).toBe(before + (stored === 'nothing' ? 0 : 1));
      // What could not be applied is kept whole, as text; what was applied has no second copy.
      expect(typeof entry?.body).toBe(
        stored === 'stored' || stored === 'quarantined' ? 'string' : 'undefined',
      );
    },
  );

  it.each(badCalls.map((each) => [each.input, each] as const))(
    'in a call is answered as documented: %s',
    async (_input, { method, path, body, raw, key, headers, status, code }) => {
      const keys = { admin: tenure.adminKey, gate: tenure.gateKey, wrong: 'wrong', none: '' };
      const bytes =
        raw === undefined
          ? body === undefined
            ? null
            : bytesOf(JSON.stringify(body))
          : bytesOf(raw);
      const bearer = keys[key ?? 'admin'];
      const reply = await send(method, path, bytes, {
        ...(bytes === null ? {} : { 'content-type': 'application/json' }),
        ...(bearer === '' ? {} : { authorization: `Bearer ${bearer}` }),
        ...headers,
      });
      expect([reply.status, JSON.parse(reply.text).code]).toEqual([status, code]);
      await expectUnharmed(reply);
    },
  );

  it('leaves whole people behind: what is stored can be read and everybody else is served', async () => {
    const { users } = tenure.store.collections;
    const stored = await users.find({}).toArray();
    const names = stored.flatMap(({ profile }) => [
      profile?.firstName,
      profile?.lastName,
      profile?.username,
    ]);
    const texts = names.filter((name) => typeof name === 'string');
    expect(texts.every((text) => text.isWellFormed() && text.length <= 1024)).toBe(true);
    expect(texts.some((text) => text.includes('\u0000'))).toBe(false);
    expect(texts).toContain('A\ufffdda');
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    const id = workosId('directory_user');
    const event = userEvent(
      'created',
      {
        id,
        directoryId: 'directory_bad_input',
        organizationId: 'org_bad_input',
      },
      laterTime(),
    );
    const body = JSON.stringify(event);
    const header = await signatureHeader(body, tenure.webhookSecret, Date.now());
    const answer = await tenure.simulator.deliverer.deliverRaw(body, header);
    expect(answer.status).toBe(200);
    await tenure.until(id, (m) => m.access.state === 'open');
    const { body: list } = await tenure.call(
      'GET',
      '/v1/users?organizationId=org_bad_input&limit=100',
    );
    expect(list.data.length).toBeGreaterThan(5);
  });

  it('has nobody behind inactive, removed and unreadable records', async () => {
    const { memberships, directoryUsers } = tenure.store.collections;
    const unlinked = await directoryUsers.find({ membershipId: null }).toArray();
    expect(unlinked.length).toBeGreaterThan(1);
    for (const { records } of unlinked) {
      expect(records.every(({ profile }) => profile === null)).toBe(true);
    }
    expect(await memberships.countDocuments({ 'access.state': 'open', everBacked: false })).toBe(0);
  });

  it('is described as it is in docs/bad-input.md', async () => {
    const page = await readFile(new URL('../../docs/bad-input.md', import.meta.url), 'utf8');
    const squeezed = (text: string): string =>
      text.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---');
    expect(squeezed(page)).toContain(squeezed(badInputTables()));
  });

  it('never appears in a log', () => {
    const log = tenure.api.log() + tenure.worker.log();
    expect(log).not.toMatch(/Lovelace|@example\.com|nnnnnnnnnn|rrrrrrrrrr/);
    expect(log).not.toMatch(/"level":"(error|fatal)".*failed unexpectedly/);
  });
});
