import { isNewer, type Version } from '../domain/versions.ts';
import type { DirectoryGroupDocument } from '../platform/mongo/documents.ts';
import type { Store } from '../platform/mongo/store.ts';

/**
 * What WorkOS lists as it is held already is as new as the listing: a delivery that comes later and is older
 * than the listing must not undo it. Written without a transaction, and only where the held version is still
 * the one that was compared; whatever came in between is newer.
 */
export async function confirmUsers(
  store: Store,
  same: readonly { recordId: string; held: Version }[],
  version: Version,
): Promise<void> {
  const outdated = same.filter(({ held }) => isNewer(version, held));
  if (outdated.length === 0) return;
  await store.collections.directoryUsers.bulkWrite(
    outdated.map(({ recordId, held }) => ({
      updateOne: {
        filter: {
          records: {
            $elemMatch: {
              id: recordId,
              'version.eventId': held.eventId,
              'version.eventAtMs': held.eventAtMs,
            },
          },
        },
        // `updatedAtMs` stays: it is of the content, which is the same.
        update: {
          $set: {
            'records.$.version.eventAtMs': version.eventAtMs,
            'records.$.version.eventId': version.eventId,
          },
        },
      },
    })),
    { ordered: false },
  );
}

/** The same for groups. */
export async function confirmGroups(
  store: Store,
  same: readonly Pick<DirectoryGroupDocument, '_id' | 'version'>[],
  version: Version,
): Promise<void> {
  const outdated = same.filter(({ version: held }) => isNewer(version, held));
  if (outdated.length === 0) return;
  await store.collections.directoryGroups.bulkWrite(
    outdated.map(({ _id, version: held }) => ({
      updateOne: {
        filter: { _id, 'version.eventId': held?.eventId ?? '' },
        update: { $set: { version } },
      },
    })),
    { ordered: false },
  );
}

/** No older telling of a group's members counts any more: they were listed whole. */
export async function raiseMembersFloor(
  store: Store,
  groupId: string,
  version: Version,
): Promise<void> {
  await store.collections.directoryGroups.updateOne(
    {
      _id: groupId,
      $or: [{ membersFloor: null }, { 'membersFloor.eventAtMs': { $lt: version.eventAtMs } }],
    },
    { $set: { membersFloor: version } },
  );
}
