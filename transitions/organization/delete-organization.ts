import type { Transaction } from '../../platform/mongo/store.ts';
import { notice } from '../notice.ts';
import { openGuard } from '../guards/open-guard.ts';
import { raiseOrganization } from './raise-organization.ts';

/**
 * Records that WorkOS announced the deletion of an organization: the guarded path for everybody we know in
 * it, also for those who are in no directory. No event ever takes it back, so a rejection does. Of an unknown
 * organization nothing is recorded.
 *
 * Returns whether anything was: not for one that is unknown or was deleted before.
 */
export async function deleteOrganization(
  tx: Transaction,
  organizationId: string,
): Promise<boolean> {
  const { modifiedCount } = await tx.collections.organizations.updateOne(
    { _id: organizationId, deletedAt: null },
    { $set: { deletedAt: tx.at } },
    { session: tx.session },
  );
  if (modifiedCount === 0) return false;
  await raiseOrganization(tx, organizationId, 'directory');
  const restores = { what: 'deletion' as const };
  await openGuard(tx, { organizationId, kind: 'teardown', directoryId: null, restores });
  await notice(tx, 'organizationDeleted', { organizationId });
  return true;
}
