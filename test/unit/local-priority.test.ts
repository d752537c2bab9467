import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { startChild, type Child, type ChildCommand } from '../../local/supervisor/child.ts';
import { endProcesses } from '../../local/supervisor/end-processes.ts';
import { atLowPriority } from '../../local/supervisor/priority.ts';
import { commandOf, identify } from '../../local/supervisor/process-identity.ts';
import { nicenessOfThreads } from '../support/priorities.ts';

let directory: string;
let children: Child[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tenure-priority-'));
  children = [];
});

afterEach(async () => {
  for (const { pid } of children) {
    const identity = await identify(pid);
    if (identity !== null) await endProcesses([identity], 0);
  }
  rmSync(directory, { recursive: true, force: true });
});

/** A process with threads of its own, which says when they run. */
async function start(how: Pick<ChildCommand, 'yields'>, path = process.env['PATH']) {
  const ready = join(directory, `ready-${children.length}`);
  const program = `
    const { Worker } = require('node:worker_threads');
    require('node:fs').readFile(process.execPath, () => {});
    new Worker('setInterval(() => {}, 1000)', { eval: true }).once('online', () =>
      require('node:fs').writeFileSync(${JSON.stringify(ready)}, ''));`;
  const child = startChild({
    command: process.execPath,
    args: ['-e', program],
    env: { PATH: path },
    logFile: join(directory, 'child.log'),
    ...how,
  });
  children.push(child);
  const identity = await child.identity;
  while (!existsSync(ready)) await sleep(20);
  return { child, identity };
}

describe('a part that gives way to the others', () => {
  it('has a lower priority in each of its threads, and nobody else has', async () => {
    if (process.platform !== 'linux') return;
    const own = getPriority();
    const { child } = await start({ yields: true });
    const threads = nicenessOfThreads(child.pid);
    expect(threads.length).toBeGreaterThan(4);
    expect(new Set(threads)).toEqual(new Set([Math.min(19, own + 10)]));

    const other = await start({});
    expect(new Set(nicenessOfThreads(other.child.pid))).toEqual(new Set([own]));
  });

  it('is the process that was started, by its identity and its command, and ends as one', async () => {
    const { child, identity } = await start({ yields: true });
    expect(identity).toEqual(await identify(child.pid));
    expect(await commandOf(child.pid)).toMatch(new RegExp(`^${process.execPath} -e`));
    await endProcesses(identity === null ? [] : [identity], 5000);
    expect(await child.ended).toBe('signal SIGTERM');
  });

  it('starts as it is on a machine without nice', async () => {
    const { child } = await start({ yields: true }, directory);
    expect(await commandOf(child.pid)).toMatch(new RegExp(`^${process.execPath} -e`));
  });
});

describe('the command of a lower priority', () => {
  const invocation = { command: '/bin/it', args: ['-x'] };

  it('is found on the PATH that the process gets, the first that can be run', () => {
    const [folder, text, program] = ['folder', 'text', 'program'].map((name) =>
      join(directory, name),
    ) as [string, string, string];
    mkdirSync(join(folder, 'nice'), { recursive: true });
    for (const each of [text, program]) {
      mkdirSync(each);
      writeFileSync(join(each, 'nice'), '');
    }
    chmodSync(join(program, 'nice'), 0o755);
    expect(atLowPriority(invocation, [folder, text, program].join(':'))).toEqual({
      command: join(program, 'nice'),
      args: ['-n', '10', '/bin/it', '-x'],
    });
    expect(atLowPriority(invocation, [folder, text].join(':'))).toEqual(invocation);
  });
});
