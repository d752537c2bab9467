import type { Logger } from 'pino';

import type { HostFile } from '../domain/host-file.ts';
import type { CallerKeys } from '../platform/config.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Store } from '../platform/mongo/store.ts';
import type { LifecycleSignals } from '../platform/temporal/lifecycle-signals.ts';
import type { Readiness } from './readiness.ts';
import type { Scrape } from './scrape.ts';

/** What the API is made of; `api/main.ts` puts it together, tests give their own. */
export interface ApiDeps {
  /**
   * The store. Throws `StoreUnavailable` until MongoDB answered and the migrations are done: nothing may be
   * written before the unique indexes exist.
   */
  store: () => Store;
  hostFile: HostFile;
  /** Fire and forget: it never throws, and no answer waits for Temporal. */
  signals: Pick<LifecycleSignals, 'lookAgain'>;
  readiness: Readiness;
  logger: Logger;
  metrics: Metrics;
  /** The text of `/metrics`. */
  scrape: Scrape;
  newUserId: () => string;
  settings: ApiSettings;
}

export interface ApiSettings {
  keys: CallerKeys;
  webhookSecrets: readonly string[];
  webhookMaxBytes: number;
  inboxBodyDays: number;
  /** `TENURE_MODE=observe`: nobody is denied, and nobody is created. */
  observing: boolean;
  /** Whether answers are held against their schemas: a mismatch is a 500. On outside production. */
  checkResponses: boolean;
}
