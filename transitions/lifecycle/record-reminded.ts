import { hasLeft, isCommitted, isRetained, type Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { recordStep } from './record-step.ts';

/** The host application is told that the deletion comes soon: once for each leaving, also where it is put off. */
export async function recordReminded(
  store: Store,
  membershipId: string,
  generation: number,
): Promise<Membership | null> {
  return recordStep(store, membershipId, (membership, note) => {
    if (membership.generation !== generation || membership.reminded === generation) return;
    if (!hasLeft(membership) || isRetained(membership) || isCommitted(membership)) return;
    membership.reminded = generation;
    note('deletionDueSoon', { dueAt: membership.dueAt?.toISOString() ?? null });
  });
}
