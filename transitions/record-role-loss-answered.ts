import type { Membership } from '../domain/membership.ts';
import type { Store } from '../platform/mongo/store.ts';
import { recordStep } from './record-step.ts';

/** The sessions were refreshed or revoked for every loss of roles up to `narrowings`. */
export async function recordRoleLossAnswered(
  store: Store,
  membershipId: string,
  narrowings: number,
): Promise<Membership | null> {
  return recordStep(store, membershipId, (membership, note) => {
    if (membership.answeredNarrowings >= narrowings) return;
    membership.answeredNarrowings = narrowings;
    note('roleLossAnswered');
  });
}
