import { StoreUnavailable } from '../platform/mongo/deadline.ts';

/** How many transactions of a batch are under way at once. */
const parallel = 8;

/**
 * Does the work of one batch, each piece in a transaction of its own, a few at once, in the order given. A
 * piece that fails does not stand before the others. Returns why some failed, for `throwAll` once everything
 * else that is to be done was tried too.
 *
 * @throws StoreUnavailable at once where the store is away: then none can be done.
 */
export async function inTurns<T>(
  pieces: readonly T[],
  work: (piece: T) => Promise<unknown>,
): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (let at = 0; at < pieces.length; at += parallel) {
    const results = await Promise.allSettled(
      pieces.slice(at, at + parallel).map(async (piece) => work(piece)),
    );
    const reasons = reasonsOf(results);
    const away = reasons.find((reason) => reason instanceof StoreUnavailable);
    if (away !== undefined) throw away;
    failures.push(...reasons);
  }
  return failures;
}

/** Why some of what was tried failed. */
export function reasonsOf(results: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return results.flatMap((one): unknown[] => (one.status === 'rejected' ? [one.reason] : []));
}

/** Tells of what failed; called last, or one that cannot be done would stand before all others. */
export function throwAll(failures: readonly unknown[]): void {
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} failed.`);
}
