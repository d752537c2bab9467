import { within as answered } from '../within.ts';

/** Thrown when the store could not be reached or could not commit in time: the caller answers 503. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/**
 * Waits for MongoDB no longer than `timeoutMs`. The driver's own `timeoutMS` has no effect any more (since 7.9), and
 * on a connection that is cut without a word it waits for 40 s and more. What comes later may still be done: see
 * `platform/within.ts`.
 *
 * @throws StoreUnavailable
 */
export async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  return answered(timeoutMs, work, () => new StoreUnavailable('MongoDB did not answer in time.'));
}
