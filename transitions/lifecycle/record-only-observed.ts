import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { observedOf } from '../membership/observed.ts';
import { recordStep } from './record-step.ts';

/** A step was left undone because Tenure only observes. */
export async function recordOnlyObserved(
  store: Store,
  membershipId: string,
): Promise<Membership | null> {
  return recordStep(store, membershipId, (membership, _note, at) => {
    observedOf(membership, at);
  });
}
