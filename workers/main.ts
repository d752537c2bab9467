import '../platform/check-node.js';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import type { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, type Worker } from '@temporalio/worker';

import { createActivities } from '../activities/index.ts';
import { createMongoHost } from '../connectors/mongodb/host.ts';
import { inspectHost } from '../connectors/mongodb/inspection.ts';
import { defaultRevocationPolicy } from '../connectors/revocation.ts';
import type { HostFile } from '../domain/host-file.ts';
import { loadWorkerConfig, reportConfigError, type Config } from '../platform/config.ts';
import { readHostFile } from '../platform/host-file/read.ts';
import { userIdsFor } from '../platform/ids.ts';
import { createLogger, type Logger } from '../platform/logger.ts';
import { createMetrics } from '../platform/metrics.ts';
import { migrate, NewerSchema, StandaloneServer } from '../platform/mongo/migrations.ts';
import { connectMongo, storeOn, type Store } from '../platform/mongo/store.ts';
import { createTemporalClient } from '../platform/temporal/connect.ts';
import {
  createLifecycleSignals,
  type LifecycleSignals,
} from '../platform/temporal/lifecycle-signals.ts';
import { createDirectoryLookup } from '../platform/workos/directory-lookup.ts';
import { spreadFacts } from '../transitions/spread-facts.ts';
import { keepAnchor } from './anchor-keeper.ts';
import { createWorkers } from './create-workers.ts';
import { createDispatcher } from './dispatcher.ts';
import { startHealthServer } from './health-server.ts';
import { beat, stopBeating } from './heartbeat.ts';
import { keepPoller } from './poller-keeper.ts';
import { pollingOf } from './polling.ts';
import { repeat, type Repeating } from './repeat.ts';
import { sweep } from './sweep.ts';
import { bundleWorkflows } from './workflow-bundle.ts';

const heartbeatIntervalMs = 2000;
const anchorIntervalMs = 5000;
const pollerIntervalMs = 10_000;
const lookupTimeoutMs = 20_000;

/** The worker process: Temporal workers, dispatcher, anchor and sweep on one store. */
async function main(): Promise<void> {
  const config = loadWorkerConfig(process.env);
  const log = createLogger({ level: config.logLevel, role: 'worker' });
  const { file, warnings } = await readHostFile(config.hostFilePath);
  for (const warning of [...config.warnings, ...warnings]) log.warn({ warning }, 'configuration');
  Runtime.install({ logger: temporalLogger(log), shutdownSignals: [] });

  const metrics = createMetrics('worker');
  const health =
    config.http.workerPort === 0 ? null : startHealthServer(config.http.workerPort, metrics);
  const store = await patiently(log, 'mongodb', async () => openStore(config));
  if (file.database !== null) await reportHost(store, file, log);
  const connection = await patiently(log, 'temporal', async () =>
    NativeConnection.connect(config.temporal.connection),
  );
  const client = createTemporalClient(config.temporal);
  const { queuePrefix } = config.temporal;
  const signals = createLifecycleSignals(client, { queuePrefix, deadlineMs: 2000 });
  const polling = pollingOf(config, { log, metrics, signals });
  const workers = await createWorkers({
    connection,
    namespace: config.temporal.namespace,
    queuePrefix,
    stickyTimeoutMs: config.temporal.stickyTimeoutMs,
    workflowBundle: await workflowBundle(config),
    activities: createActivities(
      {
        store,
        file,
        host: hostOf(store, file, config),
        directoryLookup: lookupOf(config),
        polling,
        revocation: defaultRevocationPolicy,
        newUserId: userIdsFor(file),
        maxPauseMs: config.intervals.retryMaxMs,
        guardSettleMs: config.intervals.guardSettleMs,
        onVerifiedEmpty: (ms) => metrics.sessionsVerifiedEmpty(ms / 1000),
      },
      (error) => log.error({ err: error }, 'activity failed'),
    ),
  });
  const processId = `worker_${randomUUID()}`;
  const polls = polling !== null;
  const running = { config, store, file, log, metrics, workers, processId, client, signals, polls };
  const chores = startChores(running);
  const runs = workers.map(async (worker) => worker.run());
  // One worker that ends takes the process down: a half-working one would look healthy.
  const ended = Promise.race([...runs, stopSignal()]);
  log.info('polling');

  try {
    await ended;
  } finally {
    await stopBeating(store, processId).catch(() => undefined);
    await Promise.all(chores.map(async (chore) => chore.stop()));
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    await Promise.allSettled(runs);
    await connection.close();
    health?.close();
    await store.client.close();
  }
}

interface Running {
  config: Config;
  store: Store;
  file: HostFile;
  log: Logger;
  metrics: ReturnType<typeof createMetrics>;
  workers: Worker[];
  processId: string;
  client: Client;
  signals: LifecycleSignals;
  /** Whether this worker polls the Events API. */
  polls: boolean;
}

function startChores(running: Running): Repeating[] {
  const { config, store, file, log, metrics, workers, processId, client, signals } = running;
  const rules = { file, newUserId: userIdsFor(file) };
  const { queuePrefix } = config.temporal;
  const dispatcher = createDispatcher({
    store,
    signals,
    joinAdmission: config.limits.joinAdmission,
    onSignalled: (kind, sent) => metrics.signalled(kind, sent),
  });
  const reporting = (chore: string) => (error: unknown) =>
    log.warn({ err: error, chore }, 'a chore failed and is repeated');
  const chore = (name: string, intervalMs: number, round: () => Promise<boolean>): Repeating =>
    repeat({ intervalMs, round, onError: reporting(name) });
  return [
    chore('dispatch', config.intervals.dispatchMs, dispatcher.tick),
    chore('spread', config.intervals.dispatchMs, async () => spreadFacts(store, rules)),
    chore('heartbeat', heartbeatIntervalMs, async () => {
      await beat(store, processId, workers);
      return false;
    }),
    chore('anchor', anchorIntervalMs, async () => {
      const raised = await keepAnchor(store, client, queuePrefix);
      if (raised !== null && raised > 0) {
        log.warn({ raised }, "Temporal's memory was lost; every open lifecycle looks again");
      }
      return false;
    }),
    chore('poller', pollerIntervalMs, async () => {
      const done = await keepPoller(client, queuePrefix, running.polls);
      if (done !== null) log.info({ done }, 'the poller of the Events API');
      return false;
    }),
    chore('sweep', config.intervals.sweepMs, async () => {
      const raised = await sweep(store);
      log.info({ raised }, 'swept');
      return false;
    }),
  ];
}

async function openStore(config: Config): Promise<Store> {
  const client = await connectMongo(config.mongo.url, 5000);
  const store = storeOn(client, config.mongo.database);
  await migrate(store);
  return store;
}

/** What Tenure will filter the host's collections by, and does not find. It refuses nothing. */
async function reportHost(store: Store, file: HostFile, log: Logger): Promise<void> {
  const findings = await inspectHost(store.client.db(file.database ?? ''), file);
  for (const { code, where } of findings) log.warn({ code, where }, 'host application');
}

function hostOf(store: Store, file: HostFile, config: Config) {
  if (file.database === null) return null;
  return createMongoHost({
    db: store.client.db(file.database),
    file,
    writesPerSecond: config.limits.hostWritesPerSecond,
  });
}

function lookupOf(config: Config) {
  const { apiKey, apiUrl } = config.workos;
  if (apiKey === null) return null;
  return createDirectoryLookup({ apiKey, apiUrl, timeoutMs: lookupTimeoutMs });
}

/** The prebuilt bundle, or one built now; a production configuration without one was refused already. */
async function workflowBundle(config: Config): Promise<{ codePath: string } | { code: string }> {
  const path = config.temporal.workflowBundle;
  return path === null ? { code: await bundleWorkflows() } : { codePath: path };
}

/** Tries until a server is there: a worker that started before its servers must not need a restart. */
async function patiently<T>(log: Logger, what: string, attempt: () => Promise<T>): Promise<T> {
  for (let pauseMs = 500; ; pauseMs = Math.min(pauseMs * 2, 10_000)) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof NewerSchema || error instanceof StandaloneServer) throw error;
      log.warn({ err: error, what }, 'not reachable yet');
      await pause(pauseMs);
    }
  }
}

/** The SDK's own lines: warnings and errors only, by their words; what they carry may be anything. */
function temporalLogger(log: Logger): DefaultLogger {
  return new DefaultLogger('WARN', ({ level, message }) => {
    if (level === 'ERROR') log.error({ source: 'temporal' }, message);
    else log.warn({ source: 'temporal' }, message);
  });
}

async function stopSignal(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

try {
  await main();
  process.exit(0);
} catch (error) {
  const exitCode = reportConfigError(error, process.stderr);
  if (exitCode !== null) process.exit(exitCode);
  createLogger({ level: 'error', role: 'worker' }).fatal({ err: error }, 'worker failed');
  process.exit(1);
}
