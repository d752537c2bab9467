import type { Beat, HostMembership } from './host-application.ts';

/** What one call of `revoke` came to. */
export interface RevokeCall {
  /** What was found alive before something was done about it. */
  found: number;
  revoked: number;
}

/**
 * One kind of credentials that let somebody in: sessions, refresh tokens, API keys. One connector a file; each
 * entry of the host file's `sessions` becomes one source (`credential-sources.ts`).
 */
export interface CredentialSource {
  readonly kind: string;
  /** How it can be known that nothing is left: by reading back; or only by waiting until it has expired. */
  readonly proof: 'readBack' | { expiresAfterMs: number };
  /**
   * Ends what a leaving ends, as far as one call goes. Idempotent by `closing` (`Membership.closings`): called
   * again it finds what it did done, also after a crash. Only the reads tell that nothing is left.
   */
  revoke(membership: HostMembership, closing: number, beat: Beat): Promise<RevokeCall>;
  /** How many are alive now. Reads only. */
  count(membership: HostMembership): Promise<number>;
}
