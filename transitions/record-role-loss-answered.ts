import type { Membership } from '../domain/membership.ts';
import type { Store } from '../platform/mongo/store.ts';
import { recordStep } from './record-step.ts';

export interface RoleLossAnswered {
  /** For every loss of roles up to this one. */
  narrowings: number;
  /** Credentials that were revoked, and that were marked for a refresh. */
  revoked: number;
  refreshed: number;
}

/** The sessions were refreshed or revoked as the host file says for a lost role, and read back. */
export async function recordRoleLossAnswered(
  store: Store,
  membershipId: string,
  { narrowings, revoked, refreshed }: RoleLossAnswered,
): Promise<Membership | null> {
  return recordStep(store, membershipId, (membership, note) => {
    if (membership.answeredNarrowings >= narrowings) return;
    membership.answeredNarrowings = narrowings;
    note('roleLossAnswered', { revoked, refreshed });
  });
}
