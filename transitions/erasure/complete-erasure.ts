import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { changeMembership } from '../membership/change-membership.ts';
import { forgetHostUserId } from './forget-host-user-id.ts';

/** The erasure is done and verified: the membership stays readable by its id, as anonymized. */
export async function completeErasure(
  store: Store,
  membershipId: string,
  result: { counts: Record<string, number>; outcome: 'anonymized' | 'deleted' },
): Promise<Membership | null> {
  return inTransaction(store, async (tx) => {
    const completed = await changeMembership(
      tx,
      membershipId,
      { actor: 'lifecycle', own: true },
      (membership, note) => {
        if (membership.erasure === null || membership.erasure.completedAt !== null) return;
        membership.erasure.completedAt = tx.at;
        membership.erasure.counts = result.counts;
        membership.outcome = result.outcome;
        membership.phase = 'anonymized';
        membership.roles = [];
        membership.permissions = [];
        membership.features = [];
        note('anonymized', result.counts);
      },
    );
    // After the change, whose notification is the last one that has to name them.
    if (completed !== null) await forgetHostUserId(tx, completed.userId);
    return completed;
  });
}
