import type { Membership } from '../domain/membership.ts';
import type { Store } from '../platform/mongo/store.ts';
import { recordStep } from './record-step.ts';

/** Every session, token and key was revoked and read back empty, for every closing up to `closing`. */
export async function recordRevoked(
  store: Store,
  membershipId: string,
  revoked: { closing: number; counts: Record<string, number> },
): Promise<Membership | null> {
  return recordStep(store, membershipId, (membership, note) => {
    if (membership.revokedClosings >= revoked.closing) return;
    membership.revokedClosings = revoked.closing;
    note('sessionsVerifiedEmpty', revoked.counts);
  });
}
