import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { observedOf } from '../membership/observed.ts';
import { recordStep } from './record-step.ts';

export interface RoleLossAnswered {
  /** For every loss of roles up to this one. */
  narrowings: number;
  /** Credentials that were revoked, and that were marked for a refresh. */
  revoked: number;
  refreshed: number;
  /** Nothing was done: Tenure only observes. */
  observed?: boolean;
}

/** The sessions were refreshed or revoked as the host file says for a lost role, and read back. */
export async function recordRoleLossAnswered(
  store: Store,
  membershipId: string,
  { narrowings, revoked, refreshed, observed }: RoleLossAnswered,
): Promise<Membership | null> {
  return recordStep(store, membershipId, (membership, note, at) => {
    if (membership.answeredNarrowings >= narrowings) return;
    membership.answeredNarrowings = narrowings;
    if (observed !== true) {
      note('roleLossAnswered', { revoked, refreshed });
      return;
    }
    observedOf(membership, at);
    note('wouldAnswerRoleLoss');
  });
}
