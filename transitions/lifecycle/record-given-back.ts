import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { observedOf } from '../membership/observed.ts';
import { recordStep } from './record-step.ts';

/** What had been transferred was given back after a return. */
export async function recordGivenBack(
  store: Store,
  membershipId: string,
  returned: number,
  observed = false,
): Promise<Membership | null> {
  return recordStep(store, membershipId, (membership, note, at) => {
    if (!membership.giveBack) return;
    membership.giveBack = false;
    if (observed) observedOf(membership, at);
    note(observed ? 'wouldReturnOwnership' : 'ownershipReturned', { returned });
  });
}
