import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

/**
 * Runs the real linter with the real configuration on code that is wrong on purpose. The files are copied
 * to a temporary folder under their real folder names, because the overrides match by folder.
 */
const root = resolve(import.meta.dirname, '../..');
const fixtures = join(root, 'test/fixtures/lint');

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

/** The rules that fired, by file relative to `folder`, each list sorted. */
const lint = async (folder: string): Promise<Map<string, string[]>> => {
  const output = await new Promise<string>((done) => {
    execFile(
      process.execPath,
      [join(root, 'node_modules/oxlint/bin/oxlint'), '--type-aware', '--format=json', '.'],
      { cwd: folder, maxBuffer: 64 * 1024 * 1024 },
      (_error, stdout) => done(stdout),
    );
  });
  const report = JSON.parse(output) as { diagnostics: Diagnostic[]; number_of_files: number };
  expect(report.number_of_files).toBeGreaterThan(0);
  const fired = new Map<string, string[]>();
  for (const { code, filename } of report.diagnostics) {
    const file = relative(folder, resolve(folder, filename));
    fired.set(file, [...(fired.get(file) ?? []), code].toSorted());
  }
  return fired;
};

const prepare = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tenure-lint-'));
  cpSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  const compiler = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')) as {
    compilerOptions: object;
  };
  // No ambient types: the folder has no node_modules, and the rules under test need none.
  const compilerOptions = { ...compiler.compilerOptions, types: [] };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['**/*'] }),
  );
  return folder;
};

const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();

const expectedOf = (file: string): string[] => {
  const first = readFileSync(file, 'utf8').split('\n', 1)[0] ?? '';
  const found = /^\/\/ expect: (.+)$/.exec(first);
  return found?.[1] === undefined ? [] : found[1].split(' ').toSorted();
};

/** The import table: which folder may import values of which. Everything else is forbidden. */
const mayImport: Record<string, readonly string[]> = {
  domain: [],
  workflows: ['domain'],
  platform: ['domain'],
  transitions: ['domain', 'platform'],
  intake: ['domain', 'platform', 'transitions'],
  connectors: ['domain', 'platform'],
  activities: ['domain', 'platform', 'transitions', 'intake', 'connectors'],
  gate: [],
  api: ['domain', 'platform', 'transitions', 'intake', 'gate'],
  workers: ['domain', 'platform', 'transitions', 'intake', 'connectors', 'activities', 'gate'],
  console: [],
  cli: [],
  examples: ['gate'],
  local: ['*'],
  test: ['*'],
};
/** Folders of which, besides, types may be imported. */
const mayImportTypes: Record<string, readonly string[]> = {
  workflows: ['activities'],
  workers: ['workflows'],
};
/** Packages as values. `null`: not restricted. */
const mayUse: Record<string, readonly string[] | null> = {
  domain: [],
  workflows: ['@temporalio/workflow'],
  platform: [
    ...['node:*', 'mongodb', 'zod', 'pino', '@workos-inc/node'],
    ...['@temporalio/client', '@temporalio/common', '@temporalio/worker'],
  ],
  transitions: ['node:*', 'mongodb'],
  intake: ['node:*', 'mongodb', 'zod'],
  connectors: ['node:*', 'mongodb', 'zod', '@workos-inc/node'],
  activities: ['node:*', '@temporalio/activity', '@temporalio/common'],
  gate: ['node:*', 'mongodb'],
  api: ['node:*', 'koa', '@koa/router', 'zod', 'pino'],
  workers: null,
  console: ['node:*', 'zod'],
  cli: ['node:*', 'zod'],
  examples: null,
  local: null,
  test: null,
};
const packages = [
  ...[
    'node:crypto',
    'node:fs/promises',
    'mongodb',
    'zod',
    'pino',
    'koa',
    '@koa/router',
    '@workos-inc/node',
  ],
  ...['@temporalio/workflow', '@temporalio/activity', '@temporalio/client', '@temporalio/worker'],
  ...['@temporalio/common', '@temporalio/client/lib/connection'],
];
const folders = Object.keys(mayImport);

/** Writes one file for each cell of the table and says which of them the linter must refuse. */
const writeTable = (folder: string): { path: string; refused: boolean }[] => {
  const cells: { path: string; refused: boolean }[] = [];
  const add = (path: string, text: string, refused: boolean): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
    cells.push({ path, refused });
  };
  for (const from of folders) {
    const all = mayImport[from]?.includes('*') === true;
    for (const to of folders.filter((name) => name !== from)) {
      const values = all || mayImport[from]?.includes(to) === true;
      const types = values || mayImportTypes[from]?.includes(to) === true;
      for (const [where, up] of [
        ['', '../'],
        ['deep/', '../../'],
      ] as const) {
        const specifier = `'${up}${to}/thing.ts'`;
        const at = `${from}/${where}${to}`;
        add(`${at}-value.ts`, `export { thing } from ${specifier};\n`, !values);
        add(`${at}-late.ts`, `export const late: unknown = await import(${specifier});\n`, !values);
        add(`${at}-type.ts`, `export type { Thing } from ${specifier};\n`, !types);
      }
    }
    const used = mayUse[from];
    for (const name of packages) {
      const file = `${from}/package-${name.replaceAll(/[^a-z]/g, '-')}.ts`;
      const refused = used !== null && used?.includes(name.replace(/^node:.*/, 'node:*')) !== true;
      add(file, `export { thing } from '${name}';\n`, refused);
    }
  }
  return cells;
};

describe('the linter', () => {
  let folder: string;
  beforeAll(() => {
    folder = prepare();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('allows exactly the imports of the table', async () => {
    const table = join(folder, 'table');
    mkdirSync(table);
    cpSync(join(folder, '.oxlintrc.json'), join(table, '.oxlintrc.json'));
    cpSync(join(folder, 'tsconfig.json'), join(table, 'tsconfig.json'));
    const cells = writeTable(table);
    const fired = await lint(table);
    const refused = cells
      .filter(({ path }) => fired.get(path)?.includes('eslint(no-restricted-imports)') === true)
      .map(({ path }) => path);
    expect(refused).toEqual(cells.filter((cell) => cell.refused).map(({ path }) => path));
    expect(refused.length).toBeGreaterThan(300);
    expect(refused.length).toBeLessThan(cells.length - 100);
  }, 60_000);

  for (const kind of ['bad', 'good'] as const) {
    it(`reports exactly what each ${kind} fixture expects`, async () => {
      const copy = join(folder, kind);
      cpSync(join(fixtures, kind), copy, { recursive: true });
      cpSync(join(folder, '.oxlintrc.json'), join(copy, '.oxlintrc.json'));
      cpSync(join(folder, 'tsconfig.json'), join(copy, 'tsconfig.json'));
      const files = filesOf(join(fixtures, kind));
      const expected = files.map((file) => [file, expectedOf(join(fixtures, kind, file))]);
      const fired = await lint(copy);
      expect(files.map((file) => [file, fired.get(file) ?? []])).toEqual(expected);
      const silent = expected.filter(([, rules]) => rules?.length === 0);
      expect(silent).toHaveLength(kind === 'bad' ? 0 : files.length);
    }, 60_000);
  }

  it('has a row in the table for every source folder', () => {
    const compiler = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')) as {
      include: string[];
    };
    expect(compiler.include.filter((name) => mayImport[name] === undefined)).toEqual([]);
    expect(existsSync(fixtures)).toBe(true);
  });
});
