import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { waitForLock } from '../supervisor/lock.ts';
import { elapsed, reasonOf } from './progress.ts';

/** A server's executable that was found, fetched or built, and was seen to answer. */
export interface ResolvedServer {
  readonly name: string;
  /** Absolute path of the executable. */
  readonly path: string;
  readonly version: string;
  /** Where it came from, for people: `PATH`, `official download`, `PyPI wheel ...`. */
  readonly origin: string;
}

/** What the ways of finding a server may use of their surroundings. */
export interface ResolveContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Directory outside the checkout that keeps what was fetched. */
  readonly cacheDirectory: string;
  /** Takes one line of progress. */
  readonly report: (line: string) => void;
}

/** One way to fetch or build a server. */
export interface Way {
  /** For people: `official download (fastdl.mongodb.org)`. */
  readonly name: string;
  /**
   * Puts the executable into `scratch` (an empty directory that becomes the cache entry).
   *
   * @returns the path of the executable, relative to `scratch`
   * @throws an Error whose message says why this way is closed here
   */
  install(context: ResolveContext, scratch: string): Promise<string>;
}

/** How one server is found. */
export interface ServerRecipe {
  readonly name: string;
  /** Name of the cache entry. Change it when what is cached can no longer be used. */
  readonly cacheKey: string;
  /** Looks on the PATH; null where there is none there. */
  findOnPath(context: ResolveContext): Promise<string | null>;
  /** Runs the executable for its version; throws where it does not run or is too old. */
  verify(path: string): Promise<string>;
  /** In the order in which they are tried. */
  readonly ways: readonly Way[];
  /** What the user can do when every way fails. */
  readonly advice: readonly string[];
}

/** No way led to a server. The message lists what was tried, why each failed and what to do. */
export class ServerNotFoundError extends Error {
  override readonly name = 'ServerNotFoundError';
}

/** The context of a real run: `$XDG_CACHE_HOME/tenure`, else `~/.cache/tenure`. */
export function resolveContext(
  env: Readonly<Record<string, string | undefined>>,
  report: (line: string) => void,
): ResolveContext {
  const base = env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return { env, cacheDirectory: join(base, 'tenure'), report };
}

/**
 * Finds a server: PATH, cache, then each way of the recipe. Two processes may resolve at once: the second
 * waits and finds the first one's result in the cache.
 *
 * @throws ServerNotFoundError
 */
export async function resolveServer(
  recipe: ServerRecipe,
  context: ResolveContext,
): Promise<ResolvedServer> {
  const failures: string[] = [];
  const early = (await onPath(recipe, context, failures)) ?? (await cached(recipe, context, []));
  if (early !== null) return early;
  const lock = await waitForLock(`${entryDirectory(recipe, context)}.lock`, (owner) => {
    context.report(`${recipe.name}: waiting for process ${owner.pid}, which is fetching it`);
  });
  try {
    const late = await cached(recipe, context, failures);
    return late ?? (await firstThatWorks(recipe, context, failures));
  } finally {
    await lock.release();
  }
}

async function onPath(
  recipe: ServerRecipe,
  context: ResolveContext,
  failures: string[],
): Promise<ResolvedServer | null> {
  const path = await recipe.findOnPath(context);
  if (path === null) {
    failures.push('PATH: not there');
    return null;
  }
  try {
    return { name: recipe.name, path, version: await recipe.verify(path), origin: 'PATH' };
  } catch (error) {
    failures.push(`PATH: ${path}: ${reasonOf(error)}`);
    return null;
  }
}

async function cached(
  recipe: ServerRecipe,
  context: ResolveContext,
  failures: string[],
): Promise<ResolvedServer | null> {
  const directory = entryDirectory(recipe, context);
  let entry: CacheEntry;
  try {
    entry = parseEntry(await readFile(join(directory, 'entry.json'), 'utf8'));
  } catch {
    failures.push(`cache: nothing in ${directory}`);
    return null;
  }
  try {
    const path = join(directory, entry.executable);
    const origin = `cache, from ${entry.origin}`;
    return { name: recipe.name, path, version: await recipe.verify(path), origin };
  } catch (error) {
    failures.push(`cache: ${directory}: ${reasonOf(error)}`);
    return null;
  }
}

async function firstThatWorks(
  recipe: ServerRecipe,
  context: ResolveContext,
  failures: string[],
): Promise<ResolvedServer> {
  const directory = entryDirectory(recipe, context);
  for (const way of recipe.ways) {
    const scratch = `${directory}.new-${randomUUID()}`;
    const took = elapsed();
    try {
      await mkdir(scratch, { recursive: true });
      const executable = await way.install(context, scratch);
      const version = await recipe.verify(join(scratch, executable));
      const entry: CacheEntry = { executable, origin: way.name };
      await writeFile(join(scratch, 'entry.json'), JSON.stringify(entry));
      await replaceDirectory(scratch, directory);
      context.report(`${recipe.name}: ${version} is ready after ${took()} (${way.name})`);
      return { name: recipe.name, path: join(directory, executable), version, origin: way.name };
    } catch (error) {
      failures.push(`${way.name}: ${reasonOf(error)}`);
      context.report(`${recipe.name}: ${way.name} failed after ${took()}: ${reasonOf(error)}`);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
  throw new ServerNotFoundError(notFoundMessage(recipe, failures));
}

function notFoundMessage(recipe: ServerRecipe, failures: readonly string[]): string {
  const tried = bullets(failures);
  const advice = bullets(recipe.advice);
  return `${recipe.name} was not found. Tried:\n${tried}\nWhat you can do:\n${advice}`;
}

function bullets(lines: readonly string[]): string {
  return lines.map((line) => `  - ${line}`).join('\n');
}

/** A reader sees the old entry or the new one, never half of one. */
async function replaceDirectory(from: string, to: string): Promise<void> {
  const old = `${to}.old-${randomUUID()}`;
  await rename(to, old).catch(() => undefined);
  await rename(from, to);
  await rm(old, { recursive: true, force: true });
}

function entryDirectory(recipe: ServerRecipe, context: ResolveContext): string {
  const key = `${recipe.cacheKey}-${process.platform}-${process.arch}`;
  return join(context.cacheDirectory, 'servers', key);
}

interface CacheEntry {
  readonly executable: string;
  readonly origin: string;
}

function parseEntry(text: string): CacheEntry {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error('not an object');
  if (!('executable' in value) || typeof value.executable !== 'string')
    throw new Error('bad entry');
  if (!('origin' in value) || typeof value.origin !== 'string') throw new Error('bad entry');
  return { executable: value.executable, origin: value.origin };
}
