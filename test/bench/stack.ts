import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Client, Connection } from '@temporalio/client';
import type { MongoClient } from 'mongodb';

import { mongodRecipe } from '../../local/servers/mongod.ts';
import { mongodUrl } from '../../local/servers/mongod-process.ts';
import { mongodPart, temporalPart, type PartPlace } from '../../local/servers/parts.ts';
import { resolveContext, resolveServer } from '../../local/servers/resolve.ts';
import { temporalRecipe } from '../../local/servers/temporal.ts';
import { runCommand } from '../../local/servers/fetching.ts';
import type { Part } from '../../local/supervisor/part.ts';
import { accepts, freePort, portOwner } from '../../local/supervisor/ports.ts';
import { identify } from '../../local/supervisor/process-identity.ts';
import { connectMongo, storeOn, type Store } from '../../platform/mongo/store.ts';
import { startPartGroup, type PartGroup } from '../support/servers.ts';
import { webhookSecret } from './deliveries.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** One mongod, one Temporal development server on a file, and whatever a measurement starts besides. */
export interface BenchStack {
  mongodbUrl: string;
  temporalAddress: string;
  mongo: MongoClient;
  client: Client;
  /** Versions of what was measured on. */
  versions: Record<string, string>;
  group: PartGroup;
  /** Of the servers, by name; null where the system does not tell. */
  pids: { mongod: number | null; temporal: number | null };
  /** For logs and whatever else lives as long as the stack. */
  directory: string;
  workosUrl: string;
  stop(): Promise<void>;
}

/** Starts the servers, all of them private and on free ports. `report` takes lines of progress. */
export async function startStack(report: (line: string) => void): Promise<BenchStack> {
  const directory = await mkdtemp(join(tmpdir(), 'tenure-bench-'));
  const group = startPartGroup(`${directory}|bench`);
  const undo: (() => Promise<unknown>)[] = [
    async () => rm(directory, { recursive: true, force: true }),
    async () => group.stop(),
  ];
  const stop = async (): Promise<void> => {
    for (const step of undo.toReversed()) await step();
  };
  try {
    const context = resolveContext(process.env, report);
    const mongod = await resolveServer(mongodRecipe, context);
    const temporal = await resolveServer(temporalRecipe, context);
    const [mongoPort, temporalPort] = [await freePort(), await freePort()];
    await group.start(mongodPart(mongod.path, mongoPort, await place(directory, 'mongod')));
    await group.start(
      temporalPart(
        temporal.path,
        { port: temporalPort, uiPort: null },
        await place(directory, 'temporal'),
      ),
    );
    const temporalAddress = `127.0.0.1:${temporalPort}`;
    const mongo = await connectMongo(mongodUrl(mongoPort), 5000);
    undo.push(async () => mongo.close());
    const connection = await Connection.connect({ address: temporalAddress });
    undo.push(async () => connection.close());
    const workos = await answerForWorkos();
    undo.push(async () => workos.server.close());
    return {
      mongodbUrl: mongodUrl(mongoPort),
      temporalAddress,
      mongo,
      client: new Client({ connection, namespace: 'default' }),
      versions: { node: process.version, mongod: mongod.version, temporal: temporal.version },
      group,
      pids: { mongod: await portOwner(mongoPort), temporal: await portOwner(temporalPort) },
      directory,
      workosUrl: workos.url,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function place(directory: string, name: string): Promise<PartPlace> {
  const dataDirectory = join(directory, name);
  await mkdir(dataDirectory, { recursive: true });
  return { dataDirectory, logDirectory: directory, env: process.env };
}

/** The last look asks somebody: every directory is there, and nobody is in it any more. */
async function answerForWorkos(): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const person = path.startsWith('/directory_users/');
    response.writeHead(person ? 404 : 200, { 'content-type': 'application/json' });
    const id = path.split('/').at(-1);
    response.end(
      JSON.stringify(person ? { message: 'Not found' } : { id, state: 'linked', data: [] }),
    );
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${port}`, server };
}

/** How Tenure's processes are started. */
export interface TenureOptions {
  /** Names its database, its queues and its processes: one for each measurement. */
  name: string;
  worker: boolean;
  /** As in the image: `NODE_ENV=production` and a prebuilt bundle. Else as `npm start` starts them. */
  production?: boolean;
}

/** Tenure's own processes, as shipped. */
export interface BenchTenure {
  apiUrl: string;
  webhookUrl: string;
  queuePrefix: string;
  store: Store;
  hostDatabase: string;
  apiPid: number | null;
  workerPid: number | null;
  stop(): Promise<void>;
}

/** Starts `node api/main.ts` and, where asked, `node workers/main.ts`, and waits until they are ready. */
export async function startTenure(stack: BenchStack, options: TenureOptions): Promise<BenchTenure> {
  const { name } = options;
  const [apiPort, workerPort] = [await freePort(), await freePort()];
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const hostDatabase = `${name}-host`;
  const env = await environment(stack, options, { apiPort, workerPort, hostDatabase });
  const parts = [
    servicePart(stack, `${name}-api`, 'api/main.ts', env, async () =>
      isUp(`${apiUrl}/health/live`),
    ),
    ...(options.worker
      ? [
          servicePart(stack, `${name}-worker`, 'workers/main.ts', env, async () =>
            isUp(`${apiUrl}/health/ready`),
          ),
        ]
      : []),
  ];
  for (const part of parts) await stack.group.start(part);
  return {
    apiUrl,
    webhookUrl: `${apiUrl}/webhooks/workos`,
    queuePrefix: name,
    store: storeOn(stack.mongo, name),
    hostDatabase,
    apiPid: await portOwner(apiPort),
    workerPid: options.worker ? await portOwner(workerPort) : null,
    async stop() {
      // As an operator stops them, so that a profile is written; what does not end is killed.
      for (const part of parts.toReversed()) {
        const pid = await portOwner(part.name.endsWith('-api') ? apiPort : workerPort);
        if (pid !== null) {
          process.kill(pid, 'SIGTERM');
          const deadline = Date.now() + 15_000;
          while ((await identify(pid)) !== null && Date.now() < deadline) await pause(50);
        }
        await stack.group.kill(part.name);
      }
    },
  };
}

async function environment(
  stack: BenchStack,
  { name, production = false }: TenureOptions,
  places: { apiPort: number; workerPort: number; hostDatabase: string },
): Promise<Record<string, string | undefined>> {
  return {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    LOG_LEVEL: 'warn',
    PORT: String(places.apiPort),
    TENURE_WORKER_PORT: String(places.workerPort),
    MONGODB_URL: stack.mongodbUrl,
    MONGODB_DATABASE: name,
    TEMPORAL_ADDRESS: stack.temporalAddress,
    TEMPORAL_NAMESPACE: 'default',
    TENURE_QUEUE_PREFIX: name,
    WORKOS_API_KEY: 'sk_bench_of_no_value',
    WORKOS_API_URL: stack.workosUrl,
    WORKOS_WEBHOOK_SECRET: webhookSecret,
    TENURE_ADMIN_KEY: 'bench-admin-key-of-no-value',
    TENURE_GATE_KEY: 'bench-gate-key-of-no-value',
    TENURE_SIMULATOR: 'off',
    TENURE_EVENTS: 'webhook',
    TENURE_CONFIG: await hostFile(stack, places.hostDatabase),
    ...(production
      ? { NODE_ENV: 'production', TENURE_WORKFLOW_BUNDLE: await prebuiltBundle(stack) }
      : {}),
  };
}

/** The demo's host application, on a database of the measurement's own. */
async function hostFile(stack: BenchStack, database: string): Promise<string> {
  const demo = await readFile(join(root, 'local/demo/acme.yaml'), 'utf8');
  const file = join(stack.directory, `${database}.yaml`);
  await writeFile(file, demo.replace(/^database: .*$/m, `database: ${database}`));
  return file;
}

async function prebuiltBundle(stack: BenchStack): Promise<string> {
  const file = join(stack.directory, 'workflow-bundle.js');
  const source = new URL('../../workers/workflow-bundle.ts', import.meta.url).href;
  const program = `
    import { writeFileSync } from 'node:fs';
    import { bundleWorkflows } from ${JSON.stringify(source)};
    writeFileSync(${JSON.stringify(file)}, await bundleWorkflows());`;
  await runCommand(process.execPath, ['--input-type=module', '-e', program], {
    timeoutMs: 120_000,
  });
  return file;
}

function servicePart(
  stack: BenchStack,
  name: string,
  entry: string,
  env: Record<string, string | undefined>,
  ready: () => Promise<boolean>,
): Part {
  return {
    name,
    command: process.execPath,
    args: [...profilerArguments(name), join(root, entry)],
    yields: entry.startsWith('workers/'),
    env: () => env,
    logFile: join(stack.directory, `${name}.log`),
    after: [],
    ready,
    readyTimeoutMs: 120_000,
    stopGraceMs: 15_000,
  };
}

/** `BENCH_PROFILE=<directory>` writes a CPU profile of each of Tenure's processes when it ends. */
function profilerArguments(name: string): string[] {
  const directory = process.env['BENCH_PROFILE'];
  return directory === undefined
    ? []
    : ['--cpu-prof', `--cpu-prof-dir=${directory}`, `--cpu-prof-name=${name}.cpuprofile`];
}

/** Starts a floor's process and returns the port it listens on. */
export async function startFloor(
  stack: BenchStack,
  entry: string,
): Promise<{ url: string; pid: number | null }> {
  const port = await freePort();
  await stack.group.start({
    ...servicePart(
      stack,
      entry.replace('.ts', ''),
      `test/bench/${entry}`,
      {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        PORT: String(port),
        MONGODB_URL: stack.mongodbUrl,
        TEMPORAL_ADDRESS: stack.temporalAddress,
      },
      async () => accepts(port),
    ),
  });
  return { url: `http://127.0.0.1:${port}/`, pid: await portOwner(port) };
}

async function isUp(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}
