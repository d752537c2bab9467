import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { endMarked, stackMarker } from '../../local/supervisor/end-processes.ts';
import { freePort } from '../../local/supervisor/ports.ts';
import { findByEnvironment } from '../../local/supervisor/process-identity.ts';
import { nicenessOfThreads } from '../support/priorities.ts';
import { eventually } from '../support/processes.ts';
import { testServers } from '../support/servers.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The embedded stack as a person starts it, with a state directory and ports of its own. */
describe('npm start', () => {
  let directory: string;
  let supervisor: ChildProcess;
  let exit: Promise<number | null>;
  let output = '';
  let apiUrl: string;
  let startedAt: number;

  beforeAll(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), 'tenure-start-')));
    const port = await freePort();
    apiUrl = `http://127.0.0.1:${port}`;
    const others =
      /^(TENURE_|WORKOS_|MONGODB_|TEMPORAL_|SIMULATOR_|NODE_ENV$|NODE_OPTIONS$|JEST_|npm_)/;
    const inherited = Object.entries(process.env).filter(([name]) => !others.test(name));
    const { mongod, temporalCli } = testServers();
    startedAt = Date.now();
    supervisor = spawn(process.execPath, [join(root, 'local/main.ts')], {
      cwd: directory,
      // A group of its own, so that the signal of Ctrl-C reaches the supervisor alone.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...Object.fromEntries(inherited),
        PATH: [dirname(mongod), dirname(temporalCli), process.env['PATH']].join(':'),
        PORT: String(port),
        TENURE_STATE_DIRECTORY: directory,
      },
    });
    for (const stream of [supervisor.stdout, supervisor.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    exit = new Promise((resolve) => supervisor.once('exit', resolve));
  });

  afterAll(async () => {
    supervisor.kill('SIGKILL');
    await endMarked((value) => value.startsWith(`${directory}|`), 0);
    await rm(directory, { recursive: true, force: true });
  }, 60_000);

  const stack = () => JSON.parse(readFileSync(join(directory, 'stack.json'), 'utf8'));
  const key = (): string => /Admin key +(\S+)/.exec(output)?.[1] ?? '';
  const get = async (path: string): Promise<any> => {
    const headers = { authorization: `Bearer ${key()}` };
    return (await fetch(`${apiUrl}${path}`, { headers })).json();
  };

  it('is ready with everything that stack.json promises', async () => {
    let written = false;
    await eventually(
      'ready',
      async () => {
        const { status } = await fetch(`${apiUrl}/health/ready`);
        // It is written before ready answers 200 for the first time.
        written = existsSync(join(directory, 'stack.json'));
        return status === 200;
      },
      90_000,
    ).catch((error: unknown) => {
      throw new Error(output, { cause: error });
    });
    expect(written).toBe(true);
    const seconds = (Date.now() - startedAt) / 1000;
    expect(seconds).toBeLessThan(90);
    const told = stack();
    expect(told.apiUrl).toBe(apiUrl);
    for (const url of [told.temporalUiUrl, `${told.simulatorUrl}/health`]) {
      expect((await fetch(url)).status).toBe(200);
    }
    const pids = ['mongod', 'temporal', 'api', 'worker', 'simulator'];
    expect(Object.keys(told.pids).toSorted()).toEqual(pids.toSorted());
    for (const pid of Object.values<number>(told.pids))
      expect(() => process.kill(pid, 0)).not.toThrow();
    await eventually('the table of addresses', () => output.includes('Tenure is ready'));
    expect(output).toContain(apiUrl);
    const [, metrics = ''] = /Worker metrics +(\S+)/.exec(output) ?? [];
    expect(await (await fetch(metrics)).text()).toContain('tenure_');
    expect(key()).not.toBe('');
  }, 120_000);

  it('gives its processes no setting that they do not know', () => {
    for (const name of ['api', 'worker']) {
      const log = readFileSync(join(directory, 'logs', `${name}.log`), 'utf8');
      expect(log).toContain('"level":"info"');
      expect(log).not.toContain('is no variable of Tenure');
    }
  });

  it('lets what answers somebody go before the work in the background', () => {
    if (process.platform !== 'linux') return;
    const { pids } = stack();
    const [first, last] = [getPriority(), Math.min(19, getPriority() + 10)];
    for (const name of ['mongod', 'api', 'simulator']) {
      expect([name, ...new Set(nicenessOfThreads(pids[name]))]).toEqual([name, first]);
    }
    for (const name of ['temporal', 'worker']) {
      expect([name, ...new Set(nicenessOfThreads(pids[name]))]).toEqual([name, last]);
    }
  });

  it("plays the demo: people join, and somebody is forgotten before the watcher's eyes", async () => {
    await eventually(
      'twenty people in two organizations',
      async () => {
        const { data } = await get('/v1/users?status=active&limit=100');
        const organizations = new Set(
          data.map(
            (user: { memberships: { organizationId: string }[] }) =>
              user.memberships[0]?.organizationId,
          ),
        );
        return data.length >= 15 && organizations.size === 2;
      },
      60_000,
    );
    const forgotten = await eventually(
      'somebody is forgotten',
      async () => (await get('/v1/users?phase=anonymized')).data[0],
      90_000,
    );
    expect(forgotten).toMatchObject({ email: null, name: null, status: 'anonymized' });
    expect(forgotten.memberships[0].outcome).toBe('anonymized');
    // On the way there the groups gave roles, and took one.
    const { data } = await get('/v1/users?status=active&limit=100');
    const rolesOf = (email: string): string[] =>
      data.find((user: { email: string }) => user.email === email).memberships[0].roles;
    expect(rolesOf('grace@acme.example')).toEqual(['admin', 'member']);
    expect(rolesOf('yara@acme.example')).toEqual(['member']);
    expect(rolesOf('bo@acme.example')).toEqual(['editor', 'member']);
  }, 180_000);

  it('starts a killed worker again, and is ready again', async () => {
    const before = stack().pids.worker;
    process.kill(before, 'SIGKILL');
    await eventually('another worker', () => stack().pids.worker !== before, 30_000);
    await eventually('ready', async () => (await fetch(`${apiUrl}/health/ready`)).ok, 60_000);
    expect(stack().pids).toMatchObject({ api: expect.any(Number), worker: expect.any(Number) });
    expect(() => process.kill(stack().pids.worker, 0)).not.toThrow();
  }, 120_000);

  it('leaves no process behind on Ctrl-C, and the state for the next start', async () => {
    const pids: number[] = Object.values(stack().pids);
    process.kill(supervisor.pid ?? 0, 'SIGINT');
    expect(await exit).toBe(0);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    const left = await findByEnvironment(stackMarker, (value) => value.startsWith(`${directory}|`));
    expect(left).toEqual([]);
    expect(existsSync(join(directory, 'stack.json'))).toBe(false);
    expect(existsSync(join(directory, 'mongod'))).toBe(true);
    expect(existsSync(join(directory, 'temporal', 'temporal.db'))).toBe(true);
  }, 60_000);
});
