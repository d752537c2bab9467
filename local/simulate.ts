import '../platform/check-node.js';

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parseArguments, UsageError } from './simulator/cli-arguments.ts';
import type { CliRequest } from './simulator/cli-arguments.ts';
import { describeAnswer } from './simulator/cli-answers.ts';
import { usage } from './simulator/cli-usage.ts';

/**
 * `npm run simulate -- <command>`: tells the running directory simulator what happens to people. The address is the
 * `stack.json` in `.tenure/` (or `TENURE_STATE_DIRECTORY`) names, unless `SIMULATOR_URL` says another.
 */
async function main(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  let request: CliRequest | undefined;
  try {
    request = parseArguments(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\nAll commands: npm run simulate -- help\n`);
    return 2;
  }
  if (request === undefined) {
    process.stdout.write(usage);
    return 0;
  }
  const url = env['SIMULATOR_URL'] ?? stackAddress(env);
  if (url === undefined) {
    process.stderr.write('The simulator is not running here: start it with npm start.\n');
    return 1;
  }
  return send(url, request);
}

/** What the embedded stack wrote down about itself, if it runs. */
function stackAddress(env: NodeJS.ProcessEnv): string | undefined {
  const directory = env['TENURE_STATE_DIRECTORY'] ?? join(import.meta.dirname, '../.tenure');
  let stack: unknown;
  try {
    stack = JSON.parse(readFileSync(join(directory, 'stack.json'), 'utf8'));
  } catch {
    return undefined;
  }
  if (typeof stack !== 'object' || stack === null || !('simulatorUrl' in stack)) return undefined;
  return typeof stack.simulatorUrl === 'string' ? stack.simulatorUrl : undefined;
}

async function send(url: string, request: CliRequest): Promise<number> {
  let response: Response;
  try {
    response = await fetch(url + request.path, {
      method: request.method,
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
  } catch {
    process.stderr.write(`Nothing answers at ${url}: start the simulator with npm start.\n`);
    return 1;
  }
  const answer: unknown = await response.json();
  if (response.ok) {
    process.stdout.write(`${describeAnswer(request.path, answer)}\n`);
    return 0;
  }
  const message =
    typeof answer === 'object' && answer !== null && 'message' in answer
      ? String(answer.message)
      : `The simulator answered ${response.status}.`;
  process.stderr.write(`${message}\n`);
  return 1;
}

process.exitCode = await main(process.argv.slice(2), process.env);
