import { setTimeout as pause } from 'node:timers/promises';

import type { RevocationOutcome } from '../domain/revocation.ts';
import { within } from '../platform/within.ts';
import type { CredentialSource } from './credential-source.ts';
import { failureOf } from './failure.ts';
import type { Beat, HostMembership } from './host-application.ts';
import type { RevocationPolicy } from './revocation.ts';

/** One pass over some sources. */
export interface Pass {
  /** `Membership.closings`. */
  closing: number;
  policy: RevocationPolicy;
  /** Called after each call that ended something. */
  beat: Beat;
}

/** What a pass found out about one kind, and what patience was asked for. */
export type PassOutcome = RevocationOutcome & { retryAfterMs: number | null };

/** Thrown by a source that does not answer within the time of the pass. */
class Unanswered extends Error {
  override readonly name = 'Unanswered';
  readonly code = 'timeout';
}

const unanswered = (): Unanswered => new Unanswered();

/**
 * Revokes the credentials of one membership in all these sources at the same time, and reads each of them until
 * two consecutive reads find none: a sign-in that was under way when access closed may still write its session
 * a moment later, and one empty read would miss it. Each source is by itself: one that fails or never answers
 * delays no other one. Takes no longer than the policy says, from a source's turn on, and throws nothing.
 */
export async function revokeEverywhere(
  sources: readonly CredentialSource[],
  membership: HostMembership,
  pass: Pass,
): Promise<PassOutcome[]> {
  return Promise.all(sources.map(async (source) => revokeInTurn(source, membership, pass)));
}

/** The time that the policy gives to a pass begins with its turn: to wait for it is no failure of the source. */
async function revokeInTurn(
  source: CredentialSource,
  membership: HostMembership,
  pass: Pass,
): Promise<PassOutcome> {
  const { kind } = source;
  const now = async (): Promise<PassOutcome> => revokeIn(source, membership, pass);
  try {
    return await (source.inTurn === undefined ? now() : source.inTurn(now));
  } catch (error) {
    return { kind, outcome: 'failed', revoked: 0, at: new Date(), ...failureOf(error) };
  }
}

/**
 * How many credentials a leaving would end now, by kind. A kind whose source does not answer is left out: an
 * observing Tenure is tried out, and what it asks may not be there yet.
 */
export async function countEverywhere(
  sources: readonly CredentialSource[],
  membership: HostMembership,
  policy: RevocationPolicy,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  await Promise.all(
    sources.map(async (source) => {
      try {
        counts[source.kind] = await within(
          policy.giveUpAfterMs,
          source.count(membership),
          unanswered,
        );
      } catch {
        // As said above: nobody is told a number that nobody knows.
      }
    }),
  );
  return counts;
}

async function revokeIn(
  source: CredentialSource,
  membership: HostMembership,
  { closing, policy, beat }: Pass,
): Promise<PassOutcome> {
  const { kind } = source;
  const giveUpAt = performance.now() + policy.giveUpAfterMs;
  const inTime = async <T>(call: Promise<T>): Promise<T> =>
    within(giveUpAt - performance.now(), call, unanswered);
  let revoked = 0;
  const failed = (code: string, retryAfterMs: number | null): PassOutcome => {
    return { kind, outcome: 'failed', revoked, at: new Date(), code, retryAfterMs };
  };
  try {
    for (;;) {
      const call = await inTime(source.revoke(membership, closing, beat));
      revoked += call.revoked;
      beat({ done: revoked });
      if (await isEmptyTwice(async () => inTime(source.count(membership)), policy)) {
        return { kind, outcome: 'verifiedEmpty', revoked, at: new Date(), retryAfterMs: null };
      }
      if (performance.now() >= giveUpAt) return failed('notEmpty', null);
      // Nothing changed: wait, instead of spinning on what cannot be ended.
      if (call.revoked === 0) await pause(policy.readBackPauseMs);
    }
  } catch (error) {
    const { code, retryAfterMs } = failureOf(error);
    return failed(code, retryAfterMs);
  }
}

async function isEmptyTwice(
  count: () => Promise<number>,
  { readBackPauseMs }: RevocationPolicy,
): Promise<boolean> {
  if ((await count()) > 0) return false;
  await pause(readBackPauseMs);
  return (await count()) === 0;
}
