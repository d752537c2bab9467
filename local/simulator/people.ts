import { directoryOf, freeHandle } from './lookup.ts';
import type { Directory, DirectoryUser, Group, InactiveUsers, Person, UserState } from './state.ts';
import { groupOnWire, userInEvent } from './wire.ts';
import type { Wire } from './wire.ts';
import { SimulatorError } from './world.ts';
import type { World } from './world.ts';

/** What a directory may say about a person. Absent: unchanged (or empty, for somebody new). */
export interface PersonAttributes {
  email?: string | null | undefined;
  firstName?: string | null | undefined;
  lastName?: string | null | undefined;
  username?: string | null | undefined;
  jobTitle?: string | null | undefined;
  /** Slugs of roles of WorkOS; the first is the one that `role` names. */
  roles?: string[] | undefined;
  state?: UserState | undefined;
  /** Merged into what is there; null removes an attribute. `manager_email` and `department_name` belong here. */
  customAttributes?: Record<string, unknown> | undefined;
}

/** A person who appears in a directory. */
export interface NewPerson extends PersonAttributes {
  handle?: string | undefined;
  idpId?: string | undefined;
  groups?: Group[] | undefined;
}

/** Somebody joins: `dsync.user.created`, then one `dsync.group.user_added` for each group. */
export function join(world: World, directory: Directory, input: NewPerson): Person {
  const peers = world.state.people.filter(({ directoryId }) => directoryId === directory.id);
  const idpId = input.idpId ?? world.id('idp');
  refuseTaken(peers, idpId, input.email ?? null);
  const at = world.timestamp();
  const user: DirectoryUser = {
    id: world.id('directory_user'),
    directoryId: directory.id,
    organizationId: directory.organizationId,
    idpId,
    email: null,
    firstName: null,
    lastName: null,
    username: null,
    jobTitle: null,
    state: 'active',
    role: null,
    roles: [],
    ...given(input),
    customAttributes: merge({}, input.customAttributes),
    groupIds: [],
    createdAt: at,
    updatedAt: at,
  };
  const wanted = input.handle ?? input.firstName ?? input.email?.split('@')[0] ?? idpId;
  const handle = freeHandle(
    wanted,
    peers.map((peer) => peer.handle),
  );
  emitUser(world, 'dsync.user.created', user);
  const person = {
    handle,
    directoryId: directory.id,
    idpId,
    user,
    announced: true,
    visible: true,
    formerIds: [],
  };
  world.state.people.push(person);
  for (const group of input.groups ?? []) addToGroup(world, person, group);
  return person;
}

/** Changes attributes: `dsync.user.updated` with what was there before. Nothing changed: no event. */
export function update(world: World, person: Person, input: PersonAttributes): void {
  requirePresent(person);
  const before = person.user;
  const after: DirectoryUser = {
    ...before,
    ...given(input),
    customAttributes: merge(before.customAttributes, input.customAttributes),
  };
  if (JSON.stringify(after) === JSON.stringify(before)) return;
  after.updatedAt = world.timestamp();
  emitUpdated(world, before, after);
  Object.assign(before, after);
}

/** How somebody leaves. */
export interface LeaveOptions {
  /** Overrides the flow of the directory and of the environment. */
  inactiveUsers?: InactiveUsers | undefined;
  /** The `state` in `dsync.user.deleted`; WorkOS sends the state at deletion time, which may well be `active`. */
  stateInEvent?: UserState | undefined;
  /** When `dsync.group.user_removed` is sent for the groups of a deleted user; seen before it, after it, and not at all. */
  edges?: 'none' | 'before' | 'after' | undefined;
}

/** Somebody leaves, in the flow of their directory. @throws SimulatorError 409 for somebody who has left already */
export function leave(world: World, person: Person, options: LeaveOptions = {}): void {
  requirePresent(person);
  if (person.user.state === 'inactive') {
    throw new SimulatorError(409, `${person.handle} has left already.`);
  }
  const directory = directoryOf(world.state, person);
  const flow = options.inactiveUsers ?? directory.inactiveUsers ?? world.state.inactiveUsers;
  if (flow === 'updated') {
    update(world, person, { state: 'inactive' });
    return;
  }
  if (options.edges === 'before') announceEdges(world, person, 'dsync.group.user_removed');
  const state = options.stateInEvent ?? person.user.state;
  emitUser(world, 'dsync.user.deleted', { ...person.user, state });
  person.announced = false;
  person.visible = directory.keepsDeletedUsers;
  person.user.state = 'inactive';
  person.user.updatedAt = world.timestamp();
  if (options.edges === 'after') announceEdges(world, person, 'dsync.group.user_removed');
  world.touch();
}

/**
 * Somebody comes back. A record that WorkOS kept is reactivated under its id, and its edges are not announced
 * again. A record that it forgot is made anew: another directory user id, the same `idp_id`, and every edge is
 * announced as it is created.
 */
export function returnPerson(world: World, person: Person): void {
  if (!person.visible) {
    renew(world, person);
    return;
  }
  if (person.user.state === 'active') {
    throw new SimulatorError(409, `${person.handle} has not left.`);
  }
  person.announced = true;
  update(world, person, { state: 'active' });
}

/**
 * The record is deleted at WorkOS and made again, as when an administrator removes and re-adds somebody.
 * @param silent leaves `dsync.user.deleted` out, so that the old id just stops to exist
 */
export function recreate(world: World, person: Person, silent = false): void {
  if (person.announced && !silent) emitUser(world, 'dsync.user.deleted', person.user);
  renew(world, person);
}

/** WorkOS answers 404 for the record from now on; nothing is announced. */
export function forget(world: World, person: Person): void {
  person.visible = false;
  person.announced = false;
  world.touch();
}

/** Adds an edge. False, and no event, where it is there already. */
export function addToGroup(world: World, person: Person, group: Group): boolean {
  requireSameDirectory(person, group);
  if (person.user.groupIds.includes(group.id)) return false;
  emitEdge(world, 'dsync.group.user_added', person.user, group);
  person.user.groupIds.push(group.id);
  return true;
}

/** Removes an edge. False, and no event, where there is none. */
export function removeFromGroup(world: World, person: Person, group: Group): boolean {
  requireSameDirectory(person, group);
  if (!person.user.groupIds.includes(group.id)) return false;
  emitEdge(world, 'dsync.group.user_removed', person.user, group);
  person.user.groupIds = person.user.groupIds.filter((id) => id !== group.id);
  world.touch();
  return true;
}

function renew(world: World, person: Person): void {
  const at = world.timestamp();
  const user: DirectoryUser = {
    ...person.user,
    id: world.id('directory_user'),
    state: 'active',
    createdAt: at,
    updatedAt: at,
  };
  emitUser(world, 'dsync.user.created', user);
  person.formerIds.push(person.user.id);
  person.user = user;
  person.announced = true;
  person.visible = true;
  announceEdges(world, person, 'dsync.group.user_added');
  world.touch();
}

function announceEdges(world: World, { user }: Person, event: string): void {
  for (const group of world.state.groups.filter(({ id }) => user.groupIds.includes(id))) {
    emitEdge(world, event, user, group);
  }
}

function emitEdge(world: World, event: string, user: DirectoryUser, group: Group): void {
  const data = {
    directory_id: user.directoryId,
    user: onWire(world, user),
    group: groupOnWire(group),
  };
  world.emit(event, data, user.organizationId);
}

function emitUser(world: World, event: string, user: DirectoryUser): void {
  world.emit(event, onWire(world, user), user.organizationId);
}

function emitUpdated(world: World, before: DirectoryUser, after: DirectoryUser): void {
  const wire = onWire(world, after);
  const previous = previousAttributes(onWire(world, before), wire);
  world.emit(
    'dsync.user.updated',
    { ...wire, previous_attributes: previous },
    after.organizationId,
  );
}

/**
 * A shallow difference as WorkOS shows it: the root and `custom_attributes`, each with the former value, and null
 * for an attribute that was not there.
 */
export function previousAttributes(before: Wire, after: Wire): Wire {
  const nested = difference(
    record(before['custom_attributes']),
    record(after['custom_attributes']),
  );
  const { custom_attributes: _custom, updated_at: _updated, ...root } = difference(before, after);
  return { ...root, ...(Object.keys(nested).length === 0 ? {} : { custom_attributes: nested }) };
}

function difference(before: Wire, after: Wire): Wire {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  return Object.fromEntries(changed.map((key) => [key, before[key] ?? null]));
}

function record(value: unknown): Wire {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Wire {
  return typeof value === 'object' && value !== null;
}

function onWire(world: World, user: DirectoryUser): Wire {
  return userInEvent(user, directoryOf(world.state, user).deprecatedAttributes);
}

/** The attributes that were named at all; custom attributes are merged separately. */
function given(input: PersonAttributes): Partial<Omit<DirectoryUser, 'customAttributes'>> {
  const { email, firstName, lastName, username, jobTitle, roles, state } = input;
  return {
    ...(email === undefined ? {} : { email }),
    ...(firstName === undefined ? {} : { firstName }),
    ...(lastName === undefined ? {} : { lastName }),
    ...(username === undefined ? {} : { username }),
    ...(jobTitle === undefined ? {} : { jobTitle }),
    ...(roles === undefined ? {} : { role: roles[0] ?? null, roles }),
    ...(state === undefined ? {} : { state }),
  };
}

function merge(before: Wire, changes: Wire | undefined): Wire {
  const merged = { ...before, ...changes };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null));
}

function refuseTaken(peers: Person[], idpId: string, email: string | null): void {
  if (peers.some((peer) => peer.idpId === idpId)) {
    throw new SimulatorError(
      409,
      'This directory has an account with that idp_id: use return or recreate.',
    );
  }
  const address = email?.toLowerCase();
  const holder = peers.find(
    ({ announced, user }) =>
      announced && user.state === 'active' && user.email?.toLowerCase() === address,
  );
  if (address !== undefined && holder !== undefined) {
    throw new SimulatorError(409, `${holder.handle} is active in this directory with that e-mail.`);
  }
}

function requirePresent(person: Person): void {
  if (person.visible) return;
  throw new SimulatorError(409, `WorkOS has no record of ${person.handle}: use return first.`);
}

function requireSameDirectory(person: Person, group: Group): void {
  requirePresent(person);
  if (person.directoryId === group.directoryId) return;
  throw new SimulatorError(409, `${group.name} is a group of another directory.`);
}
