import type { ConditionsFound, Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { observedOf } from '../membership/observed.ts';
import { recordStep } from './record-step.ts';

/** What the last look, and the count of what is left without an owner, found. */
export async function recordConditions(
  store: Store,
  membershipId: string,
  found: ConditionsFound,
  observed = false,
): Promise<Membership | null> {
  return recordStep(store, membershipId, (membership, note, at) => {
    if (membership.generation !== found.generation) return;
    const before = membership.conditions;
    membership.conditions = found;
    // Nobody who left while Tenure was live is anonymized while it observes, either.
    if (observed) observedOf(membership, at);
    // An outage of WorkOS must not fill the timeline with the same line for days.
    if (before?.lastLook !== found.lastLook || before.ownedLeft !== found.ownedLeft) {
      note('conditionsChecked', { lastLook: found.lastLook, ownedLeft: found.ownedLeft });
    }
  });
}
