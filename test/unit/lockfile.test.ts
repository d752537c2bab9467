import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

interface Locked {
  readonly version?: string;
  readonly optionalDependencies?: Record<string, string>;
}

/**
 * npm leaves a platform's binary out of the lockfile where the registry that it asked does not serve it, and
 * then refuses its own lockfile at the next `npm ci`: on every machine, not on that platform alone.
 */
describe('package-lock.json', () => {
  const path = resolve(import.meta.dirname, '../../package-lock.json');
  const lock = JSON.parse(readFileSync(path, 'utf8')) as { packages: Record<string, Locked> };
  const packages = Object.entries(lock.packages);

  const isLocked = (from: string, name: string): boolean => {
    for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
      if (lock.packages[`${at === '' ? '' : `${at}/`}node_modules/${name}`] !== undefined)
        return true;
      if (at === '') return false;
    }
  };

  it('names every optional package of the packages in it, for every platform', () => {
    const wanted = packages.flatMap(([from, { optionalDependencies }]) =>
      Object.keys(optionalDependencies ?? {}).map((name) => ({ from, name })),
    );
    expect(wanted.length).toBeGreaterThan(20);
    expect(wanted.filter(({ from, name }) => !isLocked(from, name))).toEqual([]);
  });

  it('has a version for everything in it', () => {
    expect(packages.filter(([, { version }]) => version === undefined)).toEqual([]);
  });
});
