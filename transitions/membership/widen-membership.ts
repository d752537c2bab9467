import { isCommitted, type Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { widen } from './access-facts.ts';
import { changeMembership } from './change-membership.ts';

/**
 * Gives an open membership the roles, permissions and features that its directory gives now, and only if
 * nothing changed since the lifecycle looked: a group that was lost in between must not be given after all.
 * Returns null then.
 */
export async function widenMembership(
  store: Store,
  membershipId: string,
  atRevision: number,
): Promise<Membership | null> {
  return inTransaction(store, async (tx) =>
    changeMembership(
      tx,
      membershipId,
      { actor: 'lifecycle', atRevision, own: true },
      (membership, note) => {
        if (isCommitted(membership) || membership.access.state !== 'open') return;
        widen(membership, note);
        membership.resting = true;
      },
    ),
  );
}
