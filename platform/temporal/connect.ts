import { Client, Connection } from '@temporalio/client';

import type { TemporalConfig } from '../config-temporal.ts';

/**
 * A Temporal client that connects at its first call and again after an outage: a process must start, and
 * take webhooks in, while Temporal is down.
 */
export function createTemporalClient(config: TemporalConfig): Client {
  const connection = Connection.lazy({ ...config.connection, connectTimeout: 5000 });
  return new Client({ connection, namespace: config.namespace });
}
