import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * A process that cannot be confused with a later one of the same number: process ids are used again, a
 * process id together with its start time is not.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Ticks since boot from `/proc/<pid>/stat`; elsewhere what `ps -o lstart=` prints. */
  readonly startTime: string;
}

/**
 * When a process started, or null where there is no such process (a zombie counts as none: it holds no
 * port and cannot be ended again).
 */
export async function processStartTime(pid: number): Promise<string | null> {
  if (process.platform !== 'linux') return startTimeFromPs(pid);
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    // The second field is the command in parentheses and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

async function startTimeFromPs(pid: number): Promise<string | null> {
  try {
    const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)]);
    return stdout.trim() || null;
  } catch {
    return null;
  }
}

/** Whether parsed JSON is a process identity. */
export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null) return false;
  if (!('pid' in value) || !('startTime' in value)) return false;
  return typeof value.pid === 'number' && typeof value.startTime === 'string';
}

/** The identity of a living process, or null. */
export async function identify(pid: number): Promise<ProcessIdentity | null> {
  const startTime = await processStartTime(pid);
  return startTime === null ? null : { pid, startTime };
}

/** Whether exactly this process (not a later one with its number) is still alive. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return (await processStartTime(identity.pid)) === identity.startTime;
}

/** The command line of a process, shortened for a message; null where it cannot be read. */
export async function commandOf(pid: number): Promise<string | null> {
  try {
    const text =
      process.platform === 'linux'
        ? (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')
        : (await run('ps', ['-o', 'command=', '-p', String(pid)])).stdout;
    return text.trim().slice(0, 120) || null;
  } catch {
    return null;
  }
}

/**
 * All processes whose environment was given a certain variable by whoever started them. It finds what no
 * record names: a child that a part started, or a part whose supervisor died before writing it down.
 * Linux only; elsewhere the answer is empty.
 *
 * @param matches tells by the variable's value
 */
export async function findByEnvironment(
  variable: string,
  matches: (value: string) => boolean,
): Promise<ProcessIdentity[]> {
  const found: ProcessIdentity[] = [];
  for (const pid of await allPids()) {
    const value = await environmentValue(pid, variable);
    const identity = value !== null && matches(value) ? await identify(pid) : null;
    if (identity !== null) found.push(identity);
  }
  return found;
}

async function allPids(): Promise<number[]> {
  try {
    return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  } catch {
    return [];
  }
}

async function environmentValue(pid: number, variable: string): Promise<string | null> {
  try {
    const environment = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
    const entry = environment.find((line) => line.startsWith(`${variable}=`));
    return entry === undefined ? null : entry.slice(variable.length + 1);
  } catch {
    return null;
  }
}
