import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from './errors.ts';
import { identify, isAlive, isProcessIdentity, type ProcessIdentity } from './process-identity.ts';

/** Who holds a lock file: a process of a host (a cache directory may be shared by several hosts). */
export interface LockOwner extends ProcessIdentity {
  readonly host: string;
}

/** A held lock. `release` removes the file; it may be called twice. */
export interface Lock {
  release(): Promise<void>;
}

/** What an attempt to take a lock gave: the lock, or who has it. */
export type LockAttempt = { readonly lock: Lock } | { readonly owner: LockOwner };

/** Another host's lock cannot be checked; after this long it counts as forgotten. */
const foreignLockMaxAgeMs = 30 * 60_000;

/**
 * Takes a lock file for this process without waiting. A lock whose process has died is taken over, so a
 * kill -9 blocks nobody.
 *
 * @param path the lock file; its directory is made
 */
export async function tryLock(path: string): Promise<LockAttempt> {
  await mkdir(dirname(path), { recursive: true });
  const self = await identify(process.pid);
  if (self === null) throw new Error('The start time of this process cannot be read.');
  const mine = JSON.stringify({ ...self, host: hostname() });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, mine);
  try {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      if (await linkIfAbsent(draft, path))
        return { lock: { release: () => releaseOwn(path, mine) } };
      const owner = await livingOwner(path);
      if (owner !== null) return { owner };
      await removeStale(path);
    }
  } finally {
    await rm(draft, { force: true });
  }
  throw new Error(`The lock file ${path} could not be taken; delete it if nothing uses it.`);
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

/**
 * Moves a dead owner's file away. Another process may have done the same and taken the lock in between:
 * what was moved is looked at again and put back where its owner lives.
 */
async function removeStale(path: string): Promise<void> {
  const aside = `${path}.stale-${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await livingOwner(aside)) !== null) await linkIfAbsent(aside, path);
  await rm(aside, { force: true });
}

async function releaseOwn(path: string, mine: string): Promise<void> {
  const current = await readFile(path, 'utf8').catch(() => null);
  if (current === mine) await rm(path, { force: true });
}
