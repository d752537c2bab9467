import { areEqual, isNewer, laterVersion, type Version } from '../domain/versions.ts';
import type { DirectoryGroupDocument, OrganizationDocument } from '../platform/mongo/documents.ts';
import type { Transaction } from '../platform/mongo/store.ts';
import { raiseOrganization } from '../transitions/organization/raise-organization.ts';
import type { Applied, IntakeRules } from './applied.ts';
import { ensureDirectory } from './apply-directory.ts';
import type { GroupTelling } from './telling.ts';

/**
 * Applies what an event or a listing tells of a group. Nobody is made or touched here: a deletion ends what
 * the group gave to everybody in it, though no event about them comes, and is spread to them afterwards.
 */
export async function applyGroup(
  tx: Transaction,
  telling: GroupTelling,
  rules: Pick<IntakeRules, 'file'>,
): Promise<Applied> {
  const { organization } = await ensureDirectory(tx, telling, rules.file);
  const applied = { organizationId: organization._id, urgent: [], touched: [] };
  const known = await findGroup(tx, telling.groupId);
  const held = known ?? unknownGroup(telling, organization._id);
  const group = withTelling(held, telling, organization._id);
  if (group === held) return { ...applied, outcome: 'stale' };
  await tx.collections.directoryGroups.replaceOne({ _id: group._id }, group, {
    session: tx.session,
    upsert: true,
  });
  if (givesOtherwise(held, group)) {
    // Whoever maps the group right now must see that it gives otherwise, or this must see the mapping.
    await tx.store.fences.organization(tx, organization._id);
    if (await isMapped(tx, organization, group._id)) await raiseForGroup(tx, organization);
  }
  return { ...applied, outcome: 'applied' };
}

/** Writes down a group of which only an edge told so far: that may come before the group itself. */
export async function insertGroup(
  tx: Transaction,
  of: Pick<GroupTelling, 'groupId' | 'directoryId'>,
  organizationId: string,
): Promise<DirectoryGroupDocument> {
  const group = unknownGroup(of, organizationId);
  await tx.collections.directoryGroups.insertOne(group, { session: tx.session });
  return group;
}

/** Whether the organization's mappings name a group: of the others nothing follows. */
export async function isMapped(
  tx: Transaction,
  organization: OrganizationDocument,
  groupId: string,
): Promise<boolean> {
  if (!organization.mapped) return false;
  const found = await tx.collections.roleMappings.findOne(
    { _id: organization._id, 'mappings.directoryGroupId': groupId },
    { session: tx.session, projection: { _id: 1 } },
  );
  return found !== null;
}

/** A group as it is known; null: never told of. */
export async function findGroup(
  tx: Transaction,
  groupId: string,
): Promise<DirectoryGroupDocument | null> {
  return tx.collections.directoryGroups.findOne({ _id: groupId }, { session: tx.session });
}

function unknownGroup(
  { groupId, directoryId }: Pick<GroupTelling, 'groupId' | 'directoryId'>,
  organizationId: string,
): DirectoryGroupDocument {
  return {
    _id: groupId,
    directoryId,
    organizationId,
    name: null,
    state: 'active',
    version: null,
    deletedVersion: null,
    membersFloor: null,
  };
}

/** The group with what is new in the telling; the same object where nothing is. */
function withTelling(
  held: DirectoryGroupDocument,
  telling: GroupTelling,
  organizationId: string,
): DirectoryGroupDocument {
  const deletedVersion =
    telling.state === 'deleted'
      ? latest(held.deletedVersion, telling.version)
      : held.deletedVersion;
  if (replaces(telling, held)) {
    const { directoryId, state, version } = telling;
    const name = telling.name ?? held.name;
    return { ...held, directoryId, organizationId, name, state, version, deletedVersion };
  }
  // An outdated deletion still says that who was in the group before it is not in it any more.
  return deletedVersion === held.deletedVersion ? held : { ...held, deletedVersion };
}

function replaces(telling: GroupTelling, { version, state }: DirectoryGroupDocument): boolean {
  if (version !== null && areEqual(telling.version, version)) {
    return telling.state === 'deleted' && state === 'active';
  }
  return isNewer(telling.version, version);
}

/** The held object itself where it is the later one, so that "nothing new" can be told. */
function latest(held: Version | null, told: Version): Version {
  return held === null ? told : laterVersion(held, told);
}

/** A new name gives nobody anything: groups are known by their id. */
function givesOtherwise(before: DirectoryGroupDocument, after: DirectoryGroupDocument): boolean {
  return before.state !== after.state || before.deletedVersion !== after.deletedVersion;
}

/**
 * Its people are judged by the new facts. What ends by a group's deletion is counted as any other leaving:
 * it waits at no guard of an earlier change of the configuration, once that one has reached everybody.
 */
async function raiseForGroup(tx: Transaction, organization: OrganizationDocument): Promise<void> {
  await raiseOrganization(tx, organization._id, 'directory');
  if (organization.spreading === true || organization.guardId === null) return;
  await tx.collections.organizations.updateOne(
    { _id: organization._id },
    { $set: { guardId: null } },
    { session: tx.session },
  );
}
