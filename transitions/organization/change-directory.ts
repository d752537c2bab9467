import type { DirectoryDocument } from '../../platform/mongo/documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { openGuard } from '../guards/open-guard.ts';
import { ensureOrganization } from './organization.ts';
import { raiseOrganization } from './raise-organization.ts';
import { isGoneForGood, isSwitching } from '../membership/surroundings.ts';

/**
 * Writes what is known of a directory now. Where that ends the backing of its people (deleted, unlinked,
 * moved to another organization) they take the guarded path: the fact is recorded in the organization's
 * fence and spread afterwards, access closes, and nothing else happens until somebody decides. Where it is
 * back, so are they.
 *
 * WorkOS sends `dsync.deleted` and nothing for the people in it, and no event at all for an unlinked one.
 */
export async function changeDirectory(
  tx: Transaction,
  known: DirectoryDocument | null,
  directory: DirectoryDocument,
): Promise<void> {
  const moved = known !== null && known.organizationId !== directory.organizationId;
  const { reconcileWantedAt, ...rest } = directory;
  const wanted = reconcileWantedAt ?? known?.reconcileWantedAt;
  await tx.collections.directories.replaceOne(
    { _id: directory._id },
    {
      ...rest,
      movedFrom: moved ? known.organizationId : directory.movedFrom,
      ...(wanted === undefined ? {} : { reconcileWantedAt: wanted }),
    },
    { session: tx.session, upsert: true },
  );
  if (known === null) return;
  if (moved) {
    // Its groups are known in the organization where they are mapped.
    await tx.collections.directoryGroups.updateMany(
      { directoryId: directory._id },
      { $set: { organizationId: directory.organizationId } },
      { session: tx.session },
    );
    await guardTeardown(tx, known.organizationId, directory._id);
    await raiseOrganization(tx, directory.organizationId, 'directory');
    return;
  }
  const wasGone = isGoneForGood(known);
  if (isGoneForGood(directory) === wasGone) return;
  if (wasGone) await raiseOrganization(tx, directory.organizationId, 'directory');
  else await endBacking(tx, directory.organizationId, directory._id);
}

async function endBacking(
  tx: Transaction,
  organizationId: string,
  directoryId: string,
): Promise<void> {
  const organization = await ensureOrganization(tx, organizationId);
  if (!isSwitching(organization)) return guardTeardown(tx, organizationId, directoryId);
  // An announced switch keeps them in; its end takes the guarded path (`end-switches.ts`).
  await tx.collections.organizations.updateOne(
    { _id: organizationId },
    { $addToSet: { switchKeeps: directoryId } },
    { session: tx.session },
  );
}

async function guardTeardown(
  tx: Transaction,
  organizationId: string,
  directoryId: string,
): Promise<void> {
  await raiseOrganization(tx, organizationId, 'directory');
  await openGuard(tx, { organizationId, kind: 'teardown', directoryId, restores: null });
}
