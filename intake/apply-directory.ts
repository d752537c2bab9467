import type { HostFile } from '../domain/host-file.ts';
import { isNewer, type Version } from '../domain/versions.ts';
import type { DirectoryDocument, OrganizationDocument } from '../platform/mongo/documents.ts';
import type { Transaction } from '../platform/mongo/store.ts';
import { tenantOf } from '../platform/tenant.ts';
import type { DirectoryData } from '../platform/workos/wire.ts';
import { changeDirectory } from '../transitions/organization/change-directory.ts';
import { notice } from '../transitions/notice.ts';
import {
  ensureOrganization,
  turnOnDirectorySync,
} from '../transitions/organization/organization.ts';
import type { Applied } from './applied.ts';

/**
 * Applies `dsync.activated` and `dsync.deleted`. An activated directory is read whole once, since its
 * people may have been there for long. A deleted one ends the backing of everybody in it by the guarded
 * path, for which WorkOS sends no other event.
 */
export async function applyDirectory(
  tx: Transaction,
  change: { directory: DirectoryData; deleted: boolean; eventAtMs: number; eventId: string },
  file: HostFile,
): Promise<Applied> {
  const { directory, deleted, eventAtMs, eventId } = change;
  const known = await findDirectory(tx, directory.id);
  // A deletion repeats what WorkOS remembered; where the directory belongs is what was known before.
  const organizationId =
    deleted && known !== null
      ? known.organizationId
      : tenantOf(file, directory.organization_id, directory.id);
  const organization = await ensureOrganization(tx, organizationId);
  const nothing = { organizationId, urgent: [], touched: [] };
  const stale = !isNewer(versionOf(change), known === null ? null : versionOf(known));
  if (stale) return { ...nothing, outcome: 'stale' };
  if (!deleted) await turnOnDirectorySync(tx, organization);
  // WorkOS was asked since: an activation from before that is read late, and brings nothing back.
  const unlinkedSince =
    !deleted && known !== null && (known.unlinkedAt?.getTime() ?? 0) > eventAtMs ? known : null;
  await changeDirectory(tx, known, {
    ...(known ?? unknownDirectory(directory.id, organizationId, tx.at)),
    organizationId,
    type: directory.type ?? known?.type ?? null,
    name: directory.name ?? known?.name ?? null,
    // WorkOS repeats the state from before a deletion; it says nothing.
    state: deleted ? 'deleted' : (unlinkedSince?.state ?? directory.state ?? 'active'),
    eventAtMs,
    eventId,
    deletedAt: deleted ? tx.at : null,
    // A deletion leaves it: what an admin decided on that end is still decided.
    unlinkedAt: (deleted ? known : unlinkedSince)?.unlinkedAt ?? null,
    ...(deleted ? {} : { reconcileWantedAt: tx.at }),
  });
  if (deleted) await notice(tx, 'directoryDeleted', { organizationId, directoryId: directory.id });
  return { ...nothing, outcome: 'applied' };
}

/**
 * The directory and organization of an event about a person. Its people may come before the directory's
 * own announcement, or without it: then it is written down as `unannounced`, with a notice.
 */
export async function ensureDirectory(
  tx: Transaction,
  of: { directoryId: string; workosOrganizationId: string | null },
  file: HostFile,
): Promise<{ organization: OrganizationDocument; directory: DirectoryDocument }> {
  const known = await findDirectory(tx, of.directoryId);
  if (known !== null) {
    const organization = await ensureOrganization(tx, known.organizationId);
    return { organization, directory: known };
  }
  const organizationId = tenantOf(file, of.workosOrganizationId, of.directoryId);
  const organization = await ensureOrganization(tx, organizationId);
  await turnOnDirectorySync(tx, organization);
  const directory = {
    ...unknownDirectory(of.directoryId, organizationId, tx.at),
    // Who else is in it was announced before Tenure listened, or is still on its way.
    reconcileWantedAt: tx.at,
  };
  await changeDirectory(tx, null, directory);
  await notice(tx, 'unannouncedDirectory', { organizationId, directoryId: of.directoryId });
  return { organization, directory };
}

/** One that no event told of yet is older than any event. */
function versionOf({ eventAtMs, eventId }: { eventAtMs: number; eventId?: string }): Version {
  return { eventAtMs, eventId: eventId ?? '', updatedAtMs: null };
}

async function findDirectory(tx: Transaction, id: string): Promise<DirectoryDocument | null> {
  return tx.collections.directories.findOne({ _id: id }, { session: tx.session });
}

function unknownDirectory(id: string, organizationId: string, at: Date): DirectoryDocument {
  return {
    _id: id,
    organizationId,
    type: null,
    name: null,
    state: 'unannounced',
    eventAtMs: 0,
    deletedAt: null,
    unlinkedAt: null,
    checkedAt: null,
    movedFrom: null,
    createdAt: at,
  };
}
