import { guardOf, type Membership } from '../domain/membership.ts';
import type { DirectoryDocument, OrganizationDocument } from '../platform/mongo/documents.ts';
import type { Store } from '../platform/mongo/store.ts';
import { isGoneForGood } from './surroundings.ts';

/** What Tenure knows of a directory's end, as far as one membership is concerned. */
export interface Teardown {
  /** Deleted, unlinked or moved away, or its organization was deleted. */
  gone: boolean;
  /** An admin approved that it is gone: this stands in for asking it about its people. */
  approved: boolean;
}

/** Reads how one directory ended, for the last look at somebody who was in it. */
export async function teardownOf(
  store: Store,
  membership: Membership,
  directoryId: string,
): Promise<Teardown> {
  const { directories, organizations, guards } = store.collections;
  const { organizationId } = membership;
  const directory = await directories.findOne({ _id: directoryId });
  const organization = await organizations.findOne({ _id: organizationId });
  const approvals = await guards
    .find({
      organizationId,
      kind: 'teardown',
      state: 'approved',
      directoryId: { $in: [directoryId, null] },
    })
    .toArray();
  const ended = endOf(directory, organization);
  const approved = approvals.some(
    (guard) =>
      guard.directoryId !== null ||
      guardOf(membership)?.id === guard._id ||
      // Of the whole organization: what went later was no part of what was approved.
      (ended !== null && guard.decidedAt !== null && ended <= guard.decidedAt),
  );
  return { gone: isGone(membership, directory, organization), approved };
}

function isGone(
  { organizationId }: Membership,
  directory: DirectoryDocument | null,
  organization: OrganizationDocument | null,
): boolean {
  if (organization !== null && organization.deletedAt !== null) return true;
  if (directory === null) return false;
  return directory.organizationId !== organizationId || isGoneForGood(directory);
}

function endOf(
  directory: DirectoryDocument | null,
  organization: OrganizationDocument | null,
): Date | null {
  return organization?.deletedAt ?? directory?.deletedAt ?? directory?.unlinkedAt ?? null;
}
