import { guardOf, type Membership } from '../domain/membership.ts';
import type {
  DirectoryDocument,
  GuardDocument,
  OrganizationDocument,
} from '../platform/mongo/documents.ts';
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
  const ended = endOfDirectory(directory);
  const endedWhole = organization?.deletedAt ?? ended;
  const approved = approvals.some(
    (guard) =>
      guardOf(membership)?.id === guard._id ||
      // What went later, or went once more, was no part of what was approved.
      (guard.directoryId === null
        ? endedWhole !== null && isDecidedAfter(guard, endedWhole)
        : isDecidedAfter(guard, ended)),
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

/** When the directory itself went last; null: it did not, or was moved away, or nothing told of it. */
export function endOfDirectory(
  directory: Pick<DirectoryDocument, 'deletedAt' | 'unlinkedAt'> | null,
): Date | null {
  return directory?.deletedAt ?? directory?.unlinkedAt ?? null;
}

/** Whether a guard was decided on this end, and not on an earlier one of the same directory. */
export function isDecidedAfter(
  { decidedAt }: Pick<GuardDocument, 'decidedAt'>,
  ended: Date | null,
): boolean {
  return decidedAt !== null && (ended === null || ended <= decidedAt);
}
