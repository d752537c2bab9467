import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from './errors.ts';
import { identify, isAlive, isProcessIdentity, type ProcessIdentity } from './process-identity.ts';

/** Who holds a lock: a process of a host (a cache directory may be shared by several hosts). */
export interface LockOwner extends ProcessIdentity {
  readonly host: string;
}

/** A held lock. `release` may be called twice. */
export interface Lock {
  release(): Promise<void>;
}

/** What an attempt to take a lock gave: the lock, or who has it. */
export type LockAttempt = { readonly lock: Lock } | { readonly owner: LockOwner };

/** Another host's lock cannot be checked; after this long it counts as forgotten. */
const foreignLockMaxAgeMs = 30 * 60_000;

/**
 * Takes a lock for this process without waiting. A lock whose process has died is taken over, so a kill -9
 * blocks nobody.
 *
 * The lock is the newest of the files `<path>.1`, `<path>.2`, ... Taking it over means making the next one,
 * which only one process can do. Were it one file, two processes that both found it stale could each remove
 * what they took for the stale one, the second removing the first one's new lock.
 *
 * @param path where the lock files are; the directory is made
 */
export async function tryLock(path: string): Promise<LockAttempt> {
  await mkdir(dirname(path), { recursive: true });
  const self = await identify(process.pid);
  if (self === null) throw new Error('The start time of this process cannot be read.');
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify({ ...self, host: hostname() }));
  try {
    for (;;) {
      const newest = await newestGeneration(path);
      const owner = newest === 0 ? null : await livingOwner(`${path}.${newest}`);
      if (owner !== null) return { owner };
      if (await takeGeneration(path, draft, newest + 1))
        return { lock: heldLock(path, newest + 1) };
    }
  } finally {
    await rm(draft, { force: true });
  }
}

/** The highest number of a lock file; 0 where there is none. It never falls: the newest is never removed. */
async function newestGeneration(path: string): Promise<number> {
  const prefix = `${basename(path)}.`;
  const numbers = (await readdir(dirname(path)))
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)));
  return Math.max(0, ...numbers);
}

async function takeGeneration(path: string, draft: string, generation: number): Promise<boolean> {
  if (!(await linkIfAbsent(draft, `${path}.${generation}`))) return false;
  if ((await newestGeneration(path)) > generation) {
    // It had been there, was superseded and removed while this process was looking.
    await rm(`${path}.${generation}`, { force: true });
    return false;
  }
  for (let old = generation - 1; old > 0 && old >= generation - 10; old -= 1) {
    await rm(`${path}.${old}`, { force: true });
  }
  return true;
}

function heldLock(path: string, generation: number): Lock {
  let released = false;
  return {
    async release() {
      if (released) return;
      released = true;
      // Emptied, not removed: see `newestGeneration`. What names no living owner is free.
      const empty = `${path}.${randomUUID()}`;
      await writeFile(empty, '{}');
      await rename(empty, `${path}.${generation}`);
    },
  };
}

/**
 * Takes a lock, waiting for its owner as long as that lives.
 *
 * @param waiting is called once, when there is somebody to wait for
 */
export async function waitForLock(
  path: string,
  waiting: (owner: LockOwner) => void,
): Promise<Lock> {
  let told = false;
  for (;;) {
    const attempt = await tryLock(path);
    if ('lock' in attempt) return attempt.lock;
    if (!told) waiting(attempt.owner);
    told = true;
    await sleep(200);
  }
}

/** `link` fails where the target exists, in one step: two processes cannot both succeed. */
async function linkIfAbsent(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function livingOwner(path: string): Promise<LockOwner | null> {
  const owner = await readOwner(path);
  if (owner === null) return null;
  if (owner.host === hostname()) return (await isAlive(owner)) ? owner : null;
  const age = Date.now() - (await stat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
  return age < foreignLockMaxAgeMs ? owner : null;
}

async function readOwner(path: string): Promise<LockOwner | null> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isOwner(value) ? value : null;
  } catch {
    return null;
  }
}

function isOwner(value: unknown): value is LockOwner {
  return isProcessIdentity(value) && 'host' in value && typeof value.host === 'string';
}
