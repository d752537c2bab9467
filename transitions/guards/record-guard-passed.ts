import { guardOf, type Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { recordStep } from '../lifecycle/record-step.ts';

/** The leaving was counted: it is one of few, and the guard lets it pass. */
export async function recordGuardPassed(
  store: Store,
  membershipId: string,
  generation: number,
): Promise<Membership | null> {
  return recordStep(store, membershipId, (membership) => {
    if (membership.generation !== generation || guardOf(membership) !== null) return;
    membership.guard = { generation, state: 'passed', id: null };
  });
}
