import { CancelledFailure } from '@temporalio/common';
import { describe, expect, it, jest } from '@jest/globals';
import { MongoServerError } from 'mongodb';

import { asFailure, guarded } from '../../activities/failures.ts';
import { Refusal } from '../../domain/errors.ts';

const canary = 'ada.lovelace@example.com';

/** Everything of a failure that a Temporal history could keep. */
function everything(error: Error): string {
  const seen: unknown[] = [];
  for (let one: unknown = error; one instanceof Error; one = one.cause) {
    seen.push(one.message, one.name, JSON.stringify(one, Object.getOwnPropertyNames(one)));
  }
  return seen.join('\n');
}

describe('the failure of an activity', () => {
  it.each<[string, unknown]>([
    [
      'a duplicate key',
      new MongoServerError({ code: 11000, message: `E11000 dup key: ${canary}` }),
    ],
    ['an error with a cause', new Error(canary, { cause: new Error(canary) })],
    ['a parser', new SyntaxError(`Unexpected token in ${canary}`)],
    ['an aggregate', new AggregateError([new Error(canary)], canary)],
    ['a thrown text', canary],
    ['a thrown object', { message: canary }],
    ['nothing', undefined],
  ])('of %s holds the kind of error and no personal data', (_of, error) => {
    const failure = asFailure(error);
    expect(everything(failure)).not.toContain(canary);
    expect(failure).toMatchObject({ name: 'ApplicationFailure', nonRetryable: false });
  });

  it('names the kind and the code, for whoever reads the history', () => {
    const failure = asFailure(new MongoServerError({ code: 11000, message: canary }));
    expect(failure.message).toContain('MongoServerError 11000');
  });

  it('of a refusal carries its code and is not repeated', () => {
    expect(asFailure(new Refusal('erasureStarted', 'Too late.'))).toMatchObject({
      type: 'erasureStarted',
      nonRetryable: true,
      message: 'Too late.',
    });
  });

  it('is told to the log as it was, and a cancellation is no failure', async () => {
    const onError = jest.fn();
    const error = new Error(canary);
    const fails = guarded(async () => Promise.reject(error), onError);
    await expect(fails({})).rejects.toMatchObject({ name: 'ApplicationFailure' });
    expect(onError).toHaveBeenCalledWith(error);
    onError.mockClear();
    const cancelled = new CancelledFailure('cancelled');
    const stops = guarded(async () => Promise.reject(cancelled), onError);
    await expect(stops({})).rejects.toBe(cancelled);
    expect(onError).not.toHaveBeenCalled();
  });
});
