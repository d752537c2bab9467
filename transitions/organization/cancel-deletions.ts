import type { Filter } from 'mongodb';

import { Refusal } from '../../domain/errors.ts';
import type { Membership } from '../../domain/membership.ts';
import type { OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { cancelDeletion } from '../commands/cancel-deletion.ts';
import { inTurns, throwAll } from '../in-turns.ts';
import { keepReason } from '../reasons.ts';
import { lateCommitMs } from './spread-facts.ts';

/** How many people one batch reaches. */
const batchSize = 200;

/**
 * Orders that nobody who has left an organization so far is anonymized: one transaction, whatever their
 * number. It writes the fence that every commit of an erasure writes, and from its own commit on none
 * happens; then it is brought to each of them, as if their deletion had been cancelled one by one.
 *
 * Ordered again, it counts for whoever left until then.
 *
 * @returns how many are still counting down
 * @throws Refusal `notFound` for an organization that nobody has mentioned yet
 */
export async function orderCancellation(
  store: Store,
  order: { organizationId: string; by: string; reason: string | null },
): Promise<{ orderedAt: Date; waiting: number }> {
  const { organizationId, by } = order;
  const orderedAt = await inTransaction(store, async (tx) => {
    await tx.store.fences.organization(tx, organizationId);
    const reasonId = await keepReason(tx, order.reason, null);
    const { matchedCount } = await tx.collections.organizations.updateOne(
      { _id: organizationId },
      { $set: { cancellation: { by, at: tx.at, reasonId } } },
      { session: tx.session },
    );
    if (matchedCount === 0) throw new Refusal('notFound', 'There is no such organization.');
    return tx.at;
  });
  const waiting = await store.collections.memberships.countDocuments(countingDown(organizationId));
  return { orderedAt, waiting };
}

/** Whether an order that is being carried out covers a leaving: nothing irreversible happens to it meanwhile. */
export function isCancelled(
  membership: Pick<Membership, 'disabledAt'>,
  organization: Pick<OrganizationDocument, 'cancellation'> | null,
): boolean {
  const at = organization?.cancellation?.at;
  return at !== undefined && (membership.disabledAt?.getTime() ?? 0) <= at.getTime();
}

/** Who left, is not past the commit point, and whose deletion nobody cancelled. */
function countingDown(organizationId: string): Filter<Membership> {
  return {
    organizationId,
    backed: false,
    erasure: null,
    $expr: {
      $and: [
        { $gt: ['$generation', '$readmitted'] },
        { $ne: ['$retained.generation', '$generation'] },
      ],
    },
  };
}

/**
 * Brings orders to their people, one batch for each organization a call. Each person is a transaction and
 * says by itself whether they were reached, so it goes on after a crash where it stood. It ends only when
 * the longest transaction that left before the order has ended. Returns whether there may be more to do.
 */
export async function spreadCancellations(store: Store): Promise<boolean> {
  const ordered = await store.collections.organizations
    .find({ cancellation: { $exists: true } })
    .toArray();
  const failures: unknown[] = [];
  let more = false;
  for (const { _id, cancellation } of ordered) {
    if (cancellation === undefined) continue;
    const batch = await cancelBatch(store, _id, cancellation);
    failures.push(...batch.failures);
    if (batch.reached > 0) more = true;
    else if (Date.now() - cancellation.at.getTime() >= lateCommitMs) {
      // Only if nobody ordered it again meanwhile.
      await store.collections.organizations.updateOne(
        { _id, 'cancellation.at': cancellation.at },
        { $unset: { cancellation: '' } },
      );
    }
  }
  throwAll(failures);
  return more;
}

type Cancellation = NonNullable<OrganizationDocument['cancellation']>;

async function cancelBatch(
  store: Store,
  organizationId: string,
  { by: actor, at, reasonId }: Cancellation,
): Promise<{ reached: number; failures: unknown[] }> {
  const found = await store.collections.memberships
    .find({ $and: [countingDown(organizationId), { disabledAt: { $lte: at } }] })
    .limit(batchSize)
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
  // Kept once more with each person, and erased with them.
  const text =
    reasonId === null ? null : await store.collections.reasons.findOne({ _id: reasonId });
  const reason = text?.text ?? null;
  const failures = await inTurns(found, async ({ _id }) =>
    unlessBack(cancelDeletion(store, { membershipId: _id, actor, reason })),
  );
  return { reached: found.length, failures };
}

/** Whoever came back meanwhile has nothing to cancel. */
async function unlessBack(cancelling: Promise<Membership>): Promise<void> {
  await cancelling.catch((error: unknown) => {
    if (!(error instanceof Refusal)) throw error;
  });
}
