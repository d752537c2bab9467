import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { endOfDirectory, isDecidedAfter } from './directory-teardown.ts';
import { openGuardFor } from './open-guard.ts';
import { waitAtGuard } from './wait-at-guard.ts';

/**
 * Somebody who left long before their directory went comes to the last look, and nobody answers for them any
 * more: they wait at a guard over the end of that directory, which is opened where there is none. So there
 * is something to approve also where nobody was left to lose access when the directory went.
 *
 * An admin's rejection of that end stands: then nothing stands in for the last look.
 */
export async function waitForTeardown(
  store: Store,
  { _id, organizationId, generation }: Membership,
  directoryId: string,
): Promise<void> {
  await inTransaction(store, async (tx) => {
    await tx.store.fences.keys(tx, [`guard/${directoryId}`]);
    const guards = await tx.collections.guards
      .find(
        { organizationId, directoryId, kind: 'teardown', state: { $ne: 'withdrawn' } },
        { session: tx.session },
      )
      .toArray();
    const { directories } = tx.collections;
    const directory = await directories.findOne({ _id: directoryId }, { session: tx.session });
    // What was decided on an earlier end of the same directory says nothing about this one.
    if (guards.some((guard) => isDecidedAfter(guard, endOfDirectory(directory)))) return;
    const open = guards.find(({ state }) => state === 'open');
    const opening = { organizationId, directoryId, kind: 'teardown' as const, restores: null };
    const guardId = open?._id ?? (await openGuardFor(tx, opening));
    await waitAtGuard(tx, _id, {
      guard: { _id: guardId },
      generation,
      instead: ['passed', 'approved', 'rejected'],
    });
  });
}
