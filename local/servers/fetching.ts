import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { hasCode, isError } from '../supervisor/errors.ts';

const runFile = promisify(execFile);

/** How long a host may take to answer at all before the next way is tried. */
const probeTimeoutMs = 4_000;

/** A download that brings no byte for this long has failed. */
const stallTimeoutMs = 30_000;

/**
 * Checks that a host answers HTTP, whatever it answers.
 *
 * @throws an Error that names the host, after at most four seconds
 */
export async function probe(url: string): Promise<void> {
  try {
    const signal = AbortSignal.timeout(probeTimeoutMs);
    const response = await fetch(url, { method: 'HEAD', redirect: 'manual', signal });
    await response.body?.cancel();
  } catch (error) {
    throw new Error(`${new URL(url).host} cannot be reached`, { cause: error });
  }
}

/** Fetches JSON. @throws on any status but 2xx and where the host does not answer in time */
export async function fetchJson(url: string, accept = 'application/json'): Promise<unknown> {
  const signal = AbortSignal.timeout(stallTimeoutMs);
  const response = await fetch(url, { headers: { accept }, signal });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.json();
}

/**
 * Fetches a file to disk.
 *
 * @param sha256 hexadecimal; where given, a file that differs is an error
 * @throws on any status but 2xx, on a stall, on a wrong digest
 */
export async function download(url: string, path: string, sha256?: string): Promise<void> {
  const stalled = new AbortController();
  let timer = setTimeout(() => stalled.abort(), stallTimeoutMs);
  try {
    const response = await fetch(url, { signal: stalled.signal });
    if (!response.ok || response.body === null)
      throw new Error(`${url} answered ${response.status}`);
    const body = Readable.fromWeb(response.body);
    body.on('data', () => {
      clearTimeout(timer);
      timer = setTimeout(() => stalled.abort(), stallTimeoutMs);
    });
    await pipeline(body, createWriteStream(path));
  } finally {
    clearTimeout(timer);
  }
  if (sha256 !== undefined) await checkDigest(path, sha256);
}

/** @throws where the file's SHA-256 is not the expected one */
export async function checkDigest(path: string, sha256: string): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const actual = hash.digest('hex');
  if (actual !== sha256) throw new Error(`${path} has SHA-256 ${actual}, expected ${sha256}`);
}

/**
 * Runs a command to its end.
 *
 * @returns what it wrote to stdout
 * @throws an Error with the last lines of stderr
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; timeoutMs?: number; cwd?: string } = {},
): Promise<string> {
  try {
    const { stdout } = await runFile(command, args, {
      env: options.env ?? process.env,
      timeout: options.timeoutMs ?? 60_000,
      maxBuffer: 64 * 1024 * 1024,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    return stdout;
  } catch (error) {
    throw new Error(`${command} ${args[0] ?? ''} failed: ${failureText(error)}`, { cause: error });
  }
}

function failureText(error: unknown): string {
  if (!isError(error)) return String(error);
  if (hasCode(error, 'ENOENT')) return 'no such command';
  if ('killed' in error && error.killed === true) return 'it took too long';
  const stderr = 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim() : '';
  return stderr.split('\n').slice(-3).join(' | ') || error.message;
}

/** The first executable of this name on the PATH of the given environment, or null. */
export async function which(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | null> {
  for (const directory of (env['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    const path = join(directory, process.platform === 'win32' ? `${name}.exe` : name);
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  return null;
}

/**
 * Refuses a version that is too old.
 *
 * @param text holds the version as the first `major.minor` of the pattern
 * @throws where it is missing or older than `minimum`
 */
export function atLeast(version: string, minimum: readonly [number, number]): string {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > minimum[0] || (major === minimum[0] && minor >= minimum[1])) return version;
  throw new Error(`version ${version} is older than ${minimum.join('.')}`);
}
