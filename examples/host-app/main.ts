import { once } from 'node:events';

import { WorkOS } from '@workos-inc/node';
import { MongoClient } from 'mongodb';

import { createGate } from '../../gate/create-gate.ts';
import { createApp } from './app.ts';
import { readSettings } from './settings.ts';

/**
 * The example host application. Without settings it finds what `npm start` runs; the environment comes first
 * (`settings.ts`).
 *
 * In a real application the gate has a connection of its own, with a role that reads `gate_v1` and nothing else
 * (`docs/gate.md`), and comes from the package `tenure-gate`.
 */
async function main(env: NodeJS.ProcessEnv): Promise<void> {
  const settings = readSettings(env);
  const { port, workosUrl } = settings;
  for (const warning of settings.warnings) process.stderr.write(`acme: WARNING: ${warning}.\n`);
  const client = await MongoClient.connect(settings.mongodbUrl);
  const workos = new WorkOS(settings.workosApiKey, {
    apiHostname: workosUrl.hostname,
    https: workosUrl.protocol === 'https:',
    ...(workosUrl.port === '' ? {} : { port: Number(workosUrl.port) }),
  });
  const publicUrl = `http://127.0.0.1:${port}`;
  const app = createApp({
    db: client.db('acme'),
    gate: createGate({ db: client.db('tenure'), onError: report }),
    workos,
    clientId: settings.workosClientId,
    publicUrl,
    tenureSecret: settings.tenureSecret,
    onError: report,
  });
  app.server.listen(port, '127.0.0.1');
  await once(app.server, 'listening');
  process.stdout.write(`Acme runs at ${publicUrl}\n`);
  const stop = (): void => {
    void app
      .close()
      .then(() => client.close())
      .then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
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
