import { freeHandle } from './lookup.ts';
import type { Directory, DirectoryState, Group, InactiveUsers, Organization } from './state.ts';
import { activatedDirectory, directoryInEvent, groupOnWire, organizationOnWire } from './wire.ts';
import { SimulatorError } from './world.ts';
import type { World } from './world.ts';

/** What the control API may say about a new organization. */
export interface NewOrganization {
  id?: string | undefined;
  handle?: string | undefined;
  name: string;
  domains?: string[] | undefined;
}

/** Creates an organization and announces `organization.created`. */
export function createOrganization(world: World, input: NewOrganization): Organization {
  const { state } = world;
  const at = world.timestamp();
  const organization: Organization = {
    id: unusedId(state.organizations, input.id) ?? world.id('org'),
    handle: freeHandle(input.handle ?? input.name, handles(state.organizations)),
    name: input.name,
    domains: input.domains ?? [],
    createdAt: at,
    updatedAt: at,
  };
  world.emit('organization.created', organizationOnWire(organization), organization.id);
  state.organizations.push(organization);
  return organization;
}

/** What the control API may say about a new directory. */
export interface NewDirectory {
  id?: string | undefined;
  handle?: string | undefined;
  name: string;
  type: string;
  /** Null: a directory that belongs to no organization, as WorkOS allows. */
  organizationId: string | null;
  state?: DirectoryState | undefined;
  inactiveUsers?: InactiveUsers | undefined;
  keepsDeletedUsers?: boolean | undefined;
  deprecatedAttributes?: boolean | undefined;
}

/** Creates a directory; one that starts as `linked` is announced with `dsync.activated`. */
export function createDirectory(world: World, input: NewDirectory): Directory {
  const { state } = world;
  const at = world.timestamp();
  const id = unusedId(state.directories, input.id) ?? world.id('directory');
  const directory: Directory = {
    id,
    handle: freeHandle(input.handle ?? input.name, handles(state.directories)),
    organizationId: input.organizationId,
    type: input.type,
    name: input.name,
    externalKey: id.slice(-16).toLowerCase(),
    state: input.state ?? 'linked',
    inactiveUsers: input.inactiveUsers ?? null,
    keepsDeletedUsers: input.keepsDeletedUsers ?? false,
    deprecatedAttributes: input.deprecatedAttributes ?? false,
    createdAt: at,
    updatedAt: at,
  };
  if (directory.state === 'linked') announceActivated(world, directory);
  state.directories.push(directory);
  world.touch();
  return directory;
}

/**
 * Changes the state of a directory. Only the way to `linked` is announced: for a directory that loses its
 * credentials or its link WorkOS documents no event, so a consumer has to ask.
 */
export function changeDirectoryState(world: World, directory: Directory, to: DirectoryState): void {
  const from = directory.state;
  directory.state = to;
  directory.updatedAt = world.timestamp();
  if (to === 'linked' && (from === 'unlinked' || from === 'validating')) {
    announceActivated(world, directory);
  }
  world.touch();
}

/**
 * Deletes a directory with everyone in it. `dsync.deleted` is the only event: none follows for users, groups or
 * edges, and all of them answer 404 from then on.
 */
export function deleteDirectory(world: World, directory: Directory): void {
  const { state } = world;
  world.emit('dsync.deleted', directoryInEvent(directory), directory.organizationId);
  state.directories = state.directories.filter(({ id }) => id !== directory.id);
  state.people = state.people.filter(({ directoryId }) => directoryId !== directory.id);
  state.groups = state.groups.filter(({ directoryId }) => directoryId !== directory.id);
  world.touch();
}

/**
 * Moves a directory, with everyone in it, to another organization: it is announced anew with its old id, and no
 * event follows for the people in it.
 */
export function moveDirectory(world: World, directory: Directory, to: Organization): void {
  const { id } = directory;
  const items = [
    directory,
    ...world.state.groups.filter((group) => group.directoryId === id),
    ...world.state.people.filter((person) => person.directoryId === id).map(({ user }) => user),
  ];
  for (const item of items) item.organizationId = to.id;
  directory.updatedAt = world.timestamp();
  announceActivated(world, directory);
  world.touch();
}

/** Deletes an organization with its directories: `dsync.deleted` for each, then `organization.deleted`. */
export function deleteOrganization(world: World, organization: Organization): void {
  const { state } = world;
  const own = state.directories.filter(({ organizationId }) => organizationId === organization.id);
  for (const directory of own) deleteDirectory(world, directory);
  world.emit('organization.deleted', organizationOnWire(organization), organization.id);
  state.organizations = state.organizations.filter(({ id }) => id !== organization.id);
  world.touch();
}

/** What the control API may say about a new group. */
export interface NewGroup {
  handle?: string | undefined;
  idpId?: string | undefined;
  name: string;
}

/** Creates a group and announces `dsync.group.created`. */
export function createGroup(world: World, directory: Directory, input: NewGroup): Group {
  const { state } = world;
  const at = world.timestamp();
  const peers = state.groups.filter(({ directoryId }) => directoryId === directory.id);
  const group: Group = {
    id: world.id('directory_group'),
    handle: freeHandle(input.handle ?? input.name, handles(peers)),
    directoryId: directory.id,
    organizationId: directory.organizationId,
    // Okta uses the display name as the provider's id of a group, the others an id of their own.
    idpId:
      input.idpId ?? (directory.type === 'okta scim v2.0' ? input.name : world.id('idp_group')),
    name: input.name,
    createdAt: at,
    updatedAt: at,
  };
  world.emit('dsync.group.created', groupOnWire(group), group.organizationId);
  state.groups.push(group);
  return group;
}

/** Renames a group and announces `dsync.group.updated`. */
export function renameGroup(world: World, group: Group, name: string): void {
  if (name === group.name) return;
  const renamed = { ...group, name, updatedAt: world.timestamp() };
  const data = { ...groupOnWire(renamed), previous_attributes: { name: group.name } };
  world.emit('dsync.group.updated', data, group.organizationId);
  Object.assign(group, renamed);
}

/** Deletes a group. WorkOS sends no `dsync.group.user_removed` for its members. */
export function deleteGroup(world: World, group: Group): void {
  world.emit('dsync.group.deleted', groupOnWire(group), group.organizationId);
  world.state.groups = world.state.groups.filter(({ id }) => id !== group.id);
  for (const { user } of world.state.people) {
    user.groupIds = user.groupIds.filter((id) => id !== group.id);
  }
  world.touch();
}

function announceActivated(world: World, directory: Directory): void {
  const organization = world.state.organizations.find(({ id }) => id === directory.organizationId);
  world.emit(
    'dsync.activated',
    activatedDirectory(directory, organization),
    directory.organizationId,
  );
}

function handles(items: { handle: string }[]): string[] {
  return items.map(({ handle }) => handle);
}

function unusedId(items: { id: string }[], wanted: string | undefined): string | undefined {
  if (items.some(({ id }) => id === wanted)) {
    throw new SimulatorError(409, `The id ${wanted} is taken.`);
  }
  return wanted;
}
