import { basename, join } from 'node:path';
import { rename, rm } from 'node:fs/promises';
import { extractFromZip, extractTarball } from './archives.ts';
import { download, fetchJson, probe } from './fetching.ts';
import { withProgress } from './progress.ts';
import type { Way } from './resolve.ts';

const host = 'https://temporal.download';

/**
 * Temporal's own download service, asked in the way of Temporal's SDKs.
 *
 * @param artifact `cli` or `temporal-test-server`
 */
export function officialTemporalDownload(artifact: string): Way {
  return {
    name: `official download (${new URL(host).host})`,
    async install(context, scratch) {
      await probe(host);
      const info = await archiveInfo(artifact);
      const archive = join(scratch, 'archive');
      const executable = basename(info.fileToExtract);
      await withProgress(context.report, `${artifact}: downloading ${info.archiveUrl}`, () =>
        download(info.archiveUrl, archive),
      );
      if (new URL(info.archiveUrl).pathname.endsWith('.zip')) {
        const wanted = (path: string): boolean => path === info.fileToExtract;
        await extractFromZip(archive, wanted, join(scratch, executable));
      } else {
        const unpacked = join(scratch, 'unpacked');
        await extractTarball(archive, unpacked);
        await rename(join(unpacked, info.fileToExtract), join(scratch, executable));
        await rm(unpacked, { recursive: true });
      }
      await rm(archive);
      return executable;
    },
  };
}

interface ArchiveInfo {
  readonly archiveUrl: string;
  /** Path of the executable inside the archive. */
  readonly fileToExtract: string;
}

async function archiveInfo(artifact: string): Promise<ArchiveInfo> {
  const query = new URLSearchParams({
    arch: process.arch === 'x64' ? 'amd64' : process.arch,
    platform: process.platform === 'win32' ? 'windows' : process.platform,
    format: 'tar.gz',
  });
  const value = await fetchJson(`${host}/${artifact}/default?${query.toString()}`);
  if (!isArchiveInfo(value)) throw new Error(`${host} answered something unexpected`);
  return value;
}

function isArchiveInfo(value: unknown): value is ArchiveInfo {
  if (typeof value !== 'object' || value === null) return false;
  if (!('archiveUrl' in value) || !('fileToExtract' in value)) return false;
  return typeof value.archiveUrl === 'string' && typeof value.fileToExtract === 'string';
}
