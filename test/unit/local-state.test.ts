import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DeathCounter } from '../../local/supervisor/death-counter.ts';
import { readJsonObject, writeJsonFile } from '../../local/supervisor/json-file.ts';
import { tryLock } from '../../local/supervisor/lock.ts';
import { lastLines, rotateLargeLog, rotateLog } from '../../local/supervisor/log-file.ts';
import { identify, isAlive } from '../../local/supervisor/process-identity.ts';
import { keptSecrets } from '../../local/supervisor/secrets.ts';
import { stackFileWriter, type StackAddresses } from '../../local/supervisor/stack-file.ts';
import { problemOfSecret } from '../../platform/outgoing/secrets.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tenure-state-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const addresses: StackAddresses = {
  apiUrl: 'http://127.0.0.1:8080',
  consoleUrl: 'http://127.0.0.1:8080/console',
  mongodbUrl: 'mongodb://127.0.0.1:27117/?replicaSet=rs0',
  temporalAddress: '127.0.0.1:7233',
  temporalUiUrl: 'http://127.0.0.1:8233',
  temporalCli: '/usr/bin/temporal',
  simulatorUrl: 'http://127.0.0.1:8100',
};

describe('stack.json', () => {
  const all = ['mongod', 'temporal', 'simulator', 'api', 'worker'];

  test('is written once every part has been started, not before', () => {
    const path = join(directory, 'stack.json');
    const write = stackFileWriter(path, addresses, all);
    const pids = new Map<string, number>();
    for (const [index, name] of all.entries()) {
      expect(readJsonObject(path)).toEqual({});
      pids.set(name, 100 + index);
      write(pids);
    }
    expect(readJsonObject(path)).toEqual({
      ...addresses,
      pids: { mongod: 100, temporal: 101, simulator: 102, api: 103, worker: 104 },
    });
  });

  test('follows a part that was started again and never loses one meanwhile', () => {
    const path = join(directory, 'stack.json');
    const write = stackFileWriter(path, addresses, all);
    write(new Map(all.map((name, index) => [name, index + 1])));
    write(new Map([['mongod', 1]]));
    expect(readJsonObject(path)['pids']).toMatchObject({ mongod: 1, api: 4 });
    write(new Map([['api', 44]]));
    expect(readJsonObject(path)['pids']).toMatchObject({ mongod: 1, api: 44 });
  });

  test('says null for what this stack does not run', () => {
    const path = join(directory, 'stack.json');
    stackFileWriter(path, addresses, ['api', 'worker'])(
      new Map([
        ['api', 1],
        ['worker', 2],
      ]),
    );
    const pids = { mongod: null, temporal: null, simulator: null, api: 1, worker: 2 };
    expect(readJsonObject(path)['pids']).toEqual(pids);
  });

  test('is whole at every moment, for a reader in another process too', async () => {
    const path = join(directory, 'stack.json');
    writeJsonFile(path, { list: [] });
    const reader = spawn(process.execPath, [
      '-e',
      `const { readFileSync } = require('node:fs'); let reads = 0;
       for (const end = Date.now() + 400; Date.now() < end; reads += 1)
         JSON.parse(readFileSync(${JSON.stringify(path)}, 'utf8'));
       process.exitCode = reads > 10 ? 0 : 2;`,
    ]);
    let code: number | null | undefined;
    reader.once('exit', (exitCode) => {
      code = exitCode;
    });
    const list = Array.from({ length: 20_000 }, (_, index) => index);
    while (code === undefined) {
      writeJsonFile(path, { list });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(code).toBe(0);
    expect(await readdir(directory)).toEqual(['stack.json']);
  });
});

describe('the secrets', () => {
  test('are made once, for their owner only, and each is another', () => {
    const path = join(directory, 'secrets.json');
    const first = keptSecrets(path);
    expect(keptSecrets(path)).toEqual(first);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(new Set(Object.values(first)).size).toBe(5);
  });

  test('come to what an older start made, and the new one signs by Standard Webhooks', () => {
    const path = join(directory, 'secrets.json');
    for (let round = 0; round < 50; round += 1) {
      writeJsonFile(path, { adminKey: 'kept' });
      const { adminKey, exampleSecret } = keptSecrets(path);
      expect([adminKey, problemOfSecret(exampleSecret)]).toEqual(['kept', null]);
    }
  });
});

describe('a lock', () => {
  test('is held by one at a time and can be taken after its release', async () => {
    const path = join(directory, 'lock');
    const first = await tryLock(path);
    if (!('lock' in first)) throw new Error('the lock was not free');
    const second = await tryLock(path);
    expect(second).toMatchObject({ owner: { pid: process.pid } });
    await first.lock.release();
    expect('lock' in (await tryLock(path))).toBe(true);
  });

  test('of a process that has died is taken over', async () => {
    const path = join(directory, 'lock');
    writeFileSync(
      `${path}.3`,
      JSON.stringify({ pid: process.pid, startTime: '1', host: hostname() }),
    );
    expect('lock' in (await tryLock(path))).toBe(true);
    expect('owner' in (await tryLock(path))).toBe(true);
  });

  test('goes to exactly one of many who find it stale at once', async () => {
    for (let round = 0; round < 20; round += 1) {
      const path = join(directory, `lock-${round}`);
      writeFileSync(`${path}.1`, '{"half": ');
      const attempts = await Promise.all(Array.from({ length: 20 }, () => tryLock(path)));
      expect(attempts.filter((attempt) => 'lock' in attempt)).toHaveLength(1);
    }
    expect(await readdir(directory)).toHaveLength(20);
  });

  test('is never held twice by processes that take and release it again and again', async () => {
    const path = join(directory, 'lock');
    let holders = 0;
    let most = 0;
    const worker = async (): Promise<void> => {
      for (let round = 0; round < 30;) {
        const attempt = await tryLock(path);
        if (!('lock' in attempt)) continue;
        holders += 1;
        most = Math.max(most, holders);
        await new Promise((resolve) => setImmediate(resolve));
        holders -= 1;
        await attempt.lock.release();
        round += 1;
      }
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
    expect(most).toBe(1);
  });
});

describe('a process identity', () => {
  test('is that of a living process only', async () => {
    const self = await identify(process.pid);
    if (self === null) throw new Error('no identity');
    expect(await isAlive(self)).toBe(true);
    expect(await isAlive({ ...self, startTime: '1' })).toBe(false);
    const child = spawn('true');
    await new Promise((resolve) => child.once('exit', resolve));
    expect(await identify(child.pid ?? 0)).toBeNull();
  });
});

describe('the deaths', () => {
  test('are too many beyond the bound within the window, over all parts', () => {
    const deaths = new DeathCounter(2, 1000);
    expect(deaths.add('a', 0)).toBe(1);
    expect(deaths.add('b', 10)).toBe(1);
    expect(deaths.tooMany()).toBe(false);
    expect(deaths.add('a', 20)).toBe(2);
    expect(deaths.tooMany()).toBe(true);
  });

  test('are forgotten after the window', () => {
    const deaths = new DeathCounter(2, 1000);
    for (const at of [0, 600, 1200, 1800, 2400]) deaths.add('a', at);
    expect(deaths.tooMany()).toBe(false);
    expect(deaths.inWindow()).toBe(2);
  });
});

describe('a log', () => {
  test('is moved aside at a start, and the oldest goes', async () => {
    const path = join(directory, 'x.log');
    for (const start of [1, 2, 3, 4, 5, 6]) {
      await rotateLog(path);
      writeFileSync(path, `start ${start}`);
    }
    const kept = ['x.log', 'x.log.1', 'x.log.2', 'x.log.3', 'x.log.4'];
    expect((await readdir(directory)).toSorted()).toEqual(kept);
    expect(kept.map((name) => readFileSync(join(directory, name), 'utf8'))).toEqual(
      [6, 5, 4, 3, 2].map((start) => `start ${start}`),
    );
  });

  test('that has grown too large is copied aside and begun anew under its writer', async () => {
    const path = join(directory, 'x.log');
    writeFileSync(path, 'x'.repeat(100));
    await rotateLargeLog(path, 100);
    expect(statSync(path).size).toBe(100);
    await rotateLargeLog(path, 99);
    expect(statSync(path).size).toBe(0);
    expect(statSync(`${path}.1`).size).toBe(100);
  });

  test('gives its last lines, also a long one and none', () => {
    const path = join(directory, 'x.log');
    expect(lastLines(path, 2)).toEqual([]);
    writeFileSync(path, `${'y'.repeat(50_000)}\none\ntwo\nthree\n`);
    expect(lastLines(path, 2)).toEqual(['two', 'three']);
  });
});
