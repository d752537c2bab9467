import type { CredentialSource } from './credential-source.ts';
import { failureOf, type Failure } from './failure.ts';

/** How long a source is left alone that did not answer, and did not say for how long. */
const restMs = 5_000;

/** What concerns everybody whom the source is asked about, and not the one who was asked about. */
const outages = ['timeout', 'unreachable', 'answered429', 'answered503'];

/**
 * Thrown instead of a call while the source rests: why it does, and for how long still if it said so itself.
 * Else null: a time that only Tenure chose must not take the place of the growing pause between two tries.
 */
export class Resting extends Error {
  override readonly name = 'Resting';
  readonly code: string;
  readonly retryAfterMs: number | null;

  constructor(code: string, retryAfterMs: number | null) {
    super(`The source is left alone for a while: ${code}`);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Leaves a source alone for a while that does not answer, is unavailable or asks for patience (429, 503, by
 * `Retry-After`). Otherwise a mass leaving would keep every worker waiting for one endpoint that is dead, and
 * with it the sessions that others could end.
 */
export function restingSource(source: CredentialSource): CredentialSource {
  let restsUntil = 0;
  let because: Failure | null = null;
  const unlessResting = async <T>(call: () => Promise<T>): Promise<T> => {
    const leftMs = restsUntil - performance.now();
    if (because !== null && leftMs > 0) {
      throw new Resting(because.code, because.retryAfterMs === null ? null : leftMs);
    }
    try {
      return await call();
    } catch (error) {
      const failure = failureOf(error);
      if (outages.includes(failure.code)) {
        because = failure;
        restsUntil = performance.now() + (failure.retryAfterMs ?? restMs);
      }
      throw error;
    }
  };
  return {
    ...source,
    revoke: async (...given) => unlessResting(async () => source.revoke(...given)),
    count: async (membership) => unlessResting(async () => source.count(membership)),
  };
}
