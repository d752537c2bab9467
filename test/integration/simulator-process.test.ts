import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
let folder: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'simulator-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

interface Running {
  url: string;
  child: ChildProcess;
}

async function startProcess(env: Record<string, string> = {}): Promise<Running> {
  const child = spawn(process.execPath, [join(root, 'local/simulator/main.ts')], {
    env: {
      PATH: process.env['PATH'],
      SIMULATOR_PORT: '0',
      SIMULATOR_STATE: join(folder, 'world.json'),
      // Nobody listens there: what is announced stays undelivered.
      TENURE_WEBHOOK_URL: 'http://127.0.0.1:9/',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const url = /http:\S+/.exec(String(line))?.[0];
  if (url === undefined) throw new Error(String(line));
  return { url, child };
}

async function simulate(url: string, ...args: string[]): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [join(root, 'local/simulate.ts'), ...args], {
    env: { PATH: process.env['PATH'], SIMULATOR_URL: url },
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (output += String(chunk)));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

describe('the simulator as a process', () => {
  it('is steered by the command line, and keeps its world over a stop', async () => {
    const first = await startProcess();
    await simulate(first.url, 'create-organization', 'Acme');
    await simulate(first.url, 'create-directory', 'Okta', '--organization', 'acme');
    const joined = await simulate(first.url, 'join', 'ada', '--directory', 'okta');
    expect(joined).toMatchObject({
      code: 0,
      output: expect.stringMatching(/dsync\.user\.created/),
    });
    first.child.kill('SIGTERM');
    expect(await once(first.child, 'exit')).toEqual([0, null]);

    const second = await startProcess();
    const { output } = await simulate(second.url, 'list');
    expect(output).toMatch(/Acme .*\n.*Okta .*\n +ada +active/);

    second.child.kill('SIGKILL');
    await once(second.child, 'exit');
    expect(await simulate(second.url, 'leave', 'ada')).toEqual({
      code: 1,
      output: `Nothing answers at ${second.url}: start the simulator with npm start.\n`,
    });
    const fresh = await startProcess({ SIMULATOR_FRESH: '1' });
    expect((await simulate(fresh.url, 'list')).output).toBe('The world is empty.\n');
  });

  it('says in a sentence that a scenario plays, and where its story is told', async () => {
    const { url } = await startProcess();
    const { code, output } = await simulate(url, 'scenario', 'tenure');
    expect(code).toBe(0);
    expect(output).toMatch(/^The scenario tenure is playing\. .*\n.*simulator\.log\.\n$/);
  });

  it('says in sentences which faults are on, and what it was set to', async () => {
    const { url } = await startProcess();
    const say = async (...args: string[]) => (await simulate(url, ...args)).output;
    expect(await say('fault', 'delay', 'on', '--ms', '50', '--event', 'dsync.user.created')).toBe(
      'Webhooks of dsync.user.created come 50 ms late. Off again: fault delay off, or fault off\n',
    );
    expect(await say('fault', 'drop', 'on', '--times', '2')).toMatch(
      /\nAll webhooks do not come, the next 2 of them\. Off again: fault drop off, or fault off\n$/,
    );
    expect(await say('fault', 'off')).toBe('Webhooks are healthy: no fault is on.\n');
    expect(await say('api-fault', '/directory_users', '--status', '500', '--ms', '10')).toMatch(
      /^All requests to \/directory_users wait 10 ms, then get 500\.\n/,
    );
    expect(await say('api-fault', 'off')).toBe('The REST API is healthy: no fault is on.\n');
    expect(await say('settings', '--directory-users-per-second', '4')).toMatch(
      /^New events are held back .* for \d+ ms\.\n\/directory_users takes 4 requests a second\.\n/,
    );
    await say('create-organization', 'Acme');
    await say('create-directory', 'Okta', '--organization', 'acme');
    expect(await say('replay')).toMatch(/^event_\w+ is delivered once more\.\n$/);
  });

  it('says what it refuses and ends with another code than success', async () => {
    const { url } = await startProcess();
    expect(await simulate(url, 'leave', 'nobody')).toEqual({
      code: 1,
      output: 'There is no person called nobody.\n',
    });
    expect((await simulate(url, 'jion')).code).toBe(2);
    expect((await simulate(url, 'help')).code).toBe(0);
  });
});
