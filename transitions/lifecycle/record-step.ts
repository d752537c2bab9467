import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { changeMembership, type Note } from '../membership/change-membership.ts';

/**
 * The lifecycle writes down what a step did. These are facts: they hold whatever happened meanwhile, so
 * they need no compare-and-set on the revision, and what happened meanwhile stays to be looked at.
 */
export async function recordStep(
  store: Store,
  membershipId: string,
  change: (membership: Membership, note: Note, at: Date) => void,
): Promise<Membership | null> {
  return inTransaction(store, async (tx) =>
    changeMembership(tx, membershipId, { actor: 'lifecycle', own: true }, (membership, note) =>
      change(membership, note, tx.at),
    ),
  );
}
