import type { GuardDocument } from '../../platform/mongo/documents.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { lateCommitMs } from '../organization/spread-facts.ts';
import { waitingAt } from './wait-at-guard.ts';

/**
 * Ends the spreading of a guard that has reached everybody whom it concerns. A guard of configuration or a
 * teardown goes on for as long as its change is being spread, since people may still come to it; then no
 * later ending waits at it any more, and where nobody does the guard is gone.
 */
export async function finishGuard(store: Store, guardId: string): Promise<void> {
  await inTransaction(store, async (tx) => {
    const guard = await tx.collections.guards.findOne({ _id: guardId }, { session: tx.session });
    // Decided, or widened, since it was found at its end: that spreading has only begun.
    if (
      guard?.spreading === undefined ||
      tx.at.getTime() - guard.spreadSince.getTime() < lateCommitMs
    )
      return;
    if (guard.kind !== 'mass') {
      if (await isChangeSpreading(tx, guard)) return;
      await leaveOrganization(tx, guard);
    }
    if (guard.state === 'open' && guard.kind !== 'mass' && !(await isAwaited(tx, guard))) {
      await tx.collections.guards.deleteOne(
        { _id: guardId, shown: false },
        { session: tx.session },
      );
    }
    await tx.collections.guards.updateOne(
      { _id: guardId },
      { $unset: { spreading: '' } },
      { session: tx.session },
    );
  });
}

async function isChangeSpreading(tx: Transaction, guard: GuardDocument): Promise<boolean> {
  const organization = await tx.collections.organizations.findOne(
    { _id: guard.organizationId },
    { session: tx.session, projection: { spreading: 1 } },
  );
  return organization?.spreading === true;
}

/**
 * An ending that a later, harmless change reveals must not wait at a guard of long ago. A change of the
 * organization at the same moment writes the same document, so one of the two is repeated and sees the other.
 */
async function leaveOrganization(tx: Transaction, guard: GuardDocument): Promise<void> {
  await tx.collections.organizations.updateOne(
    { _id: guard.organizationId, guardId: guard._id },
    { $set: { guardId: null } },
    { session: tx.session },
  );
}

async function isAwaited(tx: Transaction, guard: GuardDocument): Promise<boolean> {
  const waiting = await tx.collections.memberships.findOne(waitingAt(guard._id), {
    session: tx.session,
    projection: { _id: 1 },
  });
  return waiting !== null;
}
