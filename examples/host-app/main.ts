import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { WorkOS } from '@workos-inc/node';
import { MongoClient } from 'mongodb';

import { createGate } from '../../gate/create-gate.ts';
import { createApp } from './app.ts';

/**
 * The example host application. Without settings it finds what `npm start` runs (`.tenure/`). Environment: `PORT`
 * (3000), `MONGODB_URL`, `WORKOS_API_KEY`, `WORKOS_API_URL`, `WORKOS_CLIENT_ID`, `ACME_TENURE_SECRET` (what
 * Tenure signs its requests with; without it there are none).
 *
 * In a real application the gate has a connection of its own, with a role that reads `gate_v1` and nothing else
 * (`docs/gate.md`), and comes from the package `tenure-gate`.
 */
async function main(env: NodeJS.ProcessEnv): Promise<void> {
  const port = Number(env['PORT'] || '3000');
  const stack = runningStack();
  const client = await MongoClient.connect(needed('MONGODB_URL', env, stack['mongodbUrl']));
  const workosUrl = new URL(
    env['WORKOS_API_URL'] || stack['simulatorUrl'] || 'https://api.workos.com',
  );
  const workos = new WorkOS(needed('WORKOS_API_KEY', env, stack['simulatorApiKey']), {
    apiHostname: workosUrl.hostname,
    https: workosUrl.protocol === 'https:',
    ...(workosUrl.port === '' ? {} : { port: Number(workosUrl.port) }),
  });
  const publicUrl = `http://127.0.0.1:${port}`;
  const app = createApp({
    db: client.db('acme'),
    gate: createGate({ db: client.db('tenure'), onError: report }),
    workos,
    clientId: env['WORKOS_CLIENT_ID'] || 'client_acme',
    publicUrl,
    tenureSecret: env['ACME_TENURE_SECRET'] || null,
    onError: report,
  });
  app.server.listen(port, '127.0.0.1', () => process.stdout.write(`Acme runs at ${publicUrl}\n`));
  const stop = (): void => {
    void app
      .close()
      .then(() => client.close())
      .then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

/** What the embedded stack wrote down about itself; empty where it does not run. */
function runningStack(): Record<string, string> {
  const facts: Record<string, string> = {};
  for (const name of ['secrets.json', 'stack.json']) {
    const path = fileURLToPath(new URL(`../../.tenure/${name}`, import.meta.url));
    if (!existsSync(path)) continue;
    const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
    for (const [key, value] of Object.entries(content ?? {})) {
      if (typeof value === 'string') facts[key] = value;
    }
  }
  return facts;
}

function needed(name: string, env: NodeJS.ProcessEnv, fallback: string | undefined): string {
  const value = env[name] || fallback;
  if (value) return value;
  throw new Error(`Set ${name}, or start Tenure first (npm start).`);
}

/** The name only: a message may quote what somebody typed. */
function report(error: unknown): void {
  process.stderr.write(`acme: ${error instanceof Error ? error.name : 'Error'}\n`);
}

try {
  await main(process.env);
} catch (error) {
  process.stderr.write(`acme: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
