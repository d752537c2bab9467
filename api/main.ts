import '../platform/check-node.js';

import { setTimeout as pause } from 'node:timers/promises';

import { loadApiConfig, reportConfigError, type Config } from '../platform/config.ts';
import { readHostFile } from '../platform/host-file/read.ts';
import { userIdsFor } from '../platform/ids.ts';
import { createLogger, type Logger } from '../platform/logger.ts';
import { createMetrics } from '../platform/metrics.ts';
import { tellEndpoints } from '../platform/mongo/telling.ts';
import { createTemporalClient } from '../platform/temporal/connect.ts';
import { createLifecycleSignals } from '../platform/temporal/lifecycle-signals.ts';
import { createNotificationSignals } from '../platform/temporal/notification-signals.ts';
import { announceFileRules } from '../transitions/organization/announce-file-rules.ts';
import { createApp } from './app.ts';
import { connectStore } from './connect-store.ts';
import type { ApiSettings } from './deps.ts';
import { createReadiness } from './readiness.ts';
import { createScrape } from './scrape.ts';
import { listen } from './server.ts';

/** How long a load balancer has to see that this process is not ready, before it stops listening. */
const noticeMs = 2_000;

/** The API process. It listens at once and answers 503 until MongoDB is there; Temporal may be down. */
async function main(): Promise<void> {
  const config = loadApiConfig(process.env);
  const logger = createLogger({ level: config.logLevel, role: 'api' });
  const { file, warnings } = await readHostFile(config.hostFilePath);
  for (const warning of [...config.warnings, ...warnings])
    logger.warn({ warning }, 'configuration');

  const metrics = createMetrics('api');
  const temporal = createTemporalClient(config.temporal);
  const { queuePrefix } = config.temporal;
  // While Tenure observes, the host application is told nothing.
  const telling = tellEndpoints(
    config.observing ? [] : file.notifications,
    createNotificationSignals(temporal, { queuePrefix }),
  );
  const database = connectStore({ ...config.mongo, telling }, logger, async (store) =>
    announceFileRules(store, file, { firstOnly: true }),
  );
  const readiness = createReadiness(database);
  const app = createApp({
    store: database.store,
    hostFile: file,
    signals: createLifecycleSignals(temporal, { queuePrefix }),
    readiness,
    logger,
    metrics,
    scrape: createScrape(
      metrics,
      database.store,
      config.intervals.revocationOverdueMs,
      config.events !== 'webhook',
    ),
    newUserId: userIdsFor(file),
    settings: settingsOf(config),
  });
  const server = await listen(app.callback(), config.http.port);
  logger.info({ port: server.port }, 'listening');

  const stopped = stopSignal();
  const failed = database.ready.then(async () => new Promise<never>(() => undefined));
  const signal = await Promise.race([stopped, failed]);
  readiness.shutDown();
  logger.info({ signal }, 'stopping');
  if (config.production) await pause(noticeMs);
  await server.close();
  await database.close();
  await temporal.connection.close();
  logger.info('stopped');
}

function settingsOf(config: Config): ApiSettings {
  return {
    keys: config.keys,
    webhookSecrets: config.workos.webhookSecrets,
    webhookMaxBytes: config.http.webhookMaxBytes,
    inboxBodyDays: config.limits.inboxBodyDays,
    observing: config.observing,
    checkResponses: !config.production,
  };
}

/** The first of them ends the process in order; a second one is left to do what it always does. */
async function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => resolve(signal));
    }
  });
}

function fail(error: unknown, logger: Logger): number {
  const configExit = reportConfigError(error, process.stderr);
  if (configExit !== null) return configExit;
  logger.fatal({ err: error }, 'the API ends');
  return 1;
}

try {
  await main();
  process.exit(0);
} catch (error) {
  process.exit(fail(error, createLogger({ level: 'info', role: 'api' })));
}
