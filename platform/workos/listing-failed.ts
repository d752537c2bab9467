import { refusalIn } from './http-refusal.ts';

/**
 * Why a listing could not be read. `refused`: the key or the request, so that repeating does not help;
 * `missing`: there is no such directory or group; `cursorRefused`: the place in the listing is not known any
 * more, begin it anew; `unreadable`: the one record is there, in a shape that is not understood;
 * `rateLimited`, `unavailable`, `malformed`: asking again later helps.
 */
export type ListingProblem =
  | 'refused'
  | 'missing'
  | 'cursorRefused'
  | 'unreadable'
  | 'rateLimited'
  | 'unavailable'
  | 'malformed';

/** Thrown instead of a page that could not be read whole: a failed page is never an empty one. */
export class ListingFailed extends Error {
  override readonly name = 'ListingFailed';
  readonly problem: ListingProblem;

  constructor(problem: ListingProblem) {
    super(`WorkOS's listing could not be read: ${problem}`);
    this.problem = problem;
  }
}

/** What went wrong, without what the answer said: it may be a person's. */
export function listingFailed(error: unknown, hasCursor: boolean): ListingFailed {
  return new ListingFailed(problemIn(error, hasCursor));
}

const shortestWaitMs = 250;
const longestWaitMs = 60_000;

/** Milliseconds to wait where WorkOS asks for patience: a 429, or a 503 that says how much; null for anything else. */
export function pauseAsked(error: unknown): number | null {
  const refusal = refusalIn(error);
  const isBusy = refusal?.status === 503 && refusal.retryAfterMs !== null;
  if (refusal?.status !== 429 && !isBusy) return null;
  return Math.min(Math.max(refusal.retryAfterMs ?? 1000, shortestWaitMs), longestWaitMs);
}

function problemIn(error: unknown, hasCursor: boolean): ListingProblem {
  const status = refusalIn(error)?.status ?? 0;
  if ([400, 404, 422].includes(status) && hasCursor) return 'cursorRefused';
  if ([400, 401, 403, 422].includes(status)) return 'refused';
  if (status === 404) return 'missing';
  if (status === 429) return 'rateLimited';
  return error instanceof Error && error.name === 'ParseError' ? 'malformed' : 'unavailable';
}
