import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  resolveContext,
  resolveServer,
  ServerNotFoundError,
  type ResolveContext,
  type ServerRecipe,
  type Way,
} from '../../local/servers/resolve.ts';

let home: string;
let lines: string[];
let context: ResolveContext;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'tenure-resolve-'));
  lines = [];
  context = resolveContext({ XDG_CACHE_HOME: home }, (line) => lines.push(line));
});

afterEach(() => rm(home, { recursive: true, force: true }));

function way(name: string, work: (scratch: string) => Promise<string>): Way {
  return { name, install: (_, scratch) => work(scratch) };
}

function working(name: string, calls: string[] = []): Way {
  return way(name, async (scratch) => {
    calls.push(name);
    await writeFile(join(scratch, 'binary'), name);
    return 'binary';
  });
}

function failing(name: string, reason: string): Way {
  return way(name, () => Promise.reject(new Error(reason)));
}

function recipe(ways: readonly Way[], changes: Partial<ServerRecipe> = {}): ServerRecipe {
  return {
    name: 'thing',
    cacheKey: 'thing-1',
    findOnPath: async () => null,
    verify: async () => '1.2.3',
    ways,
    advice: ['install thing', 'or set THING_ADDRESS'],
    ...changes,
  };
}

describe('the resolution of a server', () => {
  test('takes the one on the PATH before all else', async () => {
    const calls: string[] = [];
    const found = await resolveServer(
      recipe([working('download', calls)], { findOnPath: async () => '/usr/bin/thing' }),
      context,
    );
    expect(found).toEqual({
      name: 'thing',
      path: '/usr/bin/thing',
      version: '1.2.3',
      origin: 'PATH',
    });
    expect(calls).toEqual([]);
  });

  test('passes over one on the PATH that is too old', async () => {
    const found = await resolveServer(
      recipe([working('download')], {
        findOnPath: async () => '/usr/bin/thing',
        verify: async (path) => {
          if (path === '/usr/bin/thing') throw new Error('version 0.9 is older than 1.0');
          return '1.2.3';
        },
      }),
      context,
    );
    expect(found.origin).toBe('download');
  });

  test('tries the ways in order and keeps what the first working one brings', async () => {
    const calls: string[] = [];
    const ways = [failing('official', 'host is down'), working('b', calls), working('c', calls)];
    const found = await resolveServer(recipe(ways), context);
    expect(found).toMatchObject({ version: '1.2.3', origin: 'b' });
    expect(calls).toEqual(['b']);
    expect(lines.join('\n')).toMatch(/official failed .*host is down/);
  });

  test('uses the cache the second time', async () => {
    const calls: string[] = [];
    const first = await resolveServer(recipe([working('download', calls)]), context);
    const second = await resolveServer(recipe([working('download', calls)]), context);
    expect(calls).toEqual(['download']);
    expect(second).toEqual({ ...first, origin: 'cache, from download' });
  });

  test('fetches again where what is cached does not run any more', async () => {
    const calls: string[] = [];
    await resolveServer(recipe([working('download', calls)]), context);
    let broken = true;
    const verify = async (path: string): Promise<string> => {
      if (broken && !path.includes('.new-')) throw new Error('no such library');
      broken = false;
      return '1.2.3';
    };
    const found = await resolveServer(recipe([working('download', calls)], { verify }), context);
    expect(calls).toEqual(['download', 'download']);
    expect(found.origin).toBe('download');
  });

  test('does not keep what does not run', async () => {
    const verify = async (): Promise<string> => {
      throw new Error('wrong processor');
    };
    const attempt = resolveServer(recipe([working('download')], { verify }), context);
    await expect(attempt).rejects.toThrow(/download: wrong processor/);
    const left = await readdir(join(home, 'tenure', 'servers'));
    expect(left.filter((name) => !name.includes('.lock.'))).toEqual([]);
  });

  test('ends in one error with everything that was tried and what can be done', async () => {
    const ways = [failing('official', 'host is down'), failing('registry', 'no pip')];
    const attempt = resolveServer(recipe(ways), context);
    await expect(attempt).rejects.toThrow(ServerNotFoundError);
    const message = await attempt.then(
      () => '',
      (error: Error) => error.message,
    );
    expect(message).toContain(
      'thing was not found. Tried:\n  - PATH: not there\n  - cache: nothing',
    );
    expect(message).toContain('  - official: host is down\n  - registry: no pip\n');
    expect(message).toContain('What you can do:\n  - install thing\n  - or set THING_ADDRESS');
  });

  test('fetches once where two ask at the same time', async () => {
    const calls: string[] = [];
    const slow = way('download', async (scratch) => {
      calls.push('download');
      await new Promise((resolve) => setTimeout(resolve, 150));
      await writeFile(join(scratch, 'binary'), 'x');
      return 'binary';
    });
    const found = await Promise.all([1, 2, 3].map(() => resolveServer(recipe([slow]), context)));
    expect(calls).toEqual(['download']);
    expect(new Set(found.map(({ path }) => path)).size).toBe(1);
  });
});
