import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { choosePort, freePort, isPortFree } from '../../local/supervisor/ports.ts';
import { choosePorts, PortTakenError } from '../../local/supervisor/stack-ports.ts';

let directory: string;
let taken: Server[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tenure-ports-'));
  taken = [];
});

afterEach(async () => {
  await Promise.all(taken.map((server) => new Promise((resolve) => server.close(resolve))));
  rmSync(directory, { recursive: true, force: true });
});

async function occupy(port = 0, host = '127.0.0.1'): Promise<number> {
  const server = createServer();
  taken.push(server);
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return address.port;
}

describe('a port', () => {
  test.each(['127.0.0.1', '0.0.0.0'])('is not free while something listens on %s', async (host) => {
    const port = await occupy(0, host);
    expect(await isPortFree(port)).toBe(false);
  });

  test('is free where nothing listens', async () => {
    expect(await isPortFree(await freePort())).toBe(true);
  });

  test('is the first candidate that is neither occupied nor promised', async () => {
    const occupied = await occupy();
    const [promised, free] = [await freePort(), await freePort()];
    const candidates = [undefined, occupied, promised, free];
    expect(await choosePort(candidates, new Set([promised]))).toBe(free);
  });
});

describe('the ports of the stack', () => {
  test('name the process and command that has the port of the API', async () => {
    const port = await occupy();
    const attempt = choosePorts(join(directory, 'ports.json'), { PORT: String(port) });
    await expect(attempt).rejects.toThrow(PortTakenError);
    // Where the system does not tell the owner, the message says how to find out.
    const owner =
      process.platform === 'linux' ? `process ${process.pid} (` : 'another process (lsof';
    await expect(attempt).rejects.toThrow(
      `Port ${port}, which the API needs, is taken by ${owner}`,
    );
  });

  test('are the same at the next start, and others where one is taken meanwhile', async () => {
    const path = join(directory, 'ports.json');
    const env = { PORT: String(await freePort()) };
    const first = await choosePorts(path, env);
    expect(await choosePorts(path, env)).toEqual(first);
    expect(new Set(Object.values(first)).size).toBe(6);
    await occupy(first.mongod);
    const second = await choosePorts(path, env);
    expect(second.mongod).not.toBe(first.mongod);
    expect(second.temporal).toBe(first.temporal);
  });

  test.each(['http', '0', '70000', '80.5'])('refuse PORT=%s', async (text) => {
    const attempt = choosePorts(join(directory, 'ports.json'), { PORT: text });
    await expect(attempt).rejects.toThrow('PORT must be a port number');
  });
});
