import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';

import { Refusal } from '../domain/errors.ts';

/**
 * The one place where errors become Temporal failures. Messages and stacks of failures are stored in the
 * history unencrypted, and a driver's message may hold what it choked on (a duplicate key prints the
 * e-mail address), so only the kind of error travels; the worker's own log has the rest, redacted.
 */
export function asFailure(error: unknown): Error {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (error instanceof Refusal) return ApplicationFailure.nonRetryable(error.message, error.code);
  const type = error instanceof Error ? error.name : 'UnknownError';
  return ApplicationFailure.retryable(`${type}${codeOf(error)}: see the worker's log`, type);
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'number' || typeof error.code === 'string' ? ` ${error.code}` : '';
}

/** Wraps activities so that whatever they throw leaves them as a failure without personal data. */
export function guarded<A, R>(
  activity: (input: A) => Promise<R>,
  onError: (error: unknown) => void,
): (input: A) => Promise<R> {
  return async (input) => {
    try {
      return await activity(input);
    } catch (error) {
      if (!(error instanceof CancelledFailure)) onError(error);
      throw asFailure(error);
    }
  };
}
