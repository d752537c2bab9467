/** How revocation paces itself. Milliseconds. */
export interface RevocationPolicy {
  /** Wait between two reads of what is left. */
  readBackPauseMs: number;
  /** After this the pass gives up with `verifiedEmpty: false`; the lifecycle starts another one. */
  giveUpAfterMs: number;
}

export const defaultRevocationPolicy: RevocationPolicy = {
  readBackPauseMs: 50,
  giveUpAfterMs: 20_000,
};
