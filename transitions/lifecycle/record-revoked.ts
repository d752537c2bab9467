import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { observedOf } from '../membership/observed.ts';
import { recordStep } from './record-step.ts';

/** Every session, token and key was revoked and read back empty, for every closing up to `closing`. */
export async function recordRevoked(
  store: Store,
  membershipId: string,
  revoked: { closing: number; counts: Record<string, number>; observed?: boolean },
): Promise<Membership | null> {
  return recordStep(store, membershipId, (membership, note, at) => {
    if (membership.revokedClosings >= revoked.closing) return;
    membership.revokedClosings = revoked.closing;
    if (revoked.observed !== true) {
      note('sessionsVerifiedEmpty', revoked.counts);
      return;
    }
    const { revocations } = observedOf(membership, at);
    for (const [kind, count] of Object.entries(revoked.counts)) {
      revocations[kind] = (revocations[kind] ?? 0) + count;
    }
    note('wouldRevoke', revoked.counts);
  });
}
