import type { Membership } from '../../domain/membership.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { changeMembership, type Note } from '../membership/change-membership.ts';

/**
 * The lifecycle does a step that is a change of the membership itself, and only if nothing changed since it
 * looked at the whole state: a leaving, a disable or a lost group in between raised the revision. Nothing is
 * done then, and null is returned.
 */
export async function stepAtRevision(
  store: Store,
  membershipId: string,
  atRevision: number,
  change: (membership: Membership, note: Note, tx: Transaction) => void | Promise<void>,
): Promise<Membership | null> {
  return inTransaction(store, async (tx) =>
    changeMembership(
      tx,
      membershipId,
      { actor: 'lifecycle', atRevision, own: true },
      async (membership, note) => change(membership, note, tx),
    ),
  );
}
