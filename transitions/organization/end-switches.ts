import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { openGuard } from '../guards/open-guard.ts';
import { inTurns, throwAll } from '../in-turns.ts';
import { keptBySwitch } from '../membership/surroundings.ts';
import { raiseOrganization } from './raise-organization.ts';

/**
 * Ends the windows that have passed: whoever was not found again in a directory that is still there loses
 * their backing by the guarded path. Returns how many windows ended.
 */
export async function endSwitches(store: Store, at: Date): Promise<number> {
  const over = await store.collections.organizations
    // The type is named so that the partial index is used.
    .find({ switchUntil: { $type: 'date', $lte: at } })
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
  throwAll(await inTurns(over, async ({ _id }) => endSwitch(store, _id, at)));
  return over.length;
}

async function endSwitch(store: Store, organizationId: string, at: Date): Promise<void> {
  await inTransaction(store, async (tx) => {
    const before = await tx.collections.organizations.findOneAndUpdate(
      { _id: organizationId, switchUntil: { $lte: at } },
      { $set: { switchUntil: null, switchKeeps: [] } },
      { session: tx.session, returnDocument: 'before' },
    );
    if (before === null) return;
    await raiseOrganization(tx, organizationId, 'directory');
    await guardSwitchEnd(tx, organizationId, keptBySwitch(before));
  });
}

/** The guard at which everybody waits whom the end of a window puts out. `kept`: the directories it held up. */
export async function guardSwitchEnd(
  tx: Transaction,
  organizationId: string,
  kept: readonly string[],
): Promise<void> {
  await openGuard(tx, {
    organizationId,
    kind: 'teardown',
    directoryId: null,
    ended: [...kept],
    restores: null,
  });
}
