/** Runs work one after another within a lane, and lanes side by side up to a bound. */
export interface Lanes {
  /** Resolves when the work is done; the work itself must not reject. */
  run(lane: string, work: () => Promise<void>): Promise<void>;
}

/** @param bound how many lanes may work at once */
export function createLanes(bound: number): Lanes {
  const tails = new Map<string, Promise<void>>();
  const waiting: (() => void)[] = [];
  let free = bound;

  async function enter(): Promise<void> {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  }
  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  }
  async function inTurn(before: Promise<void>, work: () => Promise<void>): Promise<void> {
    await before;
    await enter();
    try {
      await work();
    } finally {
      leave();
    }
  }
  return {
    async run(lane, work) {
      const mine = inTurn(tails.get(lane) ?? Promise.resolve(), work);
      tails.set(lane, mine);
      await mine;
      // The map would otherwise grow with every directory that ever existed.
      if (tails.get(lane) === mine) tails.delete(lane);
    },
  };
}
