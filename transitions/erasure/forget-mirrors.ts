import type { DirectoryRecord, DirectoryUser } from '../../domain/directory-user.ts';
import { laterVersion, type Version } from '../../domain/versions.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { lockPeople } from '../membership/person-locks.ts';

/**
 * Forgets what directories told of a person. Ids and versions stay: without them a late event would bring
 * the person back as a stranger. Nothing says any more which groups they were in; the floor of their groups
 * lets no late telling say it again.
 */
export async function forgetMirrors(tx: Transaction, membershipId: string): Promise<number> {
  const { session } = tx;
  const mirrors = await tx.collections.directoryUsers.find({ membershipId }, { session }).toArray();
  for (const mirror of mirrors) {
    const ids = mirror.records.map(({ id }) => id);
    // An edge that arrives at once must see that the person is forgotten, or be seen here.
    await lockPeople(tx, mirror.organizationId, ids);
    const floors = await forgetEdges(tx, ids);
    const forgotten: DirectoryUser = {
      _id: mirror._id,
      directoryId: mirror.directoryId,
      organizationId: mirror.organizationId,
      records: mirror.records.map((record) => forgetRecord(record, floors)),
      membershipId: null,
      factsRevision: mirror.factsRevision,
    };
    await tx.collections.directoryUsers.replaceOne({ _id: mirror._id }, forgotten, { session });
  }
  return mirrors.length;
}

function forgetRecord(record: DirectoryRecord, floors: Map<string, Version>): DirectoryRecord {
  const { id, state, version, bornAtMs } = record;
  const known = [floors.get(id) ?? null, record.groupsFloor].filter((floor) => floor !== null);
  const groupsFloor = known.reduce(laterVersion, version);
  return { id, state, version, bornAtMs, roles: [], groupsFloor, profile: null };
}

/** Returns the newest version that an edge had, by directory user. */
async function forgetEdges(
  tx: Transaction,
  directoryUserIds: string[],
): Promise<Map<string, Version>> {
  const { session } = tx;
  const theirs = { directoryUserId: { $in: directoryUserIds } };
  const edges = await tx.collections.directoryEdges.find(theirs, { session }).toArray();
  const newest = new Map<string, Version>();
  for (const { directoryUserId, version } of edges) {
    const known = newest.get(directoryUserId);
    newest.set(directoryUserId, known === undefined ? version : laterVersion(known, version));
  }
  await tx.collections.directoryEdges.deleteMany(theirs, { session });
  return newest;
}
