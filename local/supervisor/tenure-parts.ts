import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { mongodPart, temporalPart } from '../servers/parts.ts';
import type { Part } from './part.ts';
import {
  serviceEnvironment,
  simulatorEnvironment,
  type EnvironmentInput,
} from './stack-environment.ts';
import type { StackPorts } from './stack-ports.ts';
import type { StackServers } from './stack-servers.ts';
import type { StateDirectory } from './state-directory.ts';

/** What the parts of Tenure's stack are made of. */
export interface TenurePartsInput extends EnvironmentInput {
  /** The checkout. */
  readonly root: string;
  readonly state: StateDirectory;
  readonly servers: StackServers;
  readonly ports: StackPorts;
  /** Where a watcher reads what happens to people in the demo. */
  readonly report: (line: string) => void;
}

/**
 * The parts of the embedded stack in the order of starting. mongod, Temporal and the simulator start at the
 * same time; API and worker once the stores answer. The API is ready when a worker polls, so both wait for
 * its one answer.
 */
export function tenureParts(input: TenurePartsInput): readonly Part[] {
  const stores = storeParts(input);
  const after = stores.map(({ name }) => name);
  const { simulatorUrl } = input.addresses;
  return [
    ...stores,
    ...(simulatorUrl === null ? [] : [simulatorPart(input, simulatorUrl)]),
    servicePart(input, 'api', 'api/main.ts', after),
    servicePart(input, 'worker', 'workers/main.ts', after),
  ];
}

function storeParts(input: TenurePartsInput): Part[] {
  const { servers, state, ports, env } = input;
  const place = (name: string): Parameters<typeof mongodPart>[2] => {
    const dataDirectory = state.file(name);
    mkdirSync(dataDirectory, { recursive: true });
    return { dataDirectory, logDirectory: state.file('logs'), env };
  };
  const { mongod, temporal } = servers;
  const temporalPorts = { port: ports.temporal, uiPort: ports.temporalUi };
  return [
    ...(mongod === null ? [] : [mongodPart(mongod.path, ports.mongod, place('mongod'))]),
    ...(temporal === null ? [] : [temporalPart(temporal.path, temporalPorts, place('temporal'))]),
  ];
}

function simulatorPart(input: TenurePartsInput, url: string): Part {
  const stateFile = input.state.file('simulator.json');
  return {
    name: 'simulator',
    command: process.execPath,
    args: [join(input.root, 'local/simulator/main.ts')],
    // Asked at each start: the state file that the first start wrote must survive the second.
    env: () =>
      simulatorEnvironment(input, {
        port: input.ports.simulator,
        stateFile,
        fresh: !existsSync(stateFile),
      }),
    logFile: input.state.file('logs', 'simulator.log'),
    // The story of the demo is what a newcomer came to see.
    filterLog: (line) => {
      if (line.startsWith('simulator: ')) input.report(line.replace('simulator: ', '  demo  '));
      return line;
    },
    after: [],
    ready: () => answers(`${url}/health`),
    readyTimeoutMs: 60_000,
    stopGraceMs: 5_000,
  };
}

function servicePart(
  input: TenurePartsInput,
  name: 'api' | 'worker',
  entry: string,
  after: readonly string[],
): Part {
  return {
    name,
    command: process.execPath,
    args: [join(input.root, entry)],
    env: () => serviceEnvironment(input),
    yields: name === 'worker',
    logFile: input.state.file('logs', `${name}.log`),
    after,
    ready: () => answers(`${input.addresses.apiUrl}/health/ready`),
    readyTimeoutMs: 120_000,
    stopGraceMs: 15_000,
  };
}

/** Whether an address answers 200. */
async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}
