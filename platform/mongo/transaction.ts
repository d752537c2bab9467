import {
  MongoError,
  MongoNetworkError,
  MongoOperationTimeoutError,
  MongoServerSelectionError,
} from 'mongodb';

import { StoreUnavailable, within } from './deadline.ts';
import type { Store, Transaction } from './store.ts';

/** How long one try of a transaction may take. What it read at its beginning may be outdated later (`lateCommitMs`). */
export const longestTransactionMs = 10_000;

/** How long all tries together may take where the caller says nothing. */
const allTriesMs = 30_000;

/** How long the commit may take beyond that before nobody waits for it any more. */
const commitMs = 2_000;

export interface TransactionOptions {
  /** How long all tries together may take, milliseconds. Default: half a minute. */
  timeoutMs?: number;
}

/**
 * Runs `work` in one snapshot transaction with a majority, journaled commit, and tries it again on
 * transient conflicts. `work` may run several times, so it must have no effect outside the transaction.
 * An ordinary error thrown by `work` aborts the transaction and is thrown on. Work that took longer than it
 * may is not committed.
 *
 * @throws StoreUnavailable where MongoDB does not answer, or not within `timeoutMs`.
 */
export async function inTransaction<T>(
  store: Store,
  work: (tx: Transaction) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  const { timeoutMs = allTriesMs } = options;
  const toldUsers = new Set<string>();
  try {
    const running = tryUntilCommitted(store, work, toldUsers, performance.now() + timeoutMs);
    const result = await within(timeoutMs + commitMs, running);
    if (toldUsers.size > 0) store.telling.wake([...toldUsers]);
    return result;
  } catch (error) {
    if (isOutage(error)) {
      const kind = error instanceof Error ? error.name : 'an unknown error';
      throw new StoreUnavailable(`MongoDB did not commit: ${kind}`, { cause: error });
    }
    throw error;
  }
}

async function tryUntilCommitted<T>(
  store: Store,
  work: (tx: Transaction) => Promise<T>,
  toldUsers: Set<string>,
  endsAtMs: number,
): Promise<T> {
  const inTime = (beganAtMs: number): void => {
    const nowMs = performance.now();
    if (nowMs <= endsAtMs && nowMs - beganAtMs <= longestTransactionMs) return;
    throw new StoreUnavailable('The transaction took too long.');
  };
  const session = store.client.startSession();
  try {
    return await session.withTransaction(
      async () => {
        const beganAtMs = performance.now();
        inTime(beganAtMs);
        toldUsers.clear();
        const { collections } = store;
        const result = await work({ store, collections, session, at: new Date(), toldUsers });
        inTime(beganAtMs);
        return result;
      },
      {
        readConcern: { level: 'snapshot' },
        writeConcern: { w: 'majority', journal: true },
        readPreference: 'primary',
        maxCommitTimeMS: commitMs,
      },
    );
  } finally {
    await session.endSession();
  }
}

/** What MongoDB says of one document that it refuses: too large, against a rule, or against a unique index. */
const documentRefused = [121, 10334, 11000, 17280];

/** Whether something is wrong with MongoDB itself, or with the way to it, rather than with one document. */
export function concernsStore(error: unknown): boolean {
  if (error instanceof StoreUnavailable || isOutage(error)) return true;
  if (!(error instanceof MongoError)) return false;
  return typeof error.code !== 'number' || !documentRefused.includes(error.code);
}

/** What the driver lets through as it is when a socket closes just before a write. */
const socketCodes = ['EPIPE', 'ECONNRESET', 'ECONNREFUSED', 'ETIMEDOUT'];

/** Whether MongoDB is away, or too slow, rather than asked something wrong: trying again later helps. */
function isOutage(error: unknown): boolean {
  if (
    error instanceof MongoNetworkError ||
    error instanceof MongoServerSelectionError ||
    error instanceof MongoOperationTimeoutError
  ) {
    return true;
  }
  if (error instanceof MongoError) {
    return [
      'TransientTransactionError',
      'UnknownTransactionCommitResult',
      'RetryableWriteError',
    ].some((label) => error.hasErrorLabel(label));
  }
  // By shape: an error of Node itself is no `instanceof Error` across realms.
  const code: unknown =
    typeof error === 'object' && error !== null && 'code' in error ? error.code : null;
  return typeof code === 'string' && socketCodes.includes(code);
}
