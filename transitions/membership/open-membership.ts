import { isCommitted, isEntitled, type Membership } from '../../domain/membership.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { forgetClosing, widen } from './access-facts.ts';
import { changeMembership } from './change-membership.ts';

/**
 * Opens access, and only if nothing changed since the lifecycle looked at the whole state: a leaving, a
 * disable or a suspension in between raised the revision, and then nobody is let in. Returns null then.
 */
export async function openMembership(
  store: Store,
  membershipId: string,
  atRevision: number,
): Promise<Membership | null> {
  return inTransaction(store, async (tx) => {
    const opened = await changeMembership(
      tx,
      membershipId,
      { actor: 'lifecycle', atRevision, own: true },
      (membership, note) => {
        const mayOpen =
          isEntitled(membership) &&
          !isCommitted(membership) &&
          membership.disabled === null &&
          !membership.suspended;
        if (!mayOpen || membership.access.state === 'open') return;
        membership.access = { state: 'open', reason: 'open' };
        membership.phase = 'settled';
        // A first opening leaves nothing to do; after a closing the host must still be told that it is over.
        membership.resting = membership.disabledAt === null;
        forgetClosing(membership);
        widen(membership, note);
        note('opened');
      },
    );
    if (opened !== null && opened.access.state === 'open') await wantReactivation(tx, opened);
    return opened;
  });
}

/** What Tenure deactivated at WorkOS when the person left is to work again; a chore tells WorkOS. */
async function wantReactivation(tx: Transaction, membership: Membership): Promise<void> {
  if (membership.closings === 0) return;
  await tx.collections.authkitMemberships.updateMany(
    { membershipId: membership._id },
    { $set: { reactivateSince: tx.at } },
    { session: tx.session },
  );
}
