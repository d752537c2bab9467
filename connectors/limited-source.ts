import type { CredentialSource } from './credential-source.ts';

/**
 * Lets only so many passes over a source be under way in this process, the others in the order in which they came.
 * Where the other side allows so many requests a second, more passes at once only make each of them slower, until
 * none comes to its end within the time that it has. The time of a pass begins with its turn.
 *
 * @param mostWaitMs after this a pass gives up its place, so that what came of other sources is written down
 */
export function limitedSource(
  source: CredentialSource,
  { atOnce, mostWaitMs }: { atOnce: number; mostWaitMs: number },
): CredentialSource {
  const waiting: (() => void)[] = [];
  let free = atOnce;
  const turn = async (): Promise<void> => {
    if (free > 0) {
      free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const begin = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(begin), 1);
        reject(new NoTurn());
      }, mostWaitMs);
      waiting.push(begin);
    });
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return {
    ...source,
    async inTurn(pass) {
      await turn();
      try {
        return await pass();
      } finally {
        leave();
      }
    },
  };
}

/** Thrown where the turn of a pass did not come: nothing is known, and it is tried again. */
class NoTurn extends Error {
  override readonly name = 'NoTurn';
  readonly code = 'noTurn';
}
