import { isCommitted, type Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { stepAtRevision } from '../lifecycle/step-at-revision.ts';
import { widen } from './access-facts.ts';

/**
 * Gives an open membership the roles, permissions and features that its directory gives now. Returns null
 * where they changed since the look: a group that was lost in between must not be given after all.
 */
export async function widenMembership(
  store: Store,
  membershipId: string,
  atRevision: number,
): Promise<Membership | null> {
  return stepAtRevision(store, membershipId, atRevision, (membership, note) => {
    if (isCommitted(membership) || membership.access.state !== 'open') return;
    widen(membership, note);
    membership.resting = true;
  });
}
