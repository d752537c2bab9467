import type { Membership } from '../domain/membership.ts';
import type { Store } from '../platform/mongo/store.ts';
import { recordStep } from './record-step.ts';

/** The host application was told everything up to the counter `projected`. */
export async function recordProjected(
  store: Store,
  membershipId: string,
  projected: number,
): Promise<Membership | null> {
  return recordStep(store, membershipId, (membership, note) => {
    if (membership.projection.done >= projected) return;
    if (membership.projection.done === 0) note('provisioned');
    membership.projection.done = projected;
  });
}
