import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

import { startTenure, type BenchStack } from './stack.ts';
import type { Figure } from './stats.ts';

/**
 * What the processes hold after a while in which nothing happens: the whole resident set, with the pages of
 * Node itself. Once as `npm start` starts them and once as the image does (production, prebuilt bundle).
 */
export async function measureMemory(
  stack: BenchStack,
  idleSeconds: number,
  report: (line: string) => void,
): Promise<Figure[]> {
  const tenures = [
    { how: 'npm start', tenure: await startTenure(stack, { name: 'idle', worker: true }) },
    {
      how: 'image',
      tenure: await startTenure(stack, { name: 'idle-production', worker: true, production: true }),
    },
  ];
  report(`memory: idle for ${idleSeconds} s`);
  await pause(idleSeconds * 1000);
  const figures: Figure[] = [];
  for (const { how, tenure } of tenures) {
    figures.push(
      await memoryOf(`API, idle, as in ${how}`, tenure.apiPid, 200),
      await memoryOf(`worker, idle, as in ${how}`, tenure.workerPid, 400),
    );
    await tenure.stop();
  }
  return figures;
}

async function memoryOf(name: string, pid: number | null, atMost: number): Promise<Figure> {
  const value = pid === null ? Number.NaN : await residentMegabytes(pid);
  return { name, unit: 'MB', value, goal: { atMost }, goalOf: 'value' };
}

/** The resident set of a process in megabytes (1,000,000 bytes). */
async function residentMegabytes(pid: number): Promise<number> {
  return ((await residentKibibytes(pid)) * 1024) / 1_000_000;
}

async function residentKibibytes(pid: number): Promise<number> {
  if (process.platform === 'linux') {
    const status = await readFile(`/proc/${pid}/status`, 'latin1');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  }
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]);
  return Number(stdout.trim());
}
