import { personLock } from '../../platform/ids.ts';
import type { Transaction } from '../../platform/mongo/store.ts';

/**
 * Locks what is known of directory users, by buckets that identify nobody. An edge and the person whom it
 * is about are different documents: arriving at once, neither transaction would see the other one, and a
 * group's roles would be given to nobody, or kept by somebody who lost it.
 */
export async function lockPeople(
  tx: Transaction,
  organizationId: string,
  directoryUserIds: readonly string[],
): Promise<void> {
  await tx.store.fences.keys(
    tx,
    directoryUserIds.map((id) => personLock(organizationId, id)),
  );
}
