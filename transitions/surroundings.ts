import {
  backingOf,
  currentRecord,
  type Backing,
  type DirectoryUser,
  type Standing,
} from '../domain/directory-user.ts';
import { groupsGrantAccess, type GroupFacts, type RoleMapping } from '../domain/grants.ts';
import type { HostFile } from '../domain/host-file.ts';
import type { Policy } from '../domain/policy.ts';
import { compareVersions } from '../domain/versions.ts';
import type {
  DirectoryDocument,
  DirectoryEdgeDocument,
  DirectoryGroupDocument,
  OrganizationDocument,
} from '../platform/mongo/documents.ts';
import type { Transaction } from '../platform/mongo/store.ts';
import { policyOf } from './organization.ts';

/** What decides on a person beside their own records: read in the transaction that judges them. */
export interface Surroundings {
  policy: Policy;
  mappings: RoleMapping[];
  standingOf(mirror: DirectoryUser): Standing;
  groupsOf(mirror: DirectoryUser): GroupFacts;
}

/** The backing of one directory user in its surroundings. */
export function backingIn(mirror: DirectoryUser, surroundings: Surroundings): Backing {
  return backingOf(mirror, surroundings.policy, surroundings.standingOf(mirror));
}

/** Reads the directories of these mirrors and, where anything is mapped to groups, their groups. */
export async function surroundingsOf(
  tx: Transaction,
  organization: OrganizationDocument,
  file: Pick<HostFile, 'defaults'>,
  mirrors: readonly DirectoryUser[],
): Promise<Surroundings> {
  const policy = policyOf(organization, file);
  const directories = await directoriesOf(tx, mirrors);
  const mappings = organization.mapped ? await mappingsOf(tx, organization._id) : [];
  const groups = organization.mapped ? await groupIdsOf(tx, mirrors) : new Map<string, string[]>();
  const groupIds = (mirror: DirectoryUser): string[] => groups.get(currentRecord(mirror).id) ?? [];
  return {
    policy,
    mappings,
    standingOf: (mirror) => ({
      directoryGone: isGone(mirror, organization, directories.get(mirror.directoryId), tx.at),
      inAccessGroup: groupsGrantAccess(groupIds(mirror), mappings),
    }),
    groupsOf: (mirror) => ({
      groupIds: groupIds(mirror),
      workosRoles: currentRecord(mirror).roles,
    }),
  };
}

/**
 * Whether a directory stands behind nobody any more: deleted, unlinked, or moved to another organization.
 * An announced switch of provider keeps its people in until the window has passed.
 */
function isGone(
  mirror: DirectoryUser,
  organization: OrganizationDocument,
  directory: DirectoryDocument | undefined,
  at: Date,
): boolean {
  if (organization.deletedAt !== null) return true;
  if (directory === undefined) return false;
  if (directory.organizationId !== mirror.organizationId) return true;
  if (organization.switchUntil !== null && at < organization.switchUntil) return false;
  return directory.deletedAt !== null;
}

async function directoriesOf(
  tx: Transaction,
  mirrors: readonly DirectoryUser[],
): Promise<Map<string, DirectoryDocument>> {
  const ids = [...new Set(mirrors.map(({ directoryId }) => directoryId))];
  const found = await tx.collections.directories
    .find({ _id: { $in: ids } }, { session: tx.session })
    .toArray();
  return new Map(found.map((directory) => [directory._id, directory]));
}

async function mappingsOf(tx: Transaction, organizationId: string): Promise<RoleMapping[]> {
  const found = await tx.collections.roleMappings.findOne(
    { _id: organizationId },
    { session: tx.session },
  );
  return found?.mappings ?? [];
}

/** The groups that these people are in now, by the id of their current record. */
async function groupIdsOf(
  tx: Transaction,
  mirrors: readonly DirectoryUser[],
): Promise<Map<string, string[]>> {
  const { session } = tx;
  const ids = mirrors.map((mirror) => currentRecord(mirror).id);
  const edges = await tx.collections.directoryEdges
    .find({ directoryUserId: { $in: ids }, present: true }, { session })
    .toArray();
  const groups = await tx.collections.directoryGroups
    .find({ _id: { $in: edges.map(({ groupId }) => groupId) } }, { session })
    .toArray();
  const byId = new Map(groups.map((group) => [group._id, group]));
  const held = new Map<string, string[]>();
  for (const edge of edges) {
    if (!counts(edge, byId.get(edge.groupId))) continue;
    held.set(edge.directoryUserId, [...(held.get(edge.directoryUserId) ?? []), edge.groupId]);
  }
  return held;
}

/** A deleted group gives nothing, and one that was made again gives nothing to those who were in it before. */
function counts(edge: DirectoryEdgeDocument, group: DirectoryGroupDocument | undefined): boolean {
  if (group === undefined) return true;
  if (group.state === 'deleted') return false;
  return group.deletedVersion === null || compareVersions(edge.version, group.deletedVersion) > 0;
}
