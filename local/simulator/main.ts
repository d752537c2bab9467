import '../../platform/check-node.js';

import { playScenario } from './scenarios.ts';
import { startSimulatorServer } from './server.ts';

/**
 * The process of the directory simulator. Environment:
 * `SIMULATOR_PORT` (4100), `SIMULATOR_STATE` (a JSON file to keep the world in), `SIMULATOR_FRESH=1` (begin anew),
 * `SIMULATOR_SCENARIO` (a scenario to play once on a fresh world), `SIMULATOR_INACTIVE_USERS` (`deleted`, `updated`),
 * `SIMULATOR_VISIBILITY_DELAY_MS`, `SIMULATOR_RETRY_BASE_MS`, `TENURE_WEBHOOK_URL`, `TENURE_API_URL`,
 * `TENURE_ADMIN_KEY`, `TENURE_MODE`, `WORKOS_API_KEY`, `WORKOS_WEBHOOK_SECRET` (the first of several signs), `MONGODB_URL` (for the
 * host application's demo data).
 */
async function main(env: NodeJS.ProcessEnv): Promise<void> {
  const statePath = env['SIMULATOR_STATE'];
  const tenure = {
    apiUrl: env['TENURE_API_URL'] ?? 'http://127.0.0.1:8080',
    adminKey: env['TENURE_ADMIN_KEY'] ?? '',
    mongodbUrl: env['MONGODB_URL'] ?? '',
    observing: env['TENURE_MODE'] === 'observe',
  };
  const stopping = new AbortController();
  const simulator = await startSimulatorServer({
    port: Number(env['SIMULATOR_PORT'] ?? '4100'),
    apiKey: env['WORKOS_API_KEY'] ?? 'sk_test_simulator',
    delivery: {
      url: env['TENURE_WEBHOOK_URL'] ?? `${tenure.apiUrl}/webhooks/workos`,
      secret: (env['WORKOS_WEBHOOK_SECRET'] ?? 'simulator-webhook-secret').split(',')[0] ?? '',
      backoffMs: Number(env['SIMULATOR_RETRY_BASE_MS'] ?? '1000'),
    },
    inactiveUsers: env['SIMULATOR_INACTIVE_USERS'] === 'updated' ? 'updated' : 'deleted',
    ...(statePath === undefined ? {} : { statePath }),
    fresh: env['SIMULATOR_FRESH'] === '1',
    settings: { visibilityDelayMs: Number(env['SIMULATOR_VISIBILITY_DELAY_MS'] ?? '2000') },
    playScenario: (name, running) =>
      playScenario(name, { simulator: running, tenure, log, signal: stopping.signal }),
  });
  log(`listening on ${simulator.url}`);
  const stop = (): void => {
    stopping.abort();
    void simulator.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  const scenario = env['SIMULATOR_SCENARIO'];
  if (scenario !== undefined && scenario !== '') {
    playScenario(scenario, { simulator, tenure, log, signal: stopping.signal });
  }
}

function log(message: string): void {
  process.stdout.write(`simulator: ${message}\n`);
}

main(process.env).catch((error: unknown) => {
  process.stderr.write(`simulator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
