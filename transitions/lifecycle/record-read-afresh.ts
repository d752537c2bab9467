import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { recordStep } from './record-step.ts';

/**
 * WorkOS was asked afresh about the person, as often as was wanted when the asking began: a return in
 * between wants another one.
 */
export async function recordReadAfresh(
  store: Store,
  membershipId: string,
  wanted: number,
): Promise<Membership | null> {
  return recordStep(store, membershipId, (membership) => {
    membership.readAfresh.done = Math.max(membership.readAfresh.done, wanted);
  });
}
