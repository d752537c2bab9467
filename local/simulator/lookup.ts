import type {
  Account,
  Directory,
  DirectoryUser,
  Group,
  Organization,
  Person,
  WorldState,
} from './state.ts';
import { SimulatorError } from './world.ts';

/** Finds what somebody at a keyboard means: a WorkOS id, the short handle, the name, or for people the e-mail. */

/** @throws SimulatorError 404 where nothing is called so, 409 where several are */
export function findOrganization(state: WorldState, reference: string): Organization {
  return one('organization', reference, state.organizations, (item) => [
    item.id,
    item.handle,
    item.name,
  ]);
}

/** @throws SimulatorError 404 where nothing is called so, 409 where several are */
export function findDirectory(state: WorldState, reference: string): Directory {
  return one('directory', reference, state.directories, (item) => [
    item.id,
    item.handle,
    item.name,
  ]);
}

/** @throws SimulatorError 404 where nothing is called so, 409 where several are */
export function findGroup(state: WorldState, reference: string, directory?: string): Group {
  return one('group', reference, inDirectory(state, state.groups, directory), (item) => [
    item.id,
    item.handle,
    item.name,
    item.idpId,
  ]);
}

/**
 * A person by handle, e-mail, `idp_id`, or any directory user id they ever had.
 * @param directory needed where one handle stands in two directories, as with an HRIS and an identity provider
 * @throws SimulatorError 404 where nobody is called so, 409 where several are
 */
export function findPerson(state: WorldState, reference: string, directory?: string): Person {
  return one('person', reference, inDirectory(state, state.people, directory), (item) => [
    item.handle,
    item.idpId,
    item.user.id,
    item.user.email ?? '',
    ...item.formerIds,
  ]);
}

/** An AuthKit user by id or e-mail. */
export function findAccount(state: WorldState, reference: string): Account {
  return one('user', reference, state.accounts, (item) => [item.id, item.email]);
}

/** The directory of a record. @throws SimulatorError 404 */
export function directoryOf(state: WorldState, item: { directoryId: string }): Directory {
  return findDirectory(state, item.directoryId);
}

/** The record that the REST API would answer with for an id, if any. */
export function visibleUser(state: WorldState, id: string): DirectoryUser | undefined {
  return state.people.find((person) => person.visible && person.user.id === id)?.user;
}

function inDirectory<T extends { directoryId: string }>(
  state: WorldState,
  items: T[],
  directory: string | undefined,
): T[] {
  if (directory === undefined) return items;
  const { id } = findDirectory(state, directory);
  return items.filter((item) => item.directoryId === id);
}

function one<T>(kind: string, reference: string, items: T[], names: (item: T) => string[]): T {
  const wanted = reference.toLowerCase();
  const found = items.filter((item) => names(item).some((name) => name.toLowerCase() === wanted));
  const [first] = found;
  if (first === undefined)
    throw new SimulatorError(404, `There is no ${kind} called ${reference}.`);
  if (found.length > 1) {
    throw new SimulatorError(
      409,
      `${found.length} ${kind} records are called ${reference}: name the directory or use an id.`,
    );
  }
  return first;
}

/** A short name that nobody else among `taken` has: `ada`, `ada2`, ... */
export function freeHandle(wanted: string, taken: string[]): string {
  const base =
    wanted
      .toLowerCase()
      .replaceAll(/[^a-z0-9-]+/g, '-')
      .replaceAll(/^-+|-+$/g, '') || 'x';
  if (!taken.includes(base)) return base;
  let number = 2;
  while (taken.includes(`${base}${number}`)) number += 1;
  return `${base}${number}`;
}
