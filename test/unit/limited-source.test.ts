import { setTimeout as pause } from 'node:timers/promises';

import { describe, expect, it } from '@jest/globals';

import type { CredentialSource } from '../../connectors/credential-source.ts';
import { limitedSource } from '../../connectors/limited-source.ts';
import { revokeEverywhere, type PassOutcome } from '../../connectors/revoke-everywhere.ts';

const callMs = 30;

/** A source of which each call takes a while; `begun` and `counted` say for whom, in their order. */
function slow(): CredentialSource & { begun: string[]; counted: string[] } {
  const source = {
    kind: 'authkit',
    begun: [] as string[],
    counted: [] as string[],
    async revoke({ membershipId }: { membershipId: string }) {
      source.begun.push(membershipId);
      await pause(callMs);
      return { found: 1, revoked: 1 };
    },
    async count({ membershipId }: { membershipId: string }) {
      source.counted.push(membershipId);
      await pause(callMs);
      return 0;
    },
  };
  return source;
}

async function pass(source: CredentialSource, membershipId: string): Promise<PassOutcome[]> {
  const whose = { membershipId, userId: 'u', organizationId: 'o', last: true };
  // A pass takes three calls: it has time for itself, with something to spare, but not for seven others before it.
  const policy = { readBackPauseMs: 1, giveUpAfterMs: 14 * callMs };
  return revokeEverywhere([source], whose, { closing: 1, policy, beat: () => undefined });
}

describe('a source that is asked about a few people at once', () => {
  it('gives each pass its whole time from its turn on, in the order in which they came', async () => {
    const source = slow();
    const limited = limitedSource(source, { atOnce: 2, mostWaitMs: 10_000 });
    const people = 'abcdefghijklmnop'.split('');
    const outcomes = await Promise.all(people.map(async (who) => pass(limited, who)));
    expect(outcomes.flat().map(({ outcome }) => outcome)).toEqual(
      people.map(() => 'verifiedEmpty'),
    );
    expect(source.begun).toEqual(people);
    // Whoever is third begins once one of the first two is done.
    expect(source.counted.slice(0, 4).toSorted()).toEqual(['a', 'a', 'b', 'b']);
  });

  it('lets a pass that waits too long give up its place, as failed and not as verified', async () => {
    const source = slow();
    const limited = limitedSource(source, { atOnce: 1, mostWaitMs: callMs });
    const [[first], [second]] = await Promise.all([pass(limited, 'a'), pass(limited, 'b')]);
    expect(first?.outcome).toBe('verifiedEmpty');
    expect(second).toMatchObject({ outcome: 'failed', code: 'noTurn', retryAfterMs: null });
    expect(source.begun).toEqual(['a']);
    expect((await pass(limited, 'c'))[0]?.outcome).toBe('verifiedEmpty');
  });

  it('frees the place of a pass that fails', async () => {
    const broken = { ...slow(), revoke: async () => Promise.reject(new Error('down')) };
    const limited = limitedSource(broken, { atOnce: 1, mostWaitMs: callMs });
    for (const who of ['a', 'b', 'c']) {
      expect((await pass(limited, who))[0]).toMatchObject({ outcome: 'failed', code: 'Error' });
    }
  });
});
