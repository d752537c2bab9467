import { MongoError } from 'mongodb';

import type { Store, Transaction } from './store.ts';

export interface TransactionOptions {
  /** How long all tries together may take, milliseconds. Default 10 s. */
  timeoutMs?: number;
}

/** Thrown when the store could not be reached or could not commit in time: the caller answers 503. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/**
 * Runs `work` in one snapshot transaction with a majority, journaled commit, and tries it again on
 * transient conflicts. `work` may run several times, so it must have no effect outside the transaction.
 * An ordinary error thrown by `work` aborts the transaction and is thrown on.
 *
 * @throws StoreUnavailable where MongoDB does not answer, or not within `timeoutMs`.
 */
export async function inTransaction<T>(
  store: Store,
  work: (tx: Transaction) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const session = store.client.startSession({ defaultTimeoutMS: timeoutMs });
  try {
    return await session.withTransaction(
      async () => work({ store, collections: store.collections, session, at: new Date() }),
      {
        readConcern: { level: 'snapshot' },
        writeConcern: { w: 'majority', journal: true },
        readPreference: 'primary',
      },
    );
  } catch (error) {
    if (error instanceof MongoError && !isDuplicateKey(error)) {
      throw new StoreUnavailable(`MongoDB did not commit: ${error.name}`, { cause: error });
    }
    throw error;
  } finally {
    await session.endSession();
  }
}

/** Whether MongoDB refused a document because a unique index holds its key already (code 11000). */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoError && error.code === 11000;
}
