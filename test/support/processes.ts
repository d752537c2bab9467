import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { MongoClient, type Db } from 'mongodb';

import type { Child } from '../../local/supervisor/child.ts';
import { endProcesses, signalGroup, stackMarker } from '../../local/supervisor/end-processes.ts';
import { startGuard, type Guard } from '../../local/supervisor/guard.ts';
import { launch, logTail, waitUntilReady, type Part } from '../../local/supervisor/part.ts';
import { freePort } from '../../local/supervisor/ports.ts';
import type { ProcessIdentity } from '../../local/supervisor/process-identity.ts';
import { storeOn, type Store } from '../../platform/mongo/store.ts';
import { freshDatabaseName, testServers } from './servers.ts';
import { startSimulator, type TestSimulator, type TestSimulatorOptions } from './simulator.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Compiling takes half of the processor time of a start, and comes to the same for every process. */
const compileCache = join(root, 'node_modules/.cache/tenure-test');

/** How a test wants its Tenure. */
export interface ProcessesOptions {
  /** The shared MongoDB where absent. */
  mongodbUrl?: string;
  /** The shared Temporal where absent. */
  temporalAddress?: string;
  /** Added to the environment of both processes, or of one of them. */
  env?: Record<string, string>;
  apiEnv?: Record<string, string>;
  workerEnv?: Record<string, string>;
  simulator?: TestSimulatorOptions;
  /**
   * The death of a worker is noticed after five seconds instead of ten, and what failed is tried again after a
   * quarter of a second instead of a whole one.
   */
  hasty?: boolean;
  /** The text of a host file in place of the demo's; its `database: acme` becomes one of the test's own. */
  hostFile?: string;
}

/** What the API answered. `body` is parsed where it is JSON. */
export interface Answer {
  status: number;
  body: any;
  headers: Headers;
}

/** One process as shipped, on one port from its first start to its last. */
export interface Service {
  readonly name: string;
  readonly port: number;
  pid(): number | null;
  /** Starts it and waits until it answers (API) or polls (worker). `env` is of this start only. */
  start(env?: Record<string, string>): Promise<void>;
  /** kill -9; returns when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; returns how it ended and after how long. */
  stop(): Promise<{ ended: string; ms: number }>;
  signal(name: NodeJS.Signals): void;
  /** Everything it has written so far, of all its starts. */
  log(): string;
}

/** API, worker and simulator, the first two as the processes that are shipped. */
export interface TenureProcesses {
  readonly api: Service;
  readonly worker: Service;
  readonly simulator: TestSimulator;
  readonly apiUrl: string;
  readonly webhookSecret: string;
  readonly adminKey: string;
  readonly gateKey: string;
  readonly queuePrefix: string;
  /** The path of the host file: what a test writes there counts from the next start on. */
  readonly hostFile: string;
  /** Direct looks into MongoDB, past every proxy. */
  readonly store: Store;
  readonly hostDb: Db;
  /** Another process of the same deployment, or of one that is configured otherwise. Its API port is its own. */
  another(name: 'api' | 'worker', env?: Record<string, string>): Promise<Service>;
  /** Calls the API with the admin key, or with `key`; null sends none. */
  call(
    method: string,
    path: string,
    body?: unknown,
    key?: string | null,
    url?: string,
  ): Promise<Answer>;
  /** An access check with the gate key: `{allowed, reason, ...}`. */
  access(organizationId: string, who: object, action?: string): Promise<any>;
  /** The membership of a directory user by HTTP, once `test` holds for it. */
  until(
    directoryUserId: string,
    test: (membership: any) => boolean,
    timeoutMs?: number,
  ): Promise<any>;
  /** A membership by its id, once `test` holds for it. */
  untilMembership(id: string, test: (membership: any) => boolean, timeoutMs?: number): Promise<any>;
  /** The types of the lines of a timeline, in order. */
  timeline(membershipId: string): Promise<string[]>;
  /** PUTs the policy of a sandbox whose cooling-off takes seconds. */
  sandbox(organizationId: string, seconds: number, policy?: object): Promise<void>;
  /** Waits until an API process is ready, by default the first one. */
  ready(timeoutMs?: number, url?: string): Promise<void>;
  stop(): Promise<void>;
}

/** Asks until the answer is there, neither null, undefined nor false. An error counts as "not yet". */
export async function eventually<T>(
  what: string,
  ask: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  // What takes long is asked about less often: whoever answers has better things to do.
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 1.2, 80)) {
    try {
      const found = await ask();
      if (found !== null && found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`Waited in vain: ${what}`, last === undefined ? {} : { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** Starts API, worker and simulator on a database and task queues of their own, and waits until all is ready. */
export async function startProcesses(options: ProcessesOptions = {}): Promise<TenureProcesses> {
  const servers = testServers();
  const directory = await mkdtemp(join(tmpdir(), 'tenure-processes-'));
  const database = freshDatabaseName('proc');
  const hostDatabase = `${database}_host`;
  const queuePrefix = `proc-${randomBytes(8).toString('hex')}`;
  const apiPort = await freePort();
  const [adminKey, gateKey] = ['test-admin-key', 'test-gate-key'];
  const webhookSecret = 'test-webhook-secret';
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const workflowBundle = options.hasty === true ? hastyBundle(directory) : servers.workflowBundle;
  const hostFile = await hostFileFor(directory, hostDatabase, options.hostFile);
  const simulator = await startSimulator({
    webhookUrl: `${apiUrl}/webhooks/workos`,
    secret: webhookSecret,
    tries: 10,
    backoffMs: 50,
    ...options.simulator,
  });
  const marker = `${directory}|processes`;
  const guard = startGuard(marker);
  const services: Managed[] = [];
  const mongodbUrl = servers.mongodbUrl;
  const client = new MongoClient(options.mongodbUrl ?? mongodbUrl, {
    serverSelectionTimeoutMS: 2000,
  });
  const common = {
    ...withoutTenure(process.env),
    NODE_ENV: 'test',
    NODE_COMPILE_CACHE: compileCache,
    LOG_LEVEL: 'debug',
    MONGODB_URL: options.mongodbUrl ?? mongodbUrl,
    MONGODB_DATABASE: database,
    TEMPORAL_ADDRESS: options.temporalAddress ?? servers.temporalAddress,
    TENURE_QUEUE_PREFIX: queuePrefix,
    TENURE_CONFIG: hostFile,
    TENURE_EVENTS: 'webhook',
    TENURE_SIMULATOR: 'on',
    WORKOS_API_KEY: simulator.apiKey,
    WORKOS_API_URL: simulator.url,
    TENURE_DISPATCH_INTERVAL_MS: '50',
    TENURE_STICKY_TIMEOUT_MS: '1000',
    TENURE_RETRY_MAX_MS: '1000',
    TENURE_GUARD_SETTLE_MS: '100',
    ...(workflowBundle === null ? {} : { TENURE_WORKFLOW_BUNDLE: workflowBundle }),
    ...options.env,
  };

  async function service(
    name: 'api' | 'worker',
    given?: number,
    env: Record<string, string> = {},
  ): Promise<Service> {
    const port = given ?? (await freePort());
    const own =
      name === 'api'
        ? {
            PORT: String(port),
            WORKOS_WEBHOOK_SECRET: webhookSecret,
            TENURE_ADMIN_KEYS: `ops:${adminKey}`,
            TENURE_GATE_KEY: gateKey,
            ...options.apiEnv,
          }
        : { TENURE_WORKER_PORT: String(port), ...options.workerEnv };
    const made = manage(name, port, join(directory, `${name}-${services.length}.log`), {
      env: { ...common, ...own, ...env },
      marker,
      changed: () => tellGuard(guard, services),
    });
    services.push(made);
    return made;
  }

  const api = await service('api', apiPort);
  const worker = await service('worker');
  const tenure: TenureProcesses = {
    api,
    worker,
    simulator,
    apiUrl,
    webhookSecret,
    adminKey,
    gateKey,
    queuePrefix,
    hostFile,
    store: storeOn(client, database),
    hostDb: client.db(hostDatabase),
    async another(name, env) {
      const made = await service(name, undefined, env);
      await made.start();
      if (name === 'api') await tenure.ready(30_000, `http://127.0.0.1:${made.port}`);
      return made;
    },
    async call(method, path, body, key = adminKey, url = apiUrl) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(15_000),
      });
      const text = await response.text();
      const isJson = /json/.test(response.headers.get('content-type') ?? '');
      return {
        status: response.status,
        body: isJson ? JSON.parse(text) : text,
        headers: response.headers,
      };
    },
    async access(organizationId, who, action = 'read') {
      const question = { organizationId, action, ...who };
      const { status, body } = await tenure.call('POST', '/v1/access-checks', question, gateKey);
      if (status !== 200) throw new Error(`access check: ${status} ${JSON.stringify(body)}`);
      return body;
    },
    async until(directoryUserId, test, timeoutMs) {
      return untilSeen(`${directoryUserId}: ${test.toString()}`, test, timeoutMs, async () => {
        const id = encodeURIComponent(directoryUserId);
        const { body } = await tenure.call('GET', `/v1/users?directoryUserId=${id}`);
        return body.data?.[0]?.memberships.find(
          (membership: { directoryUsers: { id: string }[] }) =>
            membership.directoryUsers.length > 0,
        );
      });
    },
    async untilMembership(id, test, timeoutMs) {
      return untilSeen(`${id}: ${test.toString()}`, test, timeoutMs, async () => {
        const { status, body } = await tenure.call('GET', `/v1/memberships/${id}`);
        return status === 200 ? body : null;
      });
    },
    async timeline(membershipId) {
      const { body } = await tenure.call(
        'GET',
        `/v1/memberships/${membershipId}/timeline?limit=100`,
      );
      return body.data.map(({ type }: { type: string }) => type);
    },
    async sandbox(organizationId, seconds, policy = {}) {
      const wanted = {
        deletionAllowed: true,
        sandbox: true,
        sandboxCoolingOffSeconds: seconds,
        ...policy,
      };
      const path = `/v1/organizations/${organizationId}/policy`;
      const { status, body } = await tenure.call('PUT', path, wanted);
      if (status !== 200) throw new Error(`policy: ${status} ${JSON.stringify(body)}`);
    },
    async ready(timeoutMs = 30_000, url = apiUrl) {
      await eventually('ready', async () => (await fetch(`${url}/health/ready`)).ok, timeoutMs);
    },
    async stop() {
      await simulator.close();
      await endProcesses(identitiesOf(services), 10_000);
      await guard.close();
      await client
        .db(database)
        .dropDatabase()
        .catch(() => undefined);
      await client
        .db(hostDatabase)
        .dropDatabase()
        .catch(() => undefined);
      await client.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    await Promise.all([api.start(), worker.start()]);
    await tenure.ready();
  } catch (error) {
    await tenure.stop();
    throw error;
  }
  return tenure;
}

async function untilSeen(
  what: string,
  test: (membership: any) => boolean,
  timeoutMs: number | undefined,
  ask: () => Promise<unknown>,
): Promise<any> {
  let seen: unknown;
  const asked = async (): Promise<unknown> => {
    seen = await ask();
    return seen !== null && seen !== undefined && test(seen) ? seen : null;
  };
  return eventually(what, asked, timeoutMs).catch((error: unknown) => {
    throw new Error(`Waited in vain for ${what}; last seen ${JSON.stringify(seen)}`, {
      cause: error,
    });
  });
}

/** The host file, the demo's unless another is given, on a database of the test's own. */
async function hostFileFor(directory: string, database: string, given?: string): Promise<string> {
  const text = given ?? (await readFile(join(root, 'local/demo/acme.yaml'), 'utf8'));
  const path = join(directory, 'host.yaml');
  writeFileSync(path, text.replace(/^database: acme$/m, `database: ${database}`));
  return path;
}

/** The workflow code as shipped, with shorter times in the profiles of its activities. */
function hastyBundle(directory: string): string {
  const shorter = [
    [`heartbeatTimeout: '10s'`, `heartbeatTimeout: '5s'`],
    [`initialInterval: '1s'`, `initialInterval: '250ms'`],
  ] as const;
  let code = readFileSync(testServers().workflowBundle ?? '', 'utf8');
  for (const [shipped, ofTest] of shorter) {
    if (!code.includes(shipped)) throw new Error(`The workflow bundle has no ${shipped}.`);
    code = code.replaceAll(shipped, ofTest);
  }
  const path = join(directory, 'hasty-bundle.js');
  writeFileSync(path, code);
  return path;
}

/** What a developer's shell holds must not change what a test sees. */
function withoutTenure(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names =
    /^(TENURE_|WORKOS_|MONGODB_|TEMPORAL_|PORT$|LOG_LEVEL$|NODE_ENV$|NODE_OPTIONS$|JEST_)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.test(name)));
}

interface Managed extends Service {
  identity(): ProcessIdentity | null;
}

function identitiesOf(services: Managed[]): ProcessIdentity[] {
  return services.map((service) => service.identity()).filter((identity) => identity !== null);
}

function tellGuard(guard: Guard, services: Managed[]): void {
  guard.watch(identitiesOf(services));
}

function manage(
  name: 'api' | 'worker',
  port: number,
  logFile: string,
  how: { env: NodeJS.ProcessEnv; marker: string; changed: () => void },
): Managed {
  let running: { child: Child; identity: ProcessIdentity | null } | null = null;
  let starts = 0;
  let envOfStart: Record<string, string> = {};
  const log = (): string => {
    try {
      return readFileSync(logFile, 'utf8');
    } catch {
      return '';
    }
  };
  const part: Part = {
    name,
    command: process.execPath,
    args: [join(root, name === 'api' ? 'api/main.ts' : 'workers/main.ts')],
    env: () => ({ ...how.env, ...envOfStart }),
    logFile,
    after: [],
    ready: async () =>
      name === 'api'
        ? fetch(`http://127.0.0.1:${port}/health/live`).then(
            ({ ok }) => ok,
            () => false,
          )
        : (log().match(/"msg":"polling"/g)?.length ?? 0) >= starts,
    readyTimeoutMs: 60_000,
    stopGraceMs: 15_000,
  };
  const current = (): Child => {
    if (running === null) throw new Error(`${name} does not run${logTail(part)}`);
    return running.child;
  };
  return {
    name,
    port,
    log,
    pid: () => running?.child.pid ?? null,
    identity: () => running?.identity ?? null,
    async start(env = {}) {
      envOfStart = env;
      // A start that was killed before it polled counts for nothing.
      starts = (log().match(/"msg":"polling"/g)?.length ?? 0) + 1;
      const child = launch(part, { [stackMarker]: how.marker });
      running = { child, identity: await child.identity };
      how.changed();
      await waitUntilReady(part, child);
    },
    async kill() {
      const child = current();
      signalGroup(child.pid, 'SIGKILL');
      await child.ended;
      running = null;
      how.changed();
    },
    async stop() {
      const child = current();
      const started = Date.now();
      signalGroup(child.pid, 'SIGTERM');
      const ended = await child.ended;
      running = null;
      how.changed();
      return { ended, ms: Date.now() - started };
    },
    signal: (signal) => signalGroup(current().pid, signal),
  };
}
