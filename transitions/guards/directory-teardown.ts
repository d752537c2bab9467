import { guardOf, type Membership } from '../../domain/membership.ts';
import type {
  DirectoryDocument,
  GuardDocument,
  OrganizationDocument,
} from '../../platform/mongo/documents.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { isGoneForGood } from '../membership/surroundings.ts';

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

/**
 * The directories of an organization that went, and on whose end nobody has decided: a teardown guard over
 * it is open, and none was decided since it went first. A directory that was unlinked, decided on, and then
 * deleted stays decided.
 */
export async function undecidedEnds(tx: Transaction, organizationId: string): Promise<string[]> {
  const { guards, directories } = tx.collections;
  const { session } = tx;
  const found = await guards.find({ organizationId, kind: 'teardown' }, { session }).toArray();
  const ended = await directories
    .find(
      { organizationId, $or: [{ deletedAt: { $ne: null } }, { unlinkedAt: { $ne: null } }] },
      { session },
    )
    .toArray();
  return ended
    .filter((directory) => {
      const over = found.filter((guard) => isOver(guard, directory._id));
      const first = directory.unlinkedAt ?? directory.deletedAt;
      return (
        over.some(({ state }) => state === 'open') &&
        !over.some((guard) => isDecidedAfter(guard, first))
      );
    })
    .map(({ _id }) => _id);
}

function isOver({ directoryId, ended }: GuardDocument, id: string): boolean {
  return directoryId === id || (ended !== undefined && ended.includes(id));
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
