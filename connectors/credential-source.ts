import type { Beat, HostMembership } from './host-application.ts';

/** What one call of `revoke` came to. */
export interface RevokeCall {
  /** What was found alive before something was done about it. */
  found: number;
  revoked: number;
}

/**
 * One kind of credentials that let somebody in and that can be read back: sessions, refresh tokens, API keys.
 * One connector a file. What cannot be read back (`jwt`) has no source: it is only known when it expires. What
 * an activity of the host application ends (`temporal`) has none either: the workflow calls it itself.
 *
 * What a method throws is put down to this kind alone: `failureOf` makes a word of it, and `Retry-After` is
 * respected where the error carries `retryAfterMs`.
 */
export interface CredentialSource {
  readonly kind: string;
  /**
   * Ends what a leaving ends, as far as one call goes: a call is made again as long as `count` finds
   * something. Idempotent by `closing` (`Membership.closings`): called again it finds what it did done, also
   * after a crash.
   */
  revoke(membership: HostMembership, closing: number, beat: Beat): Promise<RevokeCall>;
  /** How many are alive now: the only proof that none is left. Reads only. */
  count(membership: HostMembership): Promise<number>;
  /** Does a whole pass of revocation once it is its turn; absent: at once. */
  inTurn?<T>(pass: () => Promise<T>): Promise<T>;
}
