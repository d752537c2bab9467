import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { endMarked, stackMarker } from '../../local/supervisor/end-processes.ts';
import { readJsonObject } from '../../local/supervisor/json-file.ts';
import { findByEnvironment, identify } from '../../local/supervisor/process-identity.ts';

const script = fileURLToPath(new URL('../support/stand-in-stack.ts', import.meta.url));

let directory: string;
let started: ChildProcess[];

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'tenure-supervisor-')));
  started = [];
});

afterEach(async () => {
  for (const child of started) child.kill('SIGKILL');
  await endMarked((value) => value.startsWith(`${directory}|`), 0);
  await rm(directory, { recursive: true, force: true });
});

/** A supervisor of the stand-in stack, with what it printed and how it ended. */
interface Stack {
  readonly pid: number;
  readonly output: () => string;
  readonly exit: Promise<number | null>;
}

function start(flags: readonly string[] = [], env: Record<string, string> = {}): Stack {
  const { npm_lifecycle_event: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [script, directory, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inherited, ...env },
  });
  started.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { pid: child.pid ?? 0, output: () => output, exit };
}

async function startReady(flags: readonly string[] = []): Promise<Stack> {
  await rm(join(directory, 'ready'), { force: true });
  const stack = start(flags);
  await until(() => existsSync(join(directory, 'ready')), stack.output);
  return stack;
}

/** Waits until something is true; the failure tells what the supervisor said. */
async function until(
  holds: () => boolean | Promise<boolean>,
  explain: () => string = () => '',
): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await holds())) {
    if (Date.now() > deadline)
      throw new Error(`not within 15 s: ${holds.toString()}\n${explain()}`);
    await sleep(25);
  }
}

function pids(): Record<string, number> {
  const value = readJsonObject(join(directory, 'pids.json'));
  return Object.fromEntries(Object.entries(value).map(([name, pid]) => [name, Number(pid)]));
}

function notes(): string[] {
  return readFileSync(join(directory, 'notes'), 'utf8').trim().split('\n');
}

/** Everything that any start in this test's directory has started and that still lives. */
function survivors(): ReturnType<typeof findByEnvironment> {
  return findByEnvironment(stackMarker, (value) => value.startsWith(`${directory}|`));
}

async function watchdogPid(stack: Stack): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = /^\d+ \(.*\) \S+ (\d+)/s.exec(
        readFileSync(`/proc/${pid}/stat`, 'latin1'),
      )?.[1];
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (parent === String(stack.pid) && command.includes('watchdog.ts')) return Number(pid);
    } catch {
      // It ended while this was looking.
    }
  }
  throw new Error('no watchdog');
}

describe('the supervisor', () => {
  test('starts a part after those that it needs and stops all in reverse order', async () => {
    const stack = await startReady();
    expect(notes()[0]).toBe('first up');
    expect(notes().toSorted()).toEqual(['first up', 'second up', 'third up']);
    expect(await survivors()).toHaveLength(4);
    process.kill(stack.pid, 'SIGTERM');
    expect(await stack.exit).toBe(0);
    expect(notes().slice(3)).toEqual(['third refuses', 'second down', 'first down']);
    expect(await survivors()).toEqual([]);
  });

  test('stops on Ctrl-C, also one that arrives twice', async () => {
    const stack = await startReady();
    process.kill(stack.pid, 'SIGINT');
    process.kill(stack.pid, 'SIGINT');
    expect(await stack.exit).toBe(0);
    expect(stack.output()).toContain('Stopped.');
    expect(stack.output()).not.toContain('at once');
    expect(await survivors()).toEqual([]);
  });

  test('stops while it is still starting', async () => {
    const stack = start();
    await until(() => existsSync(join(directory, 'pids.json')), stack.output);
    process.kill(stack.pid, 'SIGTERM');
    expect(await stack.exit).toBe(0);
    expect(await survivors()).toEqual([]);
  });

  test('starts a killed part again on the same port, and ends what that had started', async () => {
    const stack = await startReady();
    const before = pids();
    const port = readFileSync(join(directory, 'logs', 'second.log'), 'utf8').trim();
    process.kill(before['second'] ?? 0, 'SIGKILL');
    await until(() => notes().filter((note) => note === 'second up').length === 2, stack.output);
    const after = pids();
    expect(after['second']).not.toBe(before['second']);
    expect({ ...after, second: 0 }).toEqual({ ...before, second: 0 });
    const log = readFileSync(join(directory, 'logs', 'second.log'), 'utf8')
      .trim()
      .split('\n');
    expect(log).toEqual([port, port]);
    // Three parts and one child of the second: the killed one's child is gone.
    await until(async () => (await survivors()).length === 4, stack.output);
    expect(stack.output()).toMatch(/second died \(signal SIGKILL\), starting it again/);
  });

  test('gives up after more than five deaths, naming the part and its last words', async () => {
    const stack = start([], { STAND_IN_CRASH: '3' });
    expect(await stack.exit).toBe(1);
    expect(stack.output().match(/second died \(exit code 3\), starting it again/g)).toHaveLength(5);
    expect(stack.output()).toContain(
      'Too many parts died: 6 deaths within 60 s, the last of second (exit code 3)',
    );
    expect(stack.output()).toContain('the reason of the crash');
    expect(await survivors()).toEqual([]);
  });

  test('does not start a part again that refuses its configuration', async () => {
    const stack = start([], { STAND_IN_CRASH: '78' });
    expect(await stack.exit).toBe(1);
    expect(stack.output()).toContain('second refuses its configuration');
    expect(stack.output()).toContain('the reason of the crash');
    expect(stack.output()).not.toContain('starting it again');
    expect(await survivors()).toEqual([]);
  });

  test('that is killed leaves nothing running', async () => {
    const stack = await startReady();
    expect(await survivors()).toHaveLength(4);
    process.kill(stack.pid, 'SIGKILL');
    await stack.exit;
    await until(async () => (await survivors()).length === 0);
    expect(notes()).toContain('second down');
  });

  test('that is killed with its watchdog is cleaned up after by the next start', async () => {
    const stack = await startReady();
    const watchdog = await watchdogPid(stack);
    // Stopped first, or it would start another watchdog.
    process.kill(stack.pid, 'SIGSTOP');
    process.kill(watchdog, 'SIGKILL');
    process.kill(stack.pid, 'SIGKILL');
    await stack.exit;
    await sleep(300);
    const orphans = await survivors();
    expect(orphans).toHaveLength(4);
    const next = await startReady();
    expect(next.output()).toContain('that an earlier start had left behind');
    const alive = (await survivors()).map(({ pid }) => pid);
    expect(alive).toHaveLength(4);
    for (const { pid } of orphans) expect(alive).not.toContain(pid);
    process.kill(next.pid, 'SIGTERM');
    expect(await next.exit).toBe(0);
  });

  test('keeps a watchdog running', async () => {
    const stack = await startReady();
    const first = await watchdogPid(stack);
    process.kill(first, 'SIGKILL');
    await until(async () => (await watchdogPid(stack).catch(() => first)) !== first);
    expect(stack.output()).not.toContain('died');
    await sleep(200);
    process.kill(stack.pid, 'SIGKILL');
    await until(async () => (await survivors()).length === 0);
  });

  test('leaves a stranger alone that got the process id of a recorded part', async () => {
    const stranger = spawn('sleep', ['1000'], { detached: true });
    started.push(stranger);
    const pid = stranger.pid ?? 0;
    const processes = [{ pid, startTime: '1' }];
    writeFileSync(join(directory, 'processes.json'), JSON.stringify({ processes }));
    const stack = await startReady();
    expect(await identify(pid)).not.toBeNull();
    expect(stack.output()).not.toContain('left behind');
  });

  test('refuses a second start while one is running, and does not disturb it', async () => {
    const stack = await startReady();
    const before = pids();
    const second = start(['--fresh']);
    expect(await second.exit).toBe(1);
    expect(second.output()).toContain(
      `is already running from this checkout, as process ${stack.pid}`,
    );
    expect(pids()).toEqual(before);
    expect(await survivors()).toHaveLength(4);
  });

  test('waits for an earlier start that is stopping', async () => {
    const stack = await startReady();
    process.kill(stack.pid, 'SIGTERM');
    await until(() => stack.output().includes('Stopping ...'), stack.output);
    const next = await startReady();
    expect(next.output()).toContain(`Waiting for process ${stack.pid}`);
    expect(await stack.exit).toBe(0);
    expect(await survivors()).toHaveLength(4);
  });

  test('keeps its state between starts and begins anew where asked to', async () => {
    const run = async (flags: readonly string[]): Promise<boolean> => {
      const stack = await startReady(flags);
      const kept = existsSync(join(directory, 'kept'));
      writeFileSync(join(directory, 'kept'), '');
      process.kill(stack.pid, 'SIGTERM');
      expect(await stack.exit).toBe(0);
      return kept;
    };
    expect([await run([]), await run([]), await run(['--fresh'])]).toEqual([false, true, false]);
  });

  test('started by npm stops when npm has been killed', async () => {
    const command = `npm_lifecycle_event=start exec ${process.execPath} ${script} ${directory}`;
    // The shell in the middle is what npm runs a script with; it does not pass on how npm ended.
    const launcher = spawn('sh', ['-c', `sh -c '${command}; true' & wait`], { stdio: 'ignore' });
    started.push(launcher);
    await until(() => existsSync(join(directory, 'ready')));
    const { pid } = readJsonObject(join(directory, 'supervisor.lock.1'));
    launcher.kill('SIGKILL');
    await until(async () => (await identify(Number(pid))) === null);
    expect(await survivors()).toEqual([]);
    expect(notes()).toContain('first down');
  });
});
