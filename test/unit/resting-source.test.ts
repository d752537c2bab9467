import { describe, expect, it } from '@jest/globals';

import type { CredentialSource } from '../../connectors/credential-source.ts';
import { failureOf } from '../../connectors/failure.ts';
import { restingSource } from '../../connectors/resting-source.ts';
import { OutgoingFailed } from '../../platform/outgoing/outgoing-failed.ts';

const whose = { membershipId: 'm', userId: 'u', organizationId: 'o', last: true };

/** A source that fails so, and how often it was asked. */
function failing(failure: Error): CredentialSource & { asked: number } {
  const source = {
    kind: 'app',
    asked: 0,
    async revoke(): Promise<never> {
      source.asked += 1;
      throw failure;
    },
    count: async (): Promise<number> => source.revoke(),
  };
  return source;
}

describe('a source that is left alone for a while', () => {
  it.each([
    ['does not answer', new OutgoingFailed('timeout'), 'timeout'],
    [
      'is unavailable',
      new OutgoingFailed('refused', { status: 503, retryAfterMs: null }),
      'answered503',
    ],
  ])('asks for no pause of its own where it %s', async (_name, failure, code) => {
    const source = failing(failure);
    const resting = restingSource(source);
    await expect(resting.count(whose)).rejects.toBe(failure);
    const refused = await resting.count(whose).catch((error: unknown) => error);
    expect(refused).not.toBe(failure);
    expect(failureOf(refused)).toEqual({ code, retryAfterMs: null });
    expect(source.asked).toBe(1);
  });

  it('asks for what is left of the pause that it named', async () => {
    const failure = new OutgoingFailed('refused', { status: 429, retryAfterMs: 30_000 });
    const resting = restingSource(failing(failure));
    await expect(resting.count(whose)).rejects.toBe(failure);
    const { code, retryAfterMs } = failureOf(await resting.count(whose).catch((error) => error));
    expect(code).toBe('answered429');
    expect(retryAfterMs).toBeGreaterThan(25_000);
    expect(retryAfterMs).toBeLessThanOrEqual(30_000);
  });
});
