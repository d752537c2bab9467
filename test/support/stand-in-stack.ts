/**
 * A stack of tiny parts under the real supervisor, for its tests: `node stand-in-stack.ts DIRECTORY [--fresh]`.
 * Three web servers that are up in milliseconds; the second starts a process of its own, and the third
 * ignores SIGTERM; both give way to the first. `STAND_IN_CRASH` makes the second one end at once with that exit code.
 */
import { writeFileSync } from 'node:fs';
import { isError } from '../../local/supervisor/errors.ts';
import { writeJsonFile } from '../../local/supervisor/json-file.ts';
import type { Part } from '../../local/supervisor/part.ts';
import { accepts, freePort } from '../../local/supervisor/ports.ts';
import { runParts } from '../../local/supervisor/run-parts.ts';
import { openStateDirectory, type StateDirectory } from '../../local/supervisor/state-directory.ts';

const listen = `
  const { appendFileSync } = require('node:fs');
  const note = (what) => appendFileSync(process.env.NOTES, process.env.NAME + ' ' + what + '\\n');
  console.log('listening', process.env.PORT);
  require('node:http').createServer((_, r) => r.end('ok')).listen(process.env.PORT, '127.0.0.1', () => note('up'));
`;
const obedient = `${listen} process.on('SIGTERM', () => { note('down'); process.exit(0); });`;
const stubborn = `${listen} process.on('SIGTERM', () => note('refuses'));`;
const parent = `${obedient} require('node:child_process').spawn('sleep', ['1000'], { stdio: 'ignore' });`;

const [directory = '', flag] = process.argv.slice(2);

async function part(
  state: StateDirectory,
  name: string,
  script: string,
  after: readonly string[],
): Promise<Part> {
  const port = await freePort();
  const env = { ...process.env, PORT: String(port), NAME: name, NOTES: state.file('notes') };
  return {
    name,
    command: process.execPath,
    args: ['-e', script],
    yields: name !== 'first',
    env: () => env,
    logFile: state.file('logs', `${name}.log`),
    after,
    ready: () => accepts(port),
    readyTimeoutMs: 10_000,
    stopGraceMs: 300,
  };
}

async function run(): Promise<number> {
  const report = (line: string): void => void process.stdout.write(`${line}\n`);
  const state = await openStateDirectory(directory, { fresh: flag === '--fresh', report });
  const crash = process.env['STAND_IN_CRASH'];
  const second = crash ? `console.log('the reason of the crash'); process.exit(${crash});` : parent;
  const parts = [
    await part(state, 'first', obedient, []),
    await part(state, 'second', second, ['first']),
    await part(state, 'third', stubborn, ['first']),
  ];
  try {
    return await runParts({
      parts,
      state,
      env: process.env,
      report,
      onPids: (pids) => writeJsonFile(state.file('pids.json'), Object.fromEntries(pids)),
      onReady: () => writeFileSync(state.file('ready'), ''),
    });
  } finally {
    await state.release();
  }
}

try {
  process.exit(await run());
} catch (error) {
  process.stdout.write(`${isError(error) ? error.message : String(error)}\n`);
  process.exit(1);
}
