import { mkdtemp, readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Linux keeps what is in here in memory. */
const memory = '/dev/shm';
/** A mongod's journal and oplog take 600 MB at most, a Temporal server's database less; a few run at once. */
const enoughRoom = 4 * 1024 ** 3;
/** Longer than any run of the tests. */
const abandonedAfterMs = 2 * 60 * 60_000;

/**
 * Makes a directory for the data of test servers: in memory where the system offers enough of it, otherwise where
 * temporary files are kept. On a disk servers mostly wait for it: the tests create thousands of collections
 * and write nothing that is not synced. Killing a process loses nothing in either place.
 *
 * @param prefix begins the directory's name, after `tenure-`
 */
export async function makeServerDirectory(prefix: string): Promise<string> {
  const isInMemory = await memoryHasRoom();
  if (isInMemory) await removeAbandoned();
  // The process id tells the next run whether the directory still belongs to somebody.
  return mkdtemp(join(isInMemory ? memory : tmpdir(), `tenure-${prefix}-${process.pid}-`));
}

async function memoryHasRoom(): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(memory);
    // What the file system allows may be more than the machine has left.
    const available = /^MemAvailable:\s+(\d+) kB$/m.exec(await readFile('/proc/meminfo', 'utf8'));
    return Math.min(bavail * bsize, Number(available?.[1] ?? 0) * 1024) >= enoughRoom;
  } catch {
    return false;
  }
}

/** Removes what killed runs left behind: it would take up memory until the machine restarts. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(memory)) {
    const pid = /^tenure-[a-z]+-(\d+)-\w+$/.exec(name)?.[1];
    if (pid === undefined || isRunning(Number(pid))) continue;
    const path = join(memory, name);
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    // A young one may be that of another container, whose processes cannot be seen from here.
    if (age > abandonedAfterMs) await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
