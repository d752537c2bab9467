import {
  backingOf,
  currentRecord,
  obstacleOf,
  type Backing,
  type BackingObstacle,
  type DirectoryUser,
  type Standing,
} from '../../domain/directory-user.ts';
import { edgeCounts } from '../../domain/group-edges.ts';
import { groupsGrantAccess, type GroupFacts, type RoleMapping } from '../../domain/grants.ts';
import type { HostFile } from '../../domain/host-file.ts';
import type { Policy } from '../../domain/policy.ts';
import type { DirectoryDocument, OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { policyOf } from '../organization/organization.ts';

/** What decides on a person beside their own records: read in the transaction that judges them. */
export interface Surroundings {
  policy: Policy;
  /** Of the groups that these people are in. */
  mappings: RoleMapping[];
  standingOf(mirror: DirectoryUser): Standing;
  /** The type of their directory as WorkOS names it (`okta scim v2.0`); null where nothing said so yet. */
  directoryTypeOf(mirror: DirectoryUser): string | null;
  groupsOf(mirror: DirectoryUser): GroupFacts;
}

/** The backing of one directory user in its surroundings. */
export function backingIn(mirror: DirectoryUser, surroundings: Surroundings): Backing {
  return backingOf(mirror, surroundings.policy, surroundings.standingOf(mirror));
}

/**
 * Whether the record says that the person is there, though its directory may have no say in it, or no group
 * lets them in yet.
 */
export function saysTheyAreThere(mirror: DirectoryUser, surroundings: Surroundings): boolean {
  const withSay = {
    ...surroundings.policy,
    lifecycleAuthority: 'any' as const,
    accessByGroup: false,
  };
  return backingOf(mirror, withSay, surroundings.standingOf(mirror)) === 'backs';
}

/** Whether a directory that has a say tells by the record itself, or by its end, that the person is out. */
export function saysTheyAreOut(mirror: DirectoryUser, surroundings: Surroundings): boolean {
  const { policy } = surroundings;
  const hasSay =
    policy.lifecycleAuthority === 'any' || policy.lifecycleAuthority.includes(mirror.directoryId);
  const byItself = { ...policy, accessByGroup: false };
  return hasSay && backingOf(mirror, byItself, surroundings.standingOf(mirror)) === 'none';
}

/** What is read through: a transaction, wherever something is decided by it. */
type Reading = Pick<Transaction, 'collections' | 'session'>;

/**
 * What keeps each of these directory users of one organization from backing anybody, to be shown: nothing
 * may be decided by it. null: it backs.
 */
export async function obstaclesOf(
  { client, collections }: Store,
  organization: OrganizationDocument,
  file: Pick<HostFile, 'defaults'>,
  mirrors: readonly DirectoryUser[],
): Promise<Map<string, BackingObstacle | null>> {
  const surroundings = await client.withSession(async (session) =>
    surroundingsOf({ collections, session }, organization, file, mirrors),
  );
  return new Map(
    mirrors.map((mirror) => {
      const standing = surroundings.standingOf(mirror);
      return [mirror._id, obstacleOf(mirror, surroundings.policy, standing)];
    }),
  );
}

/** Reads the directories of these mirrors and, where anything is mapped to groups, their groups. */
export async function surroundingsOf(
  tx: Reading,
  organization: OrganizationDocument,
  file: Pick<HostFile, 'defaults'>,
  mirrors: readonly DirectoryUser[],
  known?: DirectoryDocument,
): Promise<Surroundings> {
  const policy = policyOf(organization, file);
  const directories = await directoriesOf(tx, mirrors, known);
  const groups = organization.mapped ? await groupIdsOf(tx, mirrors) : new Map<string, string[]>();
  const mappings = await mappingsOf(tx, organization._id, [...groups.values()].flat());
  const groupIds = (mirror: DirectoryUser): string[] => groups.get(currentRecord(mirror).id) ?? [];
  return {
    policy,
    mappings,
    standingOf: (mirror) => ({
      directoryGone: isGone(organization, directories.get(mirror.directoryId)),
      inAccessGroup: groupsGrantAccess(groupIds(mirror), mappings),
    }),
    directoryTypeOf: (mirror) => directories.get(mirror.directoryId)?.type ?? null,
    groupsOf: (mirror) => ({
      groupIds: groupIds(mirror),
      workosRoles: currentRecord(mirror).roles,
    }),
  };
}

/**
 * Whether a directory stands behind nobody any more: deleted, unlinked, or moved to another organization.
 * An announced switch of provider keeps its people in until the window has passed, where it went during the
 * window or nobody had decided on its end before: what was approved months ago stays as it is.
 */
function isGone(
  organization: OrganizationDocument,
  directory: DirectoryDocument | undefined,
): boolean {
  if (organization.deletedAt !== null) return true;
  if (directory === undefined) return false;
  if (directory.organizationId !== organization._id) return true;
  if (!isGoneForGood(directory)) return false;
  return !(isSwitching(organization) && keptBySwitch(organization).includes(directory._id));
}

/** Deleted, or unlinked by the customer: it tells of nobody any more. */
export function isGoneForGood(
  directory: Pick<DirectoryDocument, 'deletedAt' | 'unlinkedAt'>,
): boolean {
  return directory.deletedAt !== null || directory.unlinkedAt !== null;
}

/**
 * Whether an admin announced a switch of provider that nobody ended yet. Not by the clock: whoever is judged
 * between the end of the window and its being written down (`endSwitches`) would go out without a guard.
 */
export function isSwitching({ switchUntil }: Pick<OrganizationDocument, 'switchUntil'>): boolean {
  return switchUntil !== null;
}

/** The directories whose end an announced switch of provider holds up. */
export function keptBySwitch({
  switchKeeps,
}: Pick<OrganizationDocument, 'switchKeeps'>): readonly string[] {
  return switchKeeps ?? [];
}

async function directoriesOf(
  tx: Reading,
  mirrors: readonly DirectoryUser[],
  known: DirectoryDocument | undefined,
): Promise<Map<string, DirectoryDocument>> {
  const ids = [...new Set(mirrors.map(({ directoryId }) => directoryId))];
  // Nearly everybody is in one directory, which the intake has read already.
  if (known !== undefined && ids.every((id) => id === known._id)) {
    return new Map([[known._id, known]]);
  }
  const found = await tx.collections.directories
    .find({ _id: { $in: ids } }, { session: tx.session })
    .toArray();
  return new Map(found.map((directory) => [directory._id, directory]));
}

/** Only those of these groups leave the server: of an organization's thousand a person concerns a few. */
async function mappingsOf(
  tx: Reading,
  organizationId: string,
  groupIds: string[],
): Promise<RoleMapping[]> {
  if (groupIds.length === 0) return [];
  const cond = { $in: ['$$this.directoryGroupId', { $literal: groupIds }] };
  const found = await tx.collections.roleMappings.findOne(
    { _id: organizationId },
    { session: tx.session, projection: { mappings: { $filter: { input: '$mappings', cond } } } },
  );
  return found?.mappings ?? [];
}

/** The groups that these people are in now, by the id of their current record. */
async function groupIdsOf(
  tx: Reading,
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
    if (!edgeCounts(edge, byId.get(edge.groupId) ?? null)) continue;
    held.set(edge.directoryUserId, [...(held.get(edge.directoryUserId) ?? []), edge.groupId]);
  }
  return held;
}
