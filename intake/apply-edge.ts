import { currentRecord, isForgotten, type DirectoryUser } from '../domain/directory-user.ts';
import { edgeCounts } from '../domain/group-edges.ts';
import {
  areEqual,
  compareVersions,
  isNewer,
  laterVersion,
  type Version,
} from '../domain/versions.ts';
import type { DirectoryEdgeDocument, OrganizationDocument } from '../platform/mongo/documents.ts';
import type { Transaction } from '../platform/mongo/store.ts';
import { lockPeople } from '../transitions/membership/person-locks.ts';
import { settlePerson } from '../transitions/membership/settle-person.ts';
import { signalsOf, type Applied, type IntakeRules } from './applied.ts';
import { ensureDirectory } from './apply-directory.ts';
import { findGroup, insertGroup, isMapped } from './apply-group.ts';
import { acrossDirectories } from './parse-group-event.ts';
import type { EdgeTelling } from './telling.ts';

/**
 * Applies what an event or a listing tells of one person's membership of one group. Only ids are kept, so
 * it may come before the group, before the person, and after both are gone; nobody is made by it. What the
 * group gave goes in this transaction, what it gives is given by the lifecycle.
 */
export async function applyEdge(
  tx: Transaction,
  telling: EdgeTelling,
  rules: IntakeRules,
  receivedAt: Date,
): Promise<Applied> {
  const { organization, directory } = await ensureDirectory(tx, telling, rules.file);
  const applied = { organizationId: organization._id, urgent: [], touched: [] };
  const mirror = await findPerson(tx, telling.directoryUserId);
  const known = await findGroup(tx, telling.groupId);
  if ([mirror, known].some((side) => side !== null && side.directoryId !== telling.directoryId)) {
    return { ...applied, outcome: 'quarantined', problems: [acrossDirectories] };
  }
  const ids = mirror?.records.map(({ id }) => id) ?? [];
  await lockPeople(tx, organization._id, [telling.directoryUserId, ...ids]);
  if (mirror !== null && isForgotten(mirror) && !telling.present) {
    return { ...applied, outcome: await raiseFloor(tx, mirror, telling) };
  }
  const group = known ?? (await insertGroup(tx, telling, organization._id));
  const held = await tx.collections.directoryEdges.findOne(
    { _id: edgeId(telling) },
    { session: tx.session },
  );
  const floors = [group.membersFloor, floorOf(mirror, telling.directoryUserId)];
  if (isOutdated(telling, held, floors)) return { ...applied, outcome: 'stale' };
  await writeEdge(tx, telling, organization._id);
  const counts = edgeCounts(telling, group) !== edgeCounts(held, group);
  if (mirror === null || !counts || !(await matters(tx, organization, mirror, telling))) {
    return { ...applied, outcome: 'applied' };
  }
  const settled = await settlePerson(tx, {
    mirror,
    firstSeen: false,
    organization,
    directory,
    file: rules.file,
    newUserId: rules.newUserId,
    receivedAt,
    cause: 'directory',
  });
  return { ...applied, outcome: 'applied', ...signalsOf(settled) };
}

async function findPerson(tx: Transaction, directoryUserId: string): Promise<DirectoryUser | null> {
  return tx.collections.directoryUsers.findOne(
    { 'records.id': directoryUserId },
    { session: tx.session },
  );
}

function edgeId({ groupId, directoryUserId }: EdgeTelling): string {
  return `${groupId}/${directoryUserId}`;
}

/** Outdated: a newer word about the edge itself is held, or about all the groups of the person, or all members of the group. */
function isOutdated(
  telling: EdgeTelling,
  held: DirectoryEdgeDocument | null,
  floors: (Version | null)[],
): boolean {
  const { version, present } = telling;
  if (floors.some((floor) => floor !== null && compareVersions(version, floor) < 0)) return true;
  if (held === null) return false;
  if (areEqual(version, held.version)) return present || !held.present;
  return !isNewer(version, held.version);
}

function floorOf(mirror: DirectoryUser | null, directoryUserId: string): Version | null {
  return mirror?.records.find(({ id }) => id === directoryUserId)?.groupsFloor ?? null;
}

async function writeEdge(
  tx: Transaction,
  telling: EdgeTelling,
  organizationId: string,
): Promise<void> {
  const { groupId, directoryUserId, directoryId, present, version } = telling;
  await tx.collections.directoryEdges.replaceOne(
    { _id: edgeId(telling) },
    { groupId, directoryUserId, directoryId, organizationId, present, version },
    { session: tx.session, upsert: true },
  );
}

/** Only the groups of the record that counts give anything, and only if something is mapped to them. */
async function matters(
  tx: Transaction,
  organization: OrganizationDocument,
  mirror: DirectoryUser,
  { groupId, directoryUserId }: EdgeTelling,
): Promise<boolean> {
  if (currentRecord(mirror).id !== directoryUserId) return false;
  return isMapped(tx, organization, groupId);
}

/**
 * That a forgotten person is not in a group any more would say that they were in it. Only a version is
 * kept: no older telling of their groups counts from now on, and if they come back WorkOS is asked.
 */
async function raiseFloor(
  tx: Transaction,
  mirror: DirectoryUser,
  { directoryUserId, version }: EdgeTelling,
): Promise<'recorded' | 'stale'> {
  const record = mirror.records.find(({ id }) => id === directoryUserId);
  if (record === undefined || record.groupsFloor === null) return 'stale';
  if (!isNewer(version, record.groupsFloor)) return 'stale';
  record.groupsFloor = laterVersion(record.groupsFloor, version);
  await tx.collections.directoryUsers.replaceOne({ _id: mirror._id }, mirror, {
    session: tx.session,
  });
  return 'recorded';
}
