import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { observedOf } from '../membership/observed.ts';
import { recordStep } from './record-step.ts';

/** The host application was told everything up to the counter `projected`, or would have been (`observed`). */
export async function recordProjected(
  store: Store,
  membershipId: string,
  projected: number,
  observed = false,
): Promise<Membership | null> {
  return recordStep(store, membershipId, (membership, note, at) => {
    if (membership.projection.done >= projected) return;
    if (membership.projection.done === 0) note(observed ? 'wouldProvision' : 'provisioned');
    if (observed) observedOf(membership, at).projections += 1;
    membership.projection.done = projected;
  });
}
