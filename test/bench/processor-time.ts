import { readFile } from 'node:fs/promises';

/** Milliseconds of processor time that processes have used, by name. */
export type ProcessorTime = Record<string, number>;

/** The kernel counts in hundredths of a second for every program, whatever its own clock does. */
const tickMs = 10;

/**
 * The processor time of processes and of this one (`driver`) so far. Unlike a duration it hardly depends on what
 * else the machine does. Empty where the system does not tell (not Linux).
 */
export async function processorTime(pids: Record<string, number | null>): Promise<ProcessorTime> {
  if (process.platform !== 'linux') return {};
  const { user, system } = process.cpuUsage();
  const times: ProcessorTime = { driver: (user + system) / 1000 };
  for (const [name, pid] of Object.entries(pids)) {
    if (pid === null) continue;
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    times[name] = (Number(fields[11]) + Number(fields[12])) * tickMs;
  }
  return times;
}

/** What was used between two readings, for each of `count`, with the sum as `all`. */
export function timeEach(
  before: ProcessorTime,
  after: ProcessorTime,
  count: number,
): ProcessorTime {
  const used = Object.entries(after).map(
    ([name, ms]) => [name, (ms - (before[name] ?? ms)) / count] as const,
  );
  return { ...Object.fromEntries(used), all: used.reduce((sum, [, ms]) => sum + ms, 0) };
}

/** For a line of progress: `mongod 1.2, worker 3.4, all 4.6`. */
export function inWords(time: ProcessorTime): string {
  return Object.entries(time)
    .map(([name, ms]) => `${name} ${ms.toFixed(1)}`)
    .join(', ');
}
