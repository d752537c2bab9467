import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

import { afterEach, describe, expect, it } from '@jest/globals';

import { connectMongo } from '../../platform/mongo/store.ts';
import { adminKey, aPerson, sign, webhookSecret } from './api-fixture.ts';

const main = fileURLToPath(new URL('../../api/main.ts', import.meta.url));
const running: ChildProcess[] = [];

afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

interface Run {
  child: ChildProcess;
  output(): string;
  /** The exit code, once it ended. */
  ended: Promise<number | null>;
}

function start(env: Record<string, string>): Run {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [main], { env: { PATH, HOME, ...env } });
  running.push(child);
  let output = '';
  child.stdout.on('data', (data) => (output += String(data)));
  child.stderr.on('data', (data) => (output += String(data)));
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  return { child, output: () => output, ended };
}

async function until<T>(what: string, attempt: () => Promise<T | null> | T | null): Promise<T> {
  for (const began = performance.now(); performance.now() - began < 20_000;) {
    const found = await attempt();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`waited in vain for: ${what}`);
}

async function portOf(run: Run): Promise<number> {
  return until('the port', () => {
    const port = /"port":(\d+)/.exec(run.output())?.[1];
    return port === undefined ? null : Number(port);
  });
}

/** A way to MongoDB that can be opened later; `port` is known and refuses before. */
async function gateway(): Promise<{ port: number; open(): Promise<void>; close(): void }> {
  const target = new URL(
    (process.env['TENURE_TEST_MONGODB_URL'] ?? '').replace('mongodb:', 'http:'),
  );
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    sockets.add(client).add(upstream);
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return {
    port,
    open: async () => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve)),
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

describe('the API process', () => {
  it('ends with 78 and the whole list where its configuration is wrong', async () => {
    const run = start({ PORT: 'eighty', TENURE_EVENTS: 'sometimes' });
    expect(await run.ended).toBe(78);
    for (const name of ['PORT', 'TENURE_EVENTS', 'MONGODB_URL']) {
      expect(run.output()).toContain(name);
    }
    expect(run.output()).not.toMatch(/\n\s+at /);
  }, 30_000);

  it('lives before MongoDB is there, serves when it comes, and stops in order', async () => {
    const way = await gateway();
    const database = `api_process_${Date.now()}`;
    const run = start({
      PORT: '0',
      MONGODB_URL: `mongodb://127.0.0.1:${way.port}/?directConnection=true`,
      MONGODB_DATABASE: database,
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      WORKOS_WEBHOOK_SECRET: webhookSecret,
      TENURE_ADMIN_KEY: adminKey,
    });
    const url = `http://127.0.0.1:${await portOf(run)}`;
    const deliver = async (body: string): Promise<number> => {
      const headers = { 'workos-signature': sign(body) };
      return (await fetch(`${url}/webhooks/workos`, { method: 'POST', headers, body })).status;
    };
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    const early = await fetch(`${url}/health/ready`);
    expect([early.status, await early.json()]).toEqual([
      503,
      { status: 'notReady', missing: ['mongodb', 'migrations', 'worker'] },
    ]);
    const person = aPerson();
    const event = JSON.stringify(person.event('created'));
    expect(await deliver(event)).toBe(503);

    await way.open();
    await until('the store', async () => ((await deliver(event)) === 200 ? true : null));
    // Temporal is not there at all; a leaving is acknowledged all the same, and at once.
    const began = performance.now();
    expect(await deliver(JSON.stringify(person.event('deleted')))).toBe(200);
    expect(performance.now() - began).toBeLessThan(2_000);
    const late = await fetch(`${url}/health/ready`);
    expect(await late.json()).toEqual({ status: 'notReady', missing: ['worker'] });

    // A request in flight when the signal comes is answered; the process ends with 0.
    const body = JSON.stringify(aPerson().event('created'));
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const half = Math.floor(body.length / 2);
    socket.write(
      `POST /webhooks/workos HTTP/1.1\r\nHost: x\r\nWorkOS-Signature: ${sign(body)}\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body.slice(0, half)}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    run.child.kill('SIGTERM');
    await until('the stopping', () => (run.output().includes('"stopping"') ? true : null));
    const answered = once(socket, 'data');
    socket.write(body.slice(half));
    const [answer] = await answered;
    expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
    expect(await run.ended).toBe(0);

    for (const secret of [adminKey, webhookSecret, '@example.com', person.id]) {
      expect(run.output()).not.toContain(secret);
    }
    way.close();
    const client = await connectMongo(process.env['TENURE_TEST_MONGODB_URL'] ?? '', 5_000);
    await client.db(database).dropDatabase();
    await client.close();
  }, 60_000);
});
