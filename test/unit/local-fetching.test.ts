import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { atLeast, download, probe, runCommand, which } from '../../local/servers/fetching.ts';
import { reasonOf } from '../../local/servers/progress.ts';

let directory: string;
let server: Server;
let url: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenure-fetching-'));
  server = createServer((request, response) => {
    response.statusCode = request.url === '/missing' ? 404 : 200;
    response.end('content');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  url = `http://127.0.0.1:${address.port}`;
});

afterAll(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

describe('a download', () => {
  test('accepts the expected bytes', async () => {
    const path = join(directory, 'good');
    await download(`${url}/x`, path, createHash('sha256').update('content').digest('hex'));
    expect(await readFile(path, 'utf8')).toBe('content');
  });

  test('refuses other bytes than the expected ones', async () => {
    const attempt = download(`${url}/x`, join(directory, 'bad'), '00');
    await expect(attempt).rejects.toThrow(/has SHA-256 [0-9a-f]{64}, expected 00/);
  });

  test('refuses any status but success', async () => {
    await expect(download(`${url}/missing`, join(directory, 'm'))).rejects.toThrow('answered 404');
  });
});

describe('the look at a host', () => {
  test('is content with any answer', async () => {
    await expect(probe(`${url}/missing`)).resolves.toBeUndefined();
  });

  test('names a host that does not answer, with the reason', async () => {
    const error: unknown = await probe('http://127.0.0.1:1/').catch((reason: unknown) => reason);
    expect(reasonOf(error)).toMatch(/^127\.0\.0\.1:1 cannot be reached: .+/);
  });
});

describe('a command', () => {
  test('fails with the last lines of its stderr', async () => {
    const attempt = runCommand('sh', ['-c', 'echo one >&2; echo two >&2; exit 3']);
    await expect(attempt).rejects.toThrow('sh -c failed: one | two');
  });

  test('that is not there is said to be so', async () => {
    await expect(runCommand('no-such-thing', [])).rejects.toThrow('no such command');
  });

  test('is found on the PATH that is given, not on the process own one', async () => {
    expect(await which('node', { PATH: directory })).toBeNull();
    expect(await which('sh', { PATH: `${directory}:/bin` })).toBe('/bin/sh');
  });
});

describe('the version rule', () => {
  test.each(['6.0.0', '6.1.0', '7.0.0', '10.0.1'])('accepts %s for 6.0', (version) => {
    expect(atLeast(version, [6, 0])).toBe(version);
  });

  test.each(['5.9.9', '0.0.0', 'x'])('refuses %s for 6.0', (version) => {
    expect(() => atLeast(version, [6, 0])).toThrow(/older than 6\.0/);
  });
});
