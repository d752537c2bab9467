import type { Logger } from 'pino';

import type { HostFile } from '../domain/host-file.ts';
import type { NamedKey } from '../platform/config.ts';
import type { Store } from '../platform/mongo/store.ts';
import type { ApiMetrics } from './metrics.ts';
import type { Readiness } from './readiness.ts';

/** Tells lifecycles to look. Fire and forget: it never throws and nothing waits for it. */
export interface LifecycleSignals {
  lookAgain(memberships: { membershipId: string; organizationId: string }[]): void;
}

/** The host application, as far as the API asks it: who owns a resource that is put on hold. */
export interface ResourceOwners {
  ownersOf(resource: { kind: string; id: string }): Promise<string[]>;
}

/** What the API is made of; `api/main.ts` puts it together, tests give their own. */
export interface ApiDeps {
  /**
   * The store. Throws `StoreUnavailable` until MongoDB answered and the migrations are done: nothing may be
   * written before the unique indexes exist.
   */
  store: () => Store;
  hostFile: HostFile;
  signals: LifecycleSignals;
  resources: ResourceOwners;
  readiness: Readiness;
  logger: Logger;
  metrics: ApiMetrics;
  newUserId: () => string;
  settings: ApiSettings;
}

export interface ApiSettings {
  keys: { admin: readonly NamedKey[]; gate: string | null };
  webhookSecrets: readonly string[];
  webhookMaxBytes: number;
  inboxBodyDays: number;
  /** Whether answers are held against their schemas: a mismatch is a 500. On outside production. */
  checkResponses: boolean;
}
