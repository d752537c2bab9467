import type { HostFile } from '../domain/host-file.ts';
import type { DirectoryDocument, OrganizationDocument } from '../platform/mongo/documents.ts';
import type { Transaction } from '../platform/mongo/store.ts';
import { tenantOf } from '../platform/tenant.ts';
import type { DirectoryData } from '../platform/workos/wire.ts';
import { notice } from '../transitions/notice.ts';
import { ensureOrganization, turnOnDirectorySync } from '../transitions/organization.ts';
import type { Applied } from './applied.ts';

/**
 * Applies `dsync.activated`, and records `dsync.deleted` with a notice. A deleted directory closes nobody's
 * access here: that is a change about many people at once and takes the guarded path.
 */
export async function applyDirectory(
  tx: Transaction,
  change: { directory: DirectoryData; deleted: boolean; eventAtMs: number },
  file: HostFile,
): Promise<Applied> {
  const { directory, deleted, eventAtMs } = change;
  const organizationId = tenantOf(file, directory.organization_id, directory.id);
  const organization = await ensureOrganization(tx, organizationId);
  const known = await tx.collections.directories.findOne(
    { _id: directory.id },
    { session: tx.session },
  );
  const nothing = { organizationId, urgent: [], touched: [] };
  const stale = known !== null && known.eventAtMs > eventAtMs;
  if (stale) return { ...nothing, outcome: 'stale' };
  if (!deleted) await turnOnDirectorySync(tx, organization);
  await writeDirectory(tx, {
    _id: directory.id,
    organizationId,
    type: directory.type ?? known?.type ?? null,
    name: directory.name ?? known?.name ?? null,
    // WorkOS repeats the state from before a deletion; it says nothing.
    state: deleted ? 'deleted' : (directory.state ?? 'active'),
    eventAtMs,
    deletedAt: deleted ? tx.at : null,
    createdAt: known?.createdAt ?? tx.at,
  });
  if (deleted) await notice(tx, 'directoryDeleted', { organizationId, directoryId: directory.id });
  return { ...nothing, outcome: deleted ? 'recorded' : 'applied' };
}

/**
 * The directory and organization of an event about a person. Its people may come before the directory's
 * own announcement, or without it: then it is written down as `unannounced`, with a notice.
 */
export async function ensureDirectory(
  tx: Transaction,
  of: { directoryId: string; workosOrganizationId: string | null },
  file: HostFile,
): Promise<{ organization: OrganizationDocument }> {
  const known = await tx.collections.directories.findOne(
    { _id: of.directoryId },
    { session: tx.session },
  );
  if (known !== null) {
    return { organization: await ensureOrganization(tx, known.organizationId) };
  }
  const organizationId = tenantOf(file, of.workosOrganizationId, of.directoryId);
  const organization = await ensureOrganization(tx, organizationId);
  await turnOnDirectorySync(tx, organization);
  await writeDirectory(tx, {
    _id: of.directoryId,
    organizationId,
    type: null,
    name: null,
    state: 'unannounced',
    eventAtMs: 0,
    deletedAt: null,
    createdAt: tx.at,
  });
  await notice(tx, 'unannouncedDirectory', { organizationId, directoryId: of.directoryId });
  return { organization };
}

async function writeDirectory(tx: Transaction, directory: DirectoryDocument): Promise<void> {
  await tx.collections.directories.replaceOne({ _id: directory._id }, directory, {
    session: tx.session,
    upsert: true,
  });
}
