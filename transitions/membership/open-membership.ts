import { isCommitted, isEntitled, type Membership } from '../../domain/membership.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { stepAtRevision } from '../lifecycle/step-at-revision.ts';
import { forgetClosing, widen } from './access-facts.ts';

/** Opens access to whoever may be in, and gives what their directory gives. Returns null where they changed since the look. */
export async function openMembership(
  store: Store,
  membershipId: string,
  atRevision: number,
): Promise<Membership | null> {
  return stepAtRevision(store, membershipId, atRevision, async (membership, note, tx) => {
    if (!mayOpen(membership) || membership.access.state === 'open') return;
    membership.access = { state: 'open', reason: 'open' };
    membership.phase = 'settled';
    // A first opening leaves nothing to do; after a closing the host must still be told that it is over.
    membership.resting = membership.disabledAt === null;
    forgetClosing(membership);
    widen(membership, note);
    note('opened');
    await wantReactivation(tx, membership);
  });
}

function mayOpen(membership: Membership): boolean {
  return (
    isEntitled(membership) &&
    !isCommitted(membership) &&
    membership.disabled === null &&
    !membership.suspended
  );
}

/** What Tenure deactivated at WorkOS when the person left is to work again; a chore tells WorkOS. */
async function wantReactivation(tx: Transaction, membership: Membership): Promise<void> {
  if (membership.closings === 0) return;
  await tx.collections.authkitMemberships.updateMany(
    { membershipId: membership._id },
    { $set: { reactivateSince: tx.at }, $unset: { refusedAt: '' } },
    { session: tx.session },
  );
}
