import { describe, expect, it } from '@jest/globals';

import { Refusal } from '../../domain/errors.ts';
import type { Collections, Store } from '../../platform/mongo/store.ts';
import { meeting, unlocked } from './fences.ts';

/** People made ready for one race: what runs at once, and what is wrong afterwards (null: nothing). */
export interface Race {
  atOnce: ((store: Store) => Promise<unknown>)[];
  /** `openedAtMs`: when all of them had begun and none had committed. */
  wrong: (openedAtMs: number) => Promise<string | null>;
  /** false: one of them takes no fence, so it is through while the other one waits for it with its snapshot. */
  meets?: false;
}

/** Makes a race ready, with people of its own, by what happens in it. */
export type Races = Record<string, () => Promise<Race>>;

const times = Number(process.env['TENURE_TEST_RACES'] ?? 12);
/** On a busy machine a race is run fewer times, but never fewer than three. */
const budgetMs = process.env['TENURE_TEST_RACES'] === undefined ? 2_000 : Number.POSITIVE_INFINITY;
const controls = 10;

/**
 * Runs each race often, all of its transactions begun before any has committed: never wrong on the store as
 * it is, and wrong at least once where nothing locks, or the test could not see that a lock is missing.
 *
 * @param store asked for in each test, since it is opened before them
 * @param locks other collections in which a write of these races would be a lock by itself
 */
export function describeRaces(
  what: string,
  races: Races,
  { store, locks = [] }: { store: () => Store; locks?: (keyof Collections)[] },
): void {
  describe(`${what} that both began before either committed`, () => {
    it.each(Object.entries(races))(
      '%s: never wrong with the fences',
      async (_name, prepare) => {
        const enough = Date.now() + budgetMs;
        for (let nth = 0; nth < times && (nth < 3 || Date.now() < enough); nth += 1) {
          expect(await outcome(prepare, store())).toBe(null);
        }
      },
      60_000,
    );

    it.each(Object.entries(races))(
      '%s: wrong where nothing locks, so this test can see it',
      async (_name, prepare) => {
        const seen: (string | null)[] = [];
        for (let nth = 0; nth < controls && !seen.some((one) => one !== null); nth += 1) {
          seen.push(await outcome(prepare, unlocked(store(), locks)));
        }
        expect(seen.at(-1)).not.toBeNull();
      },
      60_000,
    );
  });
}

async function outcome(prepare: () => Promise<Race>, base: Store): Promise<string | null> {
  const { atOnce, wrong, meets = true } = await prepare();
  const { store, openedAtMs } = meeting(base, atOnce.length);
  await Promise.all(atOnce.map(async (run) => run(store)));
  expect(Number.isFinite(openedAtMs())).toBe(meets);
  return wrong(openedAtMs());
}

/** A command that comes too late is refused: one of the right outcomes of a race. */
export async function unlessRefused(command: Promise<unknown>): Promise<'done' | 'refused'> {
  try {
    await command;
    return 'done';
  } catch (error) {
    if (error instanceof Refusal) return 'refused';
    throw error;
  }
}
