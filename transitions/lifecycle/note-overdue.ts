import { pendingKinds } from '../../domain/revocation.ts';
import type { HostFile } from '../../domain/host-file.ts';
import type { Membership } from '../../domain/membership.ts';
import { overdueRevocations } from '../../platform/mongo/overdue-revocations.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { changeMembership } from '../membership/change-membership.ts';
import { notice } from '../notice.ts';

const batchSize = 100;

/**
 * Tells of every closing whose sessions are not verified gone after `overdueMs`: a line in the timeline with
 * the kinds that are missing, and a notice for the admins. Once for each closing. Works from MongoDB alone,
 * since Temporal being down is one of the reasons.
 *
 * @returns whether there may be more
 */
export async function noteOverdueRevocations(
  store: Store,
  file: Pick<HostFile, 'sessions'>,
  overdueMs: number,
): Promise<boolean> {
  const untold = { $expr: { $gt: ['$closings', { $ifNull: ['$overdueClosing', 0] }] } };
  const found = await store.collections.memberships
    .find({ $and: [overdueRevocations(overdueMs), untold] })
    .limit(batchSize)
    .project<Pick<Membership, '_id'>>({ _id: 1 })
    .toArray();
  for (const { _id } of found) await noteOverdue(store, file, _id);
  return found.length === batchSize;
}

async function noteOverdue(
  store: Store,
  file: Pick<HostFile, 'sessions'>,
  membershipId: string,
): Promise<void> {
  await inTransaction(store, async (tx) => {
    let missing = false;
    const written = await changeMembership(
      tx,
      membershipId,
      { actor: 'lifecycle', own: true },
      (membership, note) => {
        missing = false;
        const { closings } = membership;
        missing = membership.revokedClosings < closings && membership.overdueClosing !== closings;
        if (!missing) return;
        membership.overdueClosing = closings;
        note('revocationOverdue', { kinds: pendingKinds(membership, file, closings).join(',') });
      },
    );
    if (written === null || !missing) return;
    const { organizationId } = written;
    await notice(tx, 'revocationOverdue', { organizationId, subjectId: membershipId });
  });
}
