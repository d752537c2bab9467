import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const root = resolve(import.meta.dirname, '../..');
const script = join(root, '.ci/summarize.mjs');
const allGreen = 'install\t0\ntest\t0\ntypecheck\t0\nlint\t0\nformat\t0\n';

const suite = (status: string, ...tests: string[]): object => ({
  name: 'some.test.ts',
  status,
  assertionResults: tests.map((state, index) => ({ status: state, fullName: `test ${index}` })),
});
const report = (success: boolean, ...testResults: object[]): string =>
  JSON.stringify({ success, wasInterrupted: false, testResults });

describe('the last line of the CI run', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tenure-ci-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const summarize = (jest: string | undefined, steps: string): { last: string; code: number } => {
    const paths = [join(folder, 'jest.json'), join(folder, 'steps.tsv')] as const;
    if (jest !== undefined) writeFileSync(paths[0], jest);
    writeFileSync(paths[1], steps);
    const run = spawnSync(process.execPath, [script, ...paths], { encoding: 'utf8' });
    return { last: run.stdout.trimEnd().split('\n').at(-1) ?? '', code: run.status ?? -1 };
  };

  it('counts the tests of every suite and ends with 0 when all passed', () => {
    const jest = report(true, suite('passed', 'passed', 'passed'), suite('passed', 'passed'));
    expect(summarize(jest, allGreen)).toEqual({ last: '3 passed, 0 failed', code: 0 });
  });

  it('counts failed tests once, although the test step failed too', () => {
    const jest = report(false, suite('failed', 'passed', 'failed', 'failed'));
    const steps = allGreen.replace('test\t0', 'test\t1');
    expect(summarize(jest, steps)).toEqual({ last: '1 passed, 2 failed', code: 1 });
  });

  it('counts a suite that failed without a failed test', () => {
    const jest = report(false, suite('failed'), suite('passed', 'passed'));
    expect(summarize(jest, allGreen)).toEqual({ last: '1 passed, 1 failed', code: 1 });
  });

  it('adds one for each failed check', () => {
    const jest = report(true, suite('passed', 'passed'));
    const steps = allGreen.replace('lint\t0', 'lint\t1').replace('format\t0', 'format\t124');
    expect(summarize(jest, steps)).toEqual({ last: '1 passed, 2 failed', code: 1 });
  });

  it('does not count skipped tests as passed', () => {
    const jest = report(true, suite('passed', 'passed', 'pending', 'todo'));
    expect(summarize(jest, allGreen)).toEqual({ last: '1 passed, 0 failed', code: 0 });
  });

  it.each([
    ['missing', undefined],
    ['broken', '{"testResults": ['],
    ['of something else', '[]'],
    ['without any test', report(true)],
    [
      'of an interrupted run',
      JSON.stringify({ success: true, wasInterrupted: true, testResults: [] }),
    ],
  ])('fails where the report is %s', (_name, jest) => {
    const { last, code } = summarize(jest, allGreen);
    expect(last).toMatch(/^0 passed, [12] failed$/);
    expect(code).toBe(1);
  });

  it('fails where the run failed and no test says why', () => {
    const green = suite('passed', 'passed');
    const steps = allGreen.replace('test\t0', 'test\t1');
    expect(summarize(report(true, green), steps)).toEqual({ last: '1 passed, 1 failed', code: 1 });
    expect(summarize(report(false, green), allGreen).last).toBe('1 passed, 1 failed');
    expect(summarize(report(true, green), '').last).toBe('1 passed, 1 failed');
  });
});

/** Runs the script in a folder of its own, with an `npm` that does what `body` says. */
const runWith = (body: string, seconds = '60'): { lines: string[]; code: number | null } => {
  const folder = mkdtempSync(join(tmpdir(), 'tenure-run-'));
  try {
    cpSync(join(root, '.ci'), join(folder, '.ci'), {
      recursive: true,
      filter: (path) => !path.endsWith('/out'),
    });
    writeFileSync(join(folder, 'npm'), `#!/usr/bin/env bash\n${body}\n`, { mode: 0o755 });
    const run = spawnSync('bash', [join(folder, '.ci/run')], {
      encoding: 'utf8',
      env: {
        ...process.env,
        PATH: `${folder}:${process.env['PATH'] ?? ''}`,
        CI_LIMIT_SECONDS: seconds,
      },
    });
    return { lines: run.stdout.trimEnd().split('\n'), code: run.status };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
const writesReport = `[ "$1" = test ] && echo '${report(true, suite('passed', 'passed'))}' > "\${4#--outputFile=}"`;

describe('.ci/run', () => {
  it('is valid bash and may be executed', () => {
    execFileSync('bash', ['-n', join(root, '.ci/run')]);
    const mode = execFileSync('stat', ['-c', '%A', join(root, '.ci/run')], { encoding: 'utf8' });
    expect(mode.trim()).toMatch(/^-rwxr.xr.x$/);
  });

  it('installs, tests and checks, in this order', () => {
    const { lines, code } = runWith(`echo "ran npm $1 $2"; ${writesReport}; exit 0`);
    const ran = lines.filter((line) => line.startsWith('ran npm '));
    expect(ran).toEqual([
      'ran npm ci ',
      'ran npm test --',
      'ran npm run typecheck',
      'ran npm run lint',
      'ran npm run format:check',
    ]);
    expect(lines.at(-1)).toBe('1 passed, 0 failed');
    expect(code).toBe(0);
  });

  it('goes on after a failed check and counts it', () => {
    const { lines, code } = runWith(`${writesReport}; [ "$2" != typecheck ]`);
    expect(lines).toContain('== lint: exit code 0');
    expect(lines.at(-1)).toBe('1 passed, 1 failed');
    expect(code).toBe(1);
  });

  it('prints its last line also where the install fails', () => {
    const { lines, code } = runWith('exit 1');
    expect(lines.at(-1)).toBe('0 passed, 2 failed');
    expect(code).toBe(1);
  });

  it('stops what takes longer than the limit, and still prints its last line', () => {
    const { lines, code } = runWith('[ "$1" = ci ] || exec sleep 30', '2');
    expect(lines).toContain('== test: exit code 124');
    expect(lines.at(-1)).toBe('0 passed, 4 failed');
    expect(code).toBe(1);
  }, 20_000);
});
