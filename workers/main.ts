import '../platform/check-node.js';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';

import { createActivities } from '../activities/index.ts';
import type { HostApplication } from '../connectors/host-application.ts';
import { callingUsersByHostIds } from '../connectors/host-user-ids.ts';
import { createMongoHost } from '../connectors/mongodb/host.ts';
import { createObservingHost } from '../connectors/observing-host.ts';
import { limitedSource } from '../connectors/limited-source.ts';
import { createOutsideSources, secretsOfSources } from '../connectors/outside-sources.ts';
import { restingSource } from '../connectors/resting-source.ts';
import { createAuthkitSource } from '../connectors/workos/authkit.ts';
import { defaultRevocationPolicy } from '../connectors/revocation.ts';
import type { HostFile } from '../domain/host-file.ts';
import { loadWorkerConfig, reportConfigError, type Config } from '../platform/config.ts';
import { readHostFile } from '../platform/host-file/read.ts';
import { userIdsFor } from '../platform/ids.ts';
import { createLogger, type Logger } from '../platform/logger.ts';
import { createMetrics } from '../platform/metrics.ts';
import { isUnusable, migrate } from '../platform/mongo/migrations.ts';
import { productionFences } from '../platform/mongo/fences.ts';
import { connectMongo, storeOn, type Store } from '../platform/mongo/store.ts';
import { tellEndpoints, type Telling } from '../platform/mongo/telling.ts';
import { createNotifier, secretsOfEndpoints } from '../platform/outgoing/notifier.ts';
import { readSecrets } from '../platform/outgoing/secrets.ts';
import { createTemporalClient } from '../platform/temporal/connect.ts';
import { createLifecycleSignals } from '../platform/temporal/lifecycle-signals.ts';
import { createNotificationSignals } from '../platform/temporal/notification-signals.ts';
import { createAccounts, type Accounts } from '../platform/workos/accounts.ts';
import type { WorkosAccess } from '../platform/workos/client.ts';
import { createDirectoryListing } from '../platform/workos/directory-listing.ts';
import { createDirectoryLookup } from '../platform/workos/directory-lookup.ts';
import { createAskDirectoryState } from '../platform/workos/directory-states.ts';
import { hostUserIdOf } from '../transitions/notifications/host-user-ids.ts';
import { announceFileRules } from '../transitions/organization/announce-file-rules.ts';
import { startChores, type Running } from './chores.ts';
import { createWorkers } from './create-workers.ts';
import { startHealthServer } from './health-server.ts';
import { stopBeating } from './heartbeat.ts';
import { createHostReport } from './host-report.ts';
import { pollingOf } from './polling.ts';
import { bundleWorkflows } from './workflow-bundle.ts';

const lookupTimeoutMs = 20_000;
/**
 * A pass takes about twenty reads, and Tenure makes fifty a second: this many come to their end well within the time
 * of a pass. The wait and the pass together stay within the activity's two minutes.
 */
const authkitPasses = { atOnce: 15, mostWaitMs: 60_000 };

/** The worker process: Temporal workers, dispatcher, anchor and sweep on one store. */
async function main(): Promise<void> {
  const config = loadWorkerConfig(process.env);
  const log = createLogger({ level: config.logLevel, role: 'worker' });
  const { file, warnings } = await readHostFile(config.hostFilePath);
  for (const warning of [...config.warnings, ...warnings]) log.warn({ warning }, 'configuration');
  // While Tenure observes, the host application is told nothing.
  const endpoints = config.observing ? [] : file.notifications;
  const secrets = readSecrets(process.env, [
    ...secretsOfSources(file),
    ...secretsOfEndpoints(endpoints),
  ]);
  Runtime.install({ logger: temporalLogger(log), shutdownSignals: [] });

  const metrics = createMetrics('worker');
  const health =
    config.http.workerPort === 0 ? null : startHealthServer(config.http.workerPort, metrics);
  const client = createTemporalClient(config.temporal);
  const { queuePrefix } = config.temporal;
  const notifications = createNotificationSignals(client, { queuePrefix, deadlineMs: 2000 });
  const telling = tellEndpoints(endpoints, notifications);
  const store = await patiently(log, 'mongodb', async () => openStore(config, file, telling, log));
  const hostReport = createHostReport(store, file, log);
  await hostReport.inspect();
  const connection = await patiently(log, 'temporal', async () =>
    NativeConnection.connect(config.temporal.connection),
  );
  const signals = createLifecycleSignals(client, { queuePrefix, deadlineMs: 2000 });
  const workos = workosOf(config);
  const accounts = accountsOf(file, workos);
  const { organizations } = file;
  const authkit =
    accounts === null
      ? null
      : (kind: string) =>
          limitedSource(
            restingSource(createAuthkitSource({ kind, accounts, store, organizations })),
            authkitPasses,
          );
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
        outsideSources: createOutsideSources(file, { secrets, workos: authkit }),
        directoryLookup: workos === null ? null : createDirectoryLookup(workos),
        directoryListing: workos === null ? null : createDirectoryListing(workos),
        polling,
        revocation: defaultRevocationPolicy,
        newUserId: userIdsFor(file),
        maxPauseMs: config.intervals.retryMaxMs,
        guardSettleMs: config.intervals.guardSettleMs,
        onVerifiedEmpty: (ms) => metrics.sessionsVerifiedEmpty(ms / 1000),
        onReconciled({ directoryId, stopped, counts }) {
          metrics.reconciled(stopped);
          const line = { directoryId, stopped, ...counts };
          if (stopped === null) log.info(line, 'a directory was compared');
          else log.warn(line, 'the comparison of a directory stopped');
        },
        ...(config.observing ? {} : { notifier: createNotifier(endpoints, secrets) }),
        onTold: (outcome) => metrics.notified(outcome),
      },
      (error) => log.error({ err: error }, 'activity failed'),
    ),
  });
  const processId = `worker_${randomUUID()}`;
  const polls = polling !== null;
  const running: Running = {
    config,
    store,
    file,
    log,
    metrics,
    workers,
    processId,
    client,
    signals,
    notifications,
    askDirectoryState: workos === null ? null : createAskDirectoryState(workos),
    polls,
    accounts,
    hostReport,
  };
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

async function openStore(
  config: Config,
  file: HostFile,
  telling: Telling,
  log: Logger,
): Promise<Store> {
  const client = await connectMongo(config.mongo.url, 5000);
  const store = storeOn(client, config.mongo.database, productionFences, telling);
  await migrate(store);
  if (await announceFileRules(store, file)) {
    log.warn(
      'the defaults of the host file that decide who is in have changed; everybody is judged anew',
    );
  }
  return store;
}

/** The host application, or the one that is only read; null where the host file names nothing. */
function hostOf(store: Store, file: HostFile, config: Config): HostApplication | null {
  const host = mongoHostOf(store, file, config);
  return config.observing ? createObservingHost(host) : host;
}

function mongoHostOf(store: Store, file: HostFile, config: Config): HostApplication | null {
  if (file.database === null) return null;
  const host = createMongoHost({
    db: store.client.db(file.database),
    file,
    writesPerSecond: config.limits.hostWritesPerSecond,
  });
  return callingUsersByHostIds(host, async (userId) => hostUserIdOf(store, userId));
}

/** How WorkOS is asked; null without a key. */
function workosOf(config: Config): WorkosAccess | null {
  const { apiKey, apiUrl } = config.workos;
  return apiKey === null ? null : { apiKey, apiUrl, timeoutMs: lookupTimeoutMs };
}

/** The accounts of AuthKit, where the host file names them. One for the process: it carries the limits. */
function accountsOf(file: HostFile, workos: WorkosAccess | null): Accounts | null {
  const isNamed = file.sessions.some(({ connector }) => connector === 'workos');
  return workos !== null && isNamed ? createAccounts(workos) : null;
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
      if (isUnusable(error)) throw error;
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
