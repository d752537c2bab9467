import type { Logger } from 'pino';

import { productionFences } from '../platform/mongo/fences.ts';
import { isUnusable, migrate } from '../platform/mongo/migrations.ts';
import { connectMongo, storeOn, type Store } from '../platform/mongo/store.ts';
import type { Telling } from '../platform/mongo/telling.ts';
import { StoreUnavailable } from '../platform/mongo/deadline.ts';

/** How long an operation waits for a server: the webhook answers 503 within two seconds. */
const serverSelectionMs = 1_500;
const retryMs = 1_000;

/** The store of a process that is already listening: there as soon as MongoDB is. */
export interface LateStore {
  /** @throws StoreUnavailable until MongoDB answered and the migrations are done */
  store: () => Store;
  /** The store as soon as MongoDB was reached; null before. */
  connected: () => Store | null;
  /** Whether the migrations and `prepare` are done. */
  migrated: () => boolean;
  /**
   * Resolves when all that is done, or given up by `close`. Rejects with what no waiting mends: `NewerSchema`,
   * `StandaloneServer`.
   */
  ready: Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects to MongoDB and migrates, again and again until it works: a process that ended itself whenever
 * the database restarts would only add to the trouble.
 *
 * @param prepare what else must be done before anything is served; may be repeated
 */
export function connectStore(
  mongo: { url: string; database: string; telling: Telling },
  logger: Logger,
  prepare: (store: Store) => Promise<unknown>,
): LateStore {
  let connected: Store | null = null;
  let migrated = false;
  let closing = false;
  const ready = (async () => {
    while (!closing && !migrated) {
      try {
        connected ??= storeOn(
          await connectMongo(mongo.url, serverSelectionMs),
          mongo.database,
          productionFences,
          mongo.telling,
        );
        await migrate(connected);
        await prepare(connected);
        migrated = true;
      } catch (error) {
        if (isUnusable(error)) throw error;
        const step = connected === null ? 'connect' : 'migrate';
        logger.warn({ err: error, step }, 'MongoDB is not ready yet');
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  })();
  return {
    store: () => {
      if (connected === null || !migrated) throw new StoreUnavailable('MongoDB is not ready yet.');
      return connected;
    },
    connected: () => connected,
    migrated: () => migrated,
    ready,
    async close() {
      closing = true;
      await ready.catch(() => undefined);
      await connected?.client.close();
    },
  };
}
