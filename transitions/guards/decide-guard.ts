import { Refusal } from '../../domain/errors.ts';
import type { GuardDocument } from '../../platform/mongo/documents.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { keepReason } from '../reasons.ts';
import { restoreConfiguration } from './restore-configuration.ts';

/** An admin's word on a guard. */
export interface GuardWord {
  guardId: string;
  /** `admin:<key name>`. */
  by: string;
  reason: string | null;
}

/**
 * Approves what waits at a guard: ownership transfer and cooling-off go on for everybody who waits. One
 * transaction on the guard, which is then brought to its people; it needs neither Temporal nor WorkOS.
 *
 * Four eyes: where two admins or more exist (`admins`), two of them must approve. The first approval is
 * written down and the guard stays open.
 *
 * @throws Refusal `notFound`, `guardDecided`, or `secondAdminNeeded` where the same admin approves again.
 */
export async function approveGuard(
  store: Store,
  word: GuardWord & { admins: number },
): Promise<GuardDocument> {
  const { by } = word;
  return inTransaction(store, async (tx) => {
    const guard = await openGuardOf(tx, word.guardId);
    const approvers = new Set([...guard.approvals.map((approval) => approval.by), by]);
    const enough = approvers.size >= Math.min(word.admins, 2);
    if (!enough && approvers.size === guard.approvals.length) {
      throw new Refusal('secondAdminNeeded', 'You approved it: another admin must approve it too.');
    }
    const reasonId = await keepReason(tx, word.reason, null);
    const approved = { ...guard, approvals: [...guard.approvals, { by, at: tx.at, reasonId }] };
    return save(tx, enough ? decided(approved, 'approved', { by, at: tx.at, reasonId }) : approved);
  });
}

/**
 * Rejects what waits at a guard: whom the directory still knows is restored, everybody else stays closed
 * and is kept, without a countdown. What a change of configuration replaced is written back in this
 * transaction; for people of a directory a comparison with it is asked for. One admin is enough to keep things.
 *
 * @throws Refusal `notFound`, `guardDecided`, or `changedSince` where a later change stands on this one.
 */
export async function rejectGuard(store: Store, word: GuardWord): Promise<GuardDocument> {
  return inTransaction(store, async (tx) => {
    const guard = await openGuardOf(tx, word.guardId);
    const reasonId = await keepReason(tx, word.reason, null);
    await restoreConfiguration(tx, guard, { by: word.by, at: tx.at, reasonId });
    if (guard.kind !== 'configuration') await askForReconciliation(tx, guard);
    return save(tx, decided(guard, 'rejected', { by: word.by, at: tx.at, reasonId }));
  });
}

async function openGuardOf(tx: Transaction, guardId: string): Promise<GuardDocument> {
  const guard = await tx.collections.guards.findOne({ _id: guardId }, { session: tx.session });
  if (guard === null) throw new Refusal('notFound', 'There is no such guard.');
  if (guard.state !== 'open') {
    throw new Refusal('guardDecided', `The guard is ${guard.state}: there is nothing to decide.`);
  }
  return guard;
}

function decided(
  guard: GuardDocument,
  state: 'approved' | 'rejected',
  { by, at, reasonId }: { by: string; at: Date; reasonId: string | null },
): GuardDocument {
  return {
    ...guard,
    state,
    shown: true,
    decidedBy: by,
    decidedAt: at,
    reasonId,
    spreading: true,
    spreadSince: at,
  };
}

/** The guard's own document is the lock: of two decisions at once one is repeated and sees the other. */
async function save(tx: Transaction, guard: GuardDocument): Promise<GuardDocument> {
  await tx.collections.guards.replaceOne({ _id: guard._id }, guard, { session: tx.session });
  return guard;
}

/**
 * Whom the directory still knows, only the directory can say: it is asked as soon as it answers. One that
 * was deleted knows nobody any more.
 */
async function askForReconciliation(
  tx: Transaction,
  { directoryId, organizationId }: GuardDocument,
): Promise<void> {
  await tx.collections.directories.updateMany(
    { ...(directoryId === null ? { organizationId } : { _id: directoryId }), deletedAt: null },
    { $set: { reconcileWantedAt: tx.at } },
    { session: tx.session },
  );
}
