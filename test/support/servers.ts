import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mongodUrl } from '../../local/servers/mongod-process.ts';
import { mongodPart, temporalPart } from '../../local/servers/parts.ts';
import type { Child } from '../../local/supervisor/child.ts';
import { endProcesses, signalGroup, stackMarker } from '../../local/supervisor/end-processes.ts';
import { startGuard } from '../../local/supervisor/guard.ts';
import { launch, waitUntilReady, type Part } from '../../local/supervisor/part.ts';
import { freePort } from '../../local/supervisor/ports.ts';
import type { ProcessIdentity } from '../../local/supervisor/process-identity.ts';
import { makeServerDirectory } from './server-directory.ts';

/** The servers that the global setup started for the whole run. */
export interface TestServers {
  /** A replica set; choose a database with {@link freshDatabaseName}. */
  readonly mongodbUrl: string;
  readonly temporalAddress: string;
  /** Executable for `TestWorkflowEnvironment.createTimeSkipping`, as `existing-path`. */
  readonly timeSkippingServer: string;
  readonly temporalCli: string;
  readonly mongod: string;
  /** File with the code of the workflow bundle; null where the workers have none yet. */
  readonly workflowBundle: string | null;
}

/** Reads the addresses that the global setup put into the environment. Only for the project `servers`. */
export function testServers(): TestServers {
  return {
    mongodbUrl: exported('TENURE_TEST_MONGODB_URL'),
    temporalAddress: exported('TENURE_TEST_TEMPORAL_ADDRESS'),
    timeSkippingServer: exported('TENURE_TEST_TIME_SKIPPING_SERVER'),
    temporalCli: exported('TENURE_TEST_TEMPORAL_CLI'),
    mongod: exported('TENURE_TEST_MONGOD'),
    workflowBundle: process.env['TENURE_TEST_WORKFLOW_BUNDLE'] ?? null,
  };
}

function exported(name: string): string {
  const value = process.env[name];
  if (value) return value;
  throw new Error(`${name} is not set: the test must belong to the jest project "servers"`);
}

/** A database name that no other test uses, at most 38 characters long. */
export function freshDatabaseName(prefix = 'test'): string {
  return `${prefix.slice(0, 20)}_${randomBytes(8).toString('hex')}`;
}

/** A part of a private stack. */
export type PrivatePart = 'mongod' | 'temporal';

/** A mongod and a Temporal server of one test's own, to be killed and started again at will. */
export interface PrivateStack {
  readonly mongodbUrl: string;
  readonly temporalAddress: string;
  readonly directory: string;
  /** Kills a part at once, as kill -9 does, and returns when it is gone. */
  kill(part: PrivatePart): Promise<void>;
  /** Starts a killed part again on the same port and data; returns when it is ready. */
  restart(part: PrivatePart): Promise<void>;
  /** Ends everything and removes the data. */
  stop(): Promise<void>;
}

/**
 * Starts a private stack on free ports. A test that dies takes it along (a watchdog ends it).
 *
 * @param only which parts to start; both where absent. The address of a part that is not started is unused
 */
export async function startPrivateStack(
  only: readonly PrivatePart[] = ['mongod', 'temporal'],
): Promise<PrivateStack> {
  const directory = await makeServerDirectory('private');
  const group = startPartGroup(`${directory}|private`);
  try {
    const [mongoPort, temporalPort] = [await freePort(), await freePort()];
    const parts = await privateParts(directory, mongoPort, temporalPort);
    await Promise.all(only.map((name) => group.start(parts[name])));
    return {
      mongodbUrl: mongodUrl(mongoPort),
      temporalAddress: `127.0.0.1:${temporalPort}`,
      directory,
      kill: (name) => group.kill(name),
      restart: (name) => group.start(parts[name]),
      stop: async () => {
        await group.stop();
        await rm(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await group.stop();
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

async function privateParts(
  directory: string,
  mongoPort: number,
  temporalPort: number,
): Promise<Record<PrivatePart, Part>> {
  const { mongod, temporalCli } = testServers();
  const place = async (name: string): Promise<Parameters<typeof mongodPart>[2]> => {
    const dataDirectory = join(directory, name);
    await mkdir(dataDirectory, { recursive: true });
    return { dataDirectory, logDirectory: directory, env: process.env };
  };
  return {
    mongod: mongodPart(mongod, mongoPort, await place('mongod')),
    temporal: noticingDeaths(
      temporalPart(temporalCli, { port: temporalPort, uiPort: null }, await place('temporal')),
    ),
  };
}

/**
 * A Temporal server that gives a workflow's task to somebody else after five seconds instead of ten, where the
 * worker that had it was killed, or its connection was cut.
 */
export function noticingDeaths(temporal: Part): Part {
  const sooner = '--dynamic-config-value=history.defaultWorkflowTaskTimeout="5s"';
  return { ...temporal, args: [...temporal.args, sooner] };
}

/** Running parts under a watchdog. */
export interface PartGroup {
  /** Starts a part and waits until it is ready. */
  start(part: Part): Promise<void>;
  kill(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** @param marker value of the marker variable of all that is started, unique to this group */
export function startPartGroup(marker: string): PartGroup {
  const guard = startGuard(marker);
  const running = new Map<string, { child: Child; identity: ProcessIdentity }>();
  const tell = (): void => guard.watch([...running.values()].map(({ identity }) => identity));
  return {
    async start(part) {
      const child = launch(part, { [stackMarker]: marker });
      const identity = await child.identity;
      if (identity !== null) running.set(part.name, { child, identity });
      tell();
      await waitUntilReady(part, child);
    },
    async kill(name) {
      const found = running.get(name);
      if (found === undefined) throw new Error(`${name} does not run`);
      signalGroup(found.child.pid, 'SIGKILL');
      await found.child.ended;
      running.delete(name);
      tell();
    },
    async stop() {
      await endProcesses(
        [...running.values()].map(({ identity }) => identity),
        10_000,
      );
      running.clear();
      tell();
      await guard.close();
    },
  };
}
