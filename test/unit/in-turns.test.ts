import { describe, expect, it } from '@jest/globals';

import { StoreUnavailable } from '../../platform/mongo/deadline.ts';
import { inTurns, throwAll } from '../../transitions/in-turns.ts';

const pieces = Array.from({ length: 30 }, (_, nth) => nth);

describe('a batch done in turns', () => {
  it('goes on where a piece fails, and says why', async () => {
    const done: number[] = [];
    const failures = await inTurns(pieces, async (nth) => {
      if (nth % 10 === 3) throw new TypeError(`${nth}`);
      done.push(nth);
    });
    expect(failures).toEqual([3, 13, 23].map((nth) => new TypeError(`${nth}`)));
    expect(done).toHaveLength(27);
    expect(() => throwAll(failures)).toThrow('3 failed.');
    expect(() => throwAll([])).not.toThrow();
  });

  it('begins in the order given, a few at once', async () => {
    const begun: number[] = [];
    let [underWay, most] = [0, 0];
    await inTurns(pieces, async (nth) => {
      begun.push(nth);
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setTimeout(resolve, 1));
      underWay -= 1;
    });
    expect(begun).toEqual(pieces);
    expect(most).toBe(8);
  });

  it('ends at once where the store is away', async () => {
    const begun: number[] = [];
    const trying = inTurns(pieces, async (nth) => {
      begun.push(nth);
      throw new StoreUnavailable('away');
    });
    await expect(trying).rejects.toThrow(StoreUnavailable);
    expect(begun).toHaveLength(8);
  });
});
