import { StoreUnavailable } from '../platform/mongo/transaction.ts';

/** How many transactions of a batch are under way at once. */
const parallel = 8;

/**
 * Does the work of one batch, each piece in a transaction of its own, a few at once. A piece that fails does
 * not stand before the others. Returns why some failed, for the caller to throw once everything was tried.
 *
 * @throws StoreUnavailable at once where the store is away: then none can be done.
 */
export async function inTurns(work: readonly (() => Promise<void>)[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (let at = 0; at < work.length; at += parallel) {
    const results = await Promise.allSettled(
      work.slice(at, at + parallel).map(async (one) => one()),
    );
    const reasons = results.flatMap((one): unknown[] =>
      one.status === 'rejected' ? [one.reason] : [],
    );
    const away = reasons.find((reason) => reason instanceof StoreUnavailable);
    if (away !== undefined) throw away;
    failures.push(...reasons);
  }
  return failures;
}
