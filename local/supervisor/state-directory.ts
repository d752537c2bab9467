import { randomUUID } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { endMarked, endProcesses } from './end-processes.ts';
import { readJsonObject, writeJsonFile } from './json-file.ts';
import { tryLock, waitForLock, type Lock } from './lock.ts';
import { isProcessIdentity, type ProcessIdentity } from './process-identity.ts';

/** The directory that keeps a stack's state, held by this process. */
export interface StateDirectory {
  readonly path: string;
  /** Marker of the processes of this run. */
  readonly marker: string;
  /** Path of a file or directory in it. */
  file(...names: string[]): string;
  /** Writes down what runs, for the next start to end should nobody else do it. */
  recordProcesses(processes: readonly ProcessIdentity[]): void;
  /** Says that this run is ending: a next start then waits for its end instead of refusing. */
  noteStopping(): void;
  release(): Promise<void>;
}

/** Another start of the same state directory is running. */
export class AlreadyRunningError extends Error {
  override readonly name = 'AlreadyRunningError';
}

/** How long leftovers of a killed start may take to end by themselves. */
const leftoverGraceMs = 5_000;

const lockName = 'supervisor.lock';
const processesName = 'processes.json';
const stoppingName = 'stopping';

/**
 * Takes the state directory for this process: refuses where another start holds it, ends what a killed
 * start left running, and empties it where asked to.
 *
 * @param report is told how many leftovers were ended
 * @throws AlreadyRunningError
 */
export async function openStateDirectory(
  directory: string,
  options: { readonly fresh: boolean; readonly report: (line: string) => void },
): Promise<StateDirectory> {
  await mkdir(directory, { recursive: true });
  const path = await realpath(directory);
  const lock = await lockOrRefuse(path, options.report);
  await endLeftovers(path, options.report);
  if (options.fresh) await empty(path);
  // Those of a killed start name addresses where nothing answers any more.
  for (const name of ['stack.json', 'example.json']) await rm(join(path, name), { force: true });
  await rm(join(path, stoppingName), { force: true });
  return {
    path,
    marker: `${path}|${randomUUID()}`,
    file: (...names) => join(path, ...names),
    recordProcesses: (processes) => writeJsonFile(join(path, processesName), { processes }),
    noteStopping: () => writeFileSync(join(path, stoppingName), ''),
    release: () => lock.release(),
  };
}

async function lockOrRefuse(path: string, report: (line: string) => void): Promise<Lock> {
  const attempt = await tryLock(join(path, lockName));
  if ('lock' in attempt) return attempt.lock;
  if (existsSync(join(path, stoppingName))) {
    const wait = `Waiting for process ${attempt.owner.pid}, an earlier start, which is stopping ...`;
    return waitForLock(join(path, lockName), () => report(wait));
  }
  throw new AlreadyRunningError(
    `Tenure is already running from this checkout, as process ${attempt.owner.pid} (${path}). Stop it first (Ctrl-C there).`,
  );
}

async function endLeftovers(path: string, report: (line: string) => void): Promise<void> {
  const recorded = readJsonObject(join(path, processesName))['processes'];
  const processes = Array.isArray(recorded) ? recorded.filter(isProcessIdentity) : [];
  const ended = await endProcesses(processes, leftoverGraceMs);
  const unrecorded = await endMarked((value) => value.startsWith(`${path}|`), leftoverGraceMs);
  const count = ended.length + unrecorded.length;
  if (count > 0) report(`Ended ${count} processes that an earlier start had left behind.`);
}

/** Removes everything but the lock that this process holds. */
async function empty(path: string): Promise<void> {
  for (const name of await readdir(path)) {
    if (!name.startsWith(lockName)) await rm(join(path, name), { recursive: true, force: true });
  }
}
