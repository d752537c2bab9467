import type { GateAnswer } from './answer.ts';

/** Answers of the last moment, by the whole question. */
export interface ReadCache {
  get(key: string): GateAnswer | undefined;
  /** @param askedAtMs when the question was sent: what changed since then is not in the answer */
  put(key: string, answer: GateAnswer, askedAtMs: number): void;
}

/**
 * A cache of at most `maxEntries` answers, of which the one that was not needed for longest goes first. An
 * answer counts for `maxAgeMs` from the moment at which its question was sent, so the time that the store took
 * is in it: nobody is let in by what was true longer ago than that.
 */
export function createReadCache({
  maxAgeMs,
  maxEntries,
  nowMs,
}: {
  maxAgeMs: number;
  maxEntries: number;
  nowMs: () => number;
}): ReadCache {
  // A Map lists its keys in the order in which they were set.
  const entries = new Map<string, { answer: GateAnswer; askedAtMs: number }>();
  return {
    get(key) {
      const found = entries.get(key);
      if (found === undefined) return undefined;
      entries.delete(key);
      if (nowMs() - found.askedAtMs >= maxAgeMs) return undefined;
      entries.set(key, found);
      return copyOf(found.answer);
    },
    put(key, answer, askedAtMs) {
      // An answer that was slow must not replace one that knows more.
      const known = entries.get(key);
      if (known !== undefined && known.askedAtMs > askedAtMs) return;
      entries.delete(key);
      entries.set(key, { answer: copyOf(answer), askedAtMs });
      const [oldest] = entries.keys();
      if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
    },
  };
}

/** Whoever gets an answer may change it; the next one must not see that. */
function copyOf(answer: GateAnswer): GateAnswer {
  const { roles, permissions, features } = answer;
  return { ...answer, roles: [...roles], permissions: [...permissions], features: [...features] };
}
