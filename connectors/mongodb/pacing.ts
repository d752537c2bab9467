/** Spreads batch writes over time. One pacer serves all calls of a process, in the order in which they came. */
export interface Pacer {
  /** The most that one batch may write. */
  readonly batchSize: number;
  /** Waits until `writes` more may be sent. At most `batchSize` at a time. */
  turn(writes: number): Promise<void>;
}

/** Documents in one statement: a larger one would hold locks and delay the host's own writes for longer. */
const largestBatch = 200;

/**
 * A pacer for so many writes a second. A batch goes out at once if nothing went before it, and the next one
 * only after the time that it is worth: unused time is not saved up, so that a quiet hour is never followed
 * by a burst, and no batch is larger than one second's worth.
 */
export function createPacer(writesPerSecond: number): Pacer {
  if (!(writesPerSecond > 0)) throw new RangeError('writesPerSecond must be more than 0');
  let freeAt = 0;
  return {
    batchSize: Math.max(1, Math.min(largestBatch, Math.floor(writesPerSecond))),
    async turn(writes: number): Promise<void> {
      const now = performance.now();
      const startsAt = Math.max(now, freeAt);
      freeAt = startsAt + (writes / writesPerSecond) * 1000;
      if (startsAt > now) await pause(startsAt - now);
    },
  };
}

/** Waits so many milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
