import { setTimeout as pause } from 'node:timers/promises';

/** Something that is done again and again until it is stopped. */
export interface Repeating {
  /** Stops it and waits for the round that is under way. */
  stop(): Promise<void>;
}

export interface Rounds {
  intervalMs: number;
  /** Does one round; true: there is more, so go on at once. */
  round: () => Promise<boolean>;
  onError: (error: unknown) => void;
}

/** Repeats rounds. A round that throws is reported and the next one comes after at least a second. */
export function repeat({ intervalMs, round, onError }: Rounds): Repeating {
  const stopped = new AbortController();
  const done = (async () => {
    while (!stopped.signal.aborted) {
      const waitMs = await oneRound();
      if (waitMs > 0) await pause(waitMs, null, { signal: stopped.signal }).catch(() => null);
    }
  })();

  async function oneRound(): Promise<number> {
    try {
      return (await round()) ? 0 : intervalMs;
    } catch (error) {
      onError(error);
      return Math.max(intervalMs, 1000);
    }
  }

  return {
    async stop() {
      stopped.abort();
      await done;
    },
  };
}
