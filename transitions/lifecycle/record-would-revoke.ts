import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { observedOf } from '../membership/observed.ts';
import { recordStep } from './record-step.ts';

/** Nothing was revoked for the closings up to this one, because Tenure only observes: so many would have been. */
export async function recordWouldRevoke(
  store: Store,
  membershipId: string,
  { closing, counts }: { closing: number; counts: Record<string, number> },
): Promise<Membership | null> {
  return recordStep(store, membershipId, (membership, note, at) => {
    if (membership.revokedClosings >= closing) return;
    membership.revokedClosings = closing;
    const { revocations } = observedOf(membership, at);
    for (const [kind, count] of Object.entries(counts)) {
      revocations[kind] = (revocations[kind] ?? 0) + count;
    }
    note('wouldRevoke', counts);
  });
}
