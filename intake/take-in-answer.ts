import { randomUUID } from 'node:crypto';

import { isForgotten, type DirectoryRecord, type DirectoryUser } from '../domain/directory-user.ts';
import { compareVersions, isNewer, listingVersion, type Version } from '../domain/versions.ts';
import type { DirectoryEdgeDocument } from '../platform/mongo/documents.ts';
import { repeatOnDuplicateKey } from '../platform/mongo/duplicate-key.ts';
import type { Store, Transaction } from '../platform/mongo/store.ts';
import { inTransaction } from '../platform/mongo/transaction.ts';
import { defaultMarginMs } from '../platform/workos/directory-listing.ts';
import { directoryUserData, type DirectoryGroupData } from '../platform/workos/wire.ts';
import { lockPeople } from '../transitions/membership/person-locks.ts';
import type { Applied, IntakeRules } from './applied.ts';
import { ensureDirectory } from './apply-directory.ts';
import { applyEdge } from './apply-edge.ts';
import { applyGroup } from './apply-group.ts';
import { applyUser } from './apply-user.ts';
import { tellingOf } from './parse-user-event.ts';
import type { EdgeTelling, GroupTelling, UserTelling } from './telling.ts';

/**
 * What WorkOS answered to a question, taken in by the same functions as an event. An answer has no event: its
 * version is the time as of which it holds (see `asOfMs` of the listing), so that it neither adds nor removes
 * what is newer.
 */

/** Whether an answer was applied. `newer`: something newer is held, so that it said nothing. */
export type Taken = 'applied' | 'newer';

/** The version of an answer that holds as of this time. */
export function versionOfAnswer(asOfMs: number): Version {
  return listingVersion(asOfMs, randomUUID());
}

/** A directory user as WorkOS answered a question of `askedAt`; null for an answer that cannot be read. */
export function tellingOfAnswer(data: unknown, askedAt: Date): UserTelling | null {
  const parsed = directoryUserData.safeParse(data);
  if (!parsed.success) return null;
  return tellingOf(parsed.data, versionOfAnswer(askedAt.getTime() - defaultMarginMs), false);
}

/** Takes in a directory user as listed. */
export async function takeInUser(
  store: Store,
  telling: UserTelling,
  rules: IntakeRules,
): Promise<Taken> {
  return taking(store, async (tx) => applyUser(tx, telling, rules, tx.at));
}

/** Takes in that WorkOS does not know a directory user any more: a leaving like any other. */
export async function takeInAbsentUser(
  store: Store,
  { mirror, record, version }: { mirror: DirectoryUser; record: DirectoryRecord; version: Version },
  rules: IntakeRules,
): Promise<Taken> {
  const { profile } = record;
  const telling: UserTelling = {
    directoryId: mirror.directoryId,
    workosOrganizationId: null,
    idpId: mirror.idpId ?? null,
    // The profile stays as it was told last: the one who left is still shown until they are forgotten.
    record: { ...record, state: 'deleted', version, profile: profile ?? nothingTold },
  };
  return takeInUser(store, telling, rules);
}

const nothingTold: NonNullable<DirectoryRecord['profile']> = {
  email: null,
  username: null,
  firstName: null,
  lastName: null,
  name: null,
  managerEmail: null,
  attributes: {},
};

/** Takes in a group as listed, or as not known any more. */
export async function takeInGroup(
  store: Store,
  telling: GroupTelling,
  rules: IntakeRules,
): Promise<Taken> {
  return taking(store, async (tx) => applyGroup(tx, telling, rules));
}

/** Takes in one person's membership of one group as listed. */
export async function takeInEdge(
  store: Store,
  telling: EdgeTelling,
  rules: IntakeRules,
): Promise<Taken> {
  return taking(store, async (tx) => applyEdge(tx, telling, rules, tx.at));
}

/** All the groups of one directory user, as WorkOS listed them. */
export interface GroupsOfUser {
  directoryId: string;
  directoryUserId: string;
  groups: DirectoryGroupData[];
  /** Ids of groups that are listed and could not be read: nothing is known of them. */
  unreadable: string[];
  version: Version;
}

/** What a listing of somebody's groups came to: the ids of the groups. */
export interface GroupsTaken {
  joined: string[];
  left: string[];
  /** Something newer is held about these. */
  newer: string[];
}

/**
 * Takes in all the groups of one person: those that are not listed are left, and from now on no older telling
 * of any of them counts (a floor), as WorkOS announces a group nobody's coming back to only once.
 */
export async function takeInGroupsOfUser(
  store: Store,
  listed: GroupsOfUser,
  rules: IntakeRules,
): Promise<GroupsTaken> {
  return repeatOnDuplicateKey(async () =>
    inTransaction(store, async (tx) => applyGroupsOfUser(tx, listed, rules)),
  );
}

async function applyGroupsOfUser(
  tx: Transaction,
  { directoryId, directoryUserId, groups, unreadable, version }: GroupsOfUser,
  rules: IntakeRules,
): Promise<GroupsTaken> {
  const { session } = tx;
  const taken: GroupsTaken = { joined: [], left: [], newer: [] };
  const mirror = await tx.collections.directoryUsers.findOne(
    { 'records.id': directoryUserId },
    { session },
  );
  // Of a forgotten person no groups are kept; if they come back WorkOS is asked again.
  if (mirror === null || isForgotten(mirror)) return taken;
  const from = { directoryId, workosOrganizationId: null };
  const { organization } = await ensureDirectory(tx, from, rules.file);
  // Before the edges are read: an edge that arrives at once must be seen, or wait.
  await lockPeople(tx, organization._id, [directoryUserId]);
  const held = await tx.collections.directoryEdges
    .find({ directoryUserId, directoryId, present: true }, { session })
    .toArray();
  const wanted = new Set(groups.map(({ id }) => id));
  const now = await withoutEnded(tx, held);
  const differing = [
    ...[...wanted].filter((id) => !now.has(id)).map((groupId) => ({ groupId, present: true })),
    ...[...now]
      .filter((id) => !wanted.has(id) && !unreadable.includes(id))
      .map((groupId) => ({ groupId, present: false })),
  ];
  for (const { groupId, present } of differing) {
    const edge = { ...from, groupId, directoryUserId, present, version };
    const { outcome } = await applyEdge(tx, edge, rules, tx.at);
    if (outcome === 'stale') taken.newer.push(groupId);
    else if (present) taken.joined.push(groupId);
    else taken.left.push(groupId);
  }
  await raiseGroupsFloor(tx, directoryUserId, version);
  return taken;
}

/** The groups of these edges, but for those that were deleted since: who is listed in them is in them anew. */
async function withoutEnded(tx: Transaction, held: DirectoryEdgeDocument[]): Promise<Set<string>> {
  const deleted = await tx.collections.directoryGroups
    .find(
      { _id: { $in: held.map(({ groupId }) => groupId) }, deletedVersion: { $ne: null } },
      { session: tx.session },
    )
    .toArray();
  const ended = new Map(deleted.map((group) => [group._id, group.deletedVersion]));
  const lasting = held.filter(({ groupId, version }) =>
    isNewer(version, ended.get(groupId) ?? null),
  );
  return new Set(lasting.map(({ groupId }) => groupId));
}

/** From now on no older telling of any group of this person counts. */
export async function raiseGroupsFloor(
  tx: Transaction,
  directoryUserId: string,
  version: Version,
): Promise<void> {
  const { session } = tx;
  const { directoryUsers } = tx.collections;
  const mirror = await directoryUsers.findOne({ 'records.id': directoryUserId }, { session });
  const record = mirror?.records.find(({ id }) => id === directoryUserId);
  if (mirror === null || record === undefined) return;
  // A floor without a profile is what tells a forgotten person from a stranger.
  if (record.profile === null) return;
  if (record.groupsFloor !== null && compareVersions(record.groupsFloor, version) >= 0) return;
  await directoryUsers.updateOne(
    { _id: mirror._id, 'records.id': directoryUserId },
    { $set: { 'records.$.groupsFloor': version } },
    { session },
  );
}

async function taking(store: Store, work: (tx: Transaction) => Promise<Applied>): Promise<Taken> {
  const { outcome } = await repeatOnDuplicateKey(async () => inTransaction(store, work));
  return outcome === 'stale' ? 'newer' : 'applied';
}
