import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mongodUrl } from '../servers/mongod-process.ts';
import { elapsed } from '../servers/progress.ts';
import { ServerNotFoundError } from '../servers/resolve.ts';
import { isError } from './errors.ts';
import { exampleFacts, isExamplesOwn, writeExampleFile } from './example-file.ts';
import { runParts } from './run-parts.ts';
import { keptSecrets } from './secrets.ts';
import { adminKeys } from './stack-environment.ts';
import { stackFileWriter, type StackAddresses } from './stack-file.ts';
import { choosePorts, PortTakenError, type StackPorts } from './stack-ports.ts';
import { resolveStackServers, type StackServers } from './stack-servers.ts';
import { AlreadyRunningError, openStateDirectory, type StateDirectory } from './state-directory.ts';
import { summary } from './summary.ts';
import { tenureParts, type TenurePartsInput } from './tenure-parts.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What `npm start` was given. */
export interface StackOptions {
  readonly args: readonly string[];
  readonly env: Environment;
  /** The checkout. State goes to `.tenure/` in it, or to `TENURE_STATE_DIRECTORY`. */
  readonly root: string;
  readonly report: (line: string) => void;
}

/** What the user can put right. Only its message is shown. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Runs the whole embedded stack until it is stopped.
 *
 * @returns the exit code of the process
 */
export async function runTenureStack(options: StackOptions): Promise<number> {
  try {
    const { fresh } = parseStackArguments(options.args);
    const directory = options.env['TENURE_STATE_DIRECTORY'] || join(options.root, '.tenure');
    const state = await openStateDirectory(directory, { fresh, report: options.report });
    try {
      return await runWith(options, state);
    } finally {
      for (const name of ['stack.json', 'example.json']) rmSync(state.file(name), { force: true });
      await state.release();
    }
  } catch (error) {
    if (!isForPeople(error)) throw error;
    options.report(error.message);
    return 1;
  }
}

function isForPeople(error: unknown): error is Error {
  const kinds = [
    UsageError,
    AlreadyRunningError,
    PortTakenError,
    ServerNotFoundError,
    AggregateError,
  ];
  return kinds.some((kind) => error instanceof kind);
}

function parseStackArguments(args: readonly string[]): { fresh: boolean } {
  try {
    const { values } = parseArgs({ args: [...args], options: { fresh: { type: 'boolean' } } });
    return { fresh: values.fresh ?? false };
  } catch (error) {
    const reason = isError(error) ? error.message : String(error);
    throw new UsageError(`${reason}\nUsage: npm start [-- --fresh]`, { cause: error });
  }
}

async function runWith(options: StackOptions, state: StateDirectory): Promise<number> {
  const { env, root, report } = options;
  const took = elapsed();
  const hasSimulator = wantsSimulator(env);
  const ports = await choosePorts(state.file('ports.json'), env);
  const servers = await resolveStackServers(env, report);
  const addresses = stackAddresses(env, ports, servers, hasSimulator);
  const demoConfig = join(root, 'local/demo/acme.yaml');
  const input: TenurePartsInput = {
    root,
    state,
    servers,
    ports,
    report,
    env,
    addresses,
    apiPort: ports.api,
    workerPort: ports.worker,
    secrets: keptSecrets(state.file('secrets.json')),
    demoConfig: existsSync(demoConfig) ? demoConfig : null,
  };
  const parts = tenureParts(input);
  const names = parts.map(({ name }) => name);
  const example = exampleFacts(input);
  writeExampleFile(state.file('example.json'), example);
  report(`Starting ${names.join(', ')} ...`);
  return runParts({
    parts,
    state,
    env,
    report,
    onPids: stackFileWriter(state.file('stack.json'), addresses, names),
    onReady: () =>
      report(
        summary(addresses, {
          admins: adminKeys(input),
          observing: env['TENURE_MODE'] === 'observe',
          callsExample: isExamplesOwn(example.hostFile, root),
          seconds: took(),
          logs: state.file('logs'),
          workerMetricsUrl: workerMetricsUrl(env['TENURE_WORKER_PORT'] || String(ports.worker)),
        }),
      ),
  });
}

/** On where the user gives no key of the real WorkOS, unless it says otherwise. */
function wantsSimulator(env: Environment): boolean {
  const wanted = env['TENURE_SIMULATOR'] || (env['WORKOS_API_KEY'] ? 'off' : 'on');
  if (wanted !== 'on' && wanted !== 'off') {
    throw new UsageError(`TENURE_SIMULATOR must be on or off, not "${wanted}".`);
  }
  if (wanted === 'off' && !env['WORKOS_API_KEY']) {
    throw new UsageError('Without the simulator (TENURE_SIMULATOR=off), set WORKOS_API_KEY.');
  }
  return wanted === 'on';
}

/** 0: the worker serves none. */
function workerMetricsUrl(port: string): string | null {
  return Number(port) === 0 ? null : `http://127.0.0.1:${Number(port)}/metrics`;
}

function localUrl(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function stackAddresses(
  env: Environment,
  ports: StackPorts,
  servers: StackServers,
  hasSimulator: boolean,
): StackAddresses {
  return {
    apiUrl: localUrl(ports.api),
    consoleUrl: `${localUrl(ports.api)}/console`,
    mongodbUrl: env['MONGODB_URL'] || mongodUrl(ports.mongod),
    temporalAddress: env['TEMPORAL_ADDRESS'] || `127.0.0.1:${ports.temporal}`,
    temporalUiUrl: servers.temporal === null ? null : localUrl(ports.temporalUi),
    temporalCli: servers.temporalCli,
    simulatorUrl: hasSimulator ? localUrl(ports.simulator) : null,
  };
}
