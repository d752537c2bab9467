import { describe, expect, it } from '@jest/globals';

import {
  createSession,
  deleteAccount,
  ensureAccount,
  ensureMembership,
  setMembershipStatus,
} from '../../local/simulator/accounts.ts';
import * as directories from '../../local/simulator/directories.ts';
import { createEventValidator } from '../../local/simulator/event-schemas.ts';
import * as people from '../../local/simulator/people.ts';
import { emptyState } from '../../local/simulator/state.ts';
import type { Directory, InactiveUsers, WireEvent } from '../../local/simulator/state.ts';
import { createWorld } from '../../local/simulator/world.ts';
import type { World } from '../../local/simulator/world.ts';

function newWorld(inactiveUsers: InactiveUsers = 'deleted'): World {
  return createWorld({ state: emptyState(inactiveUsers), validate: createEventValidator() });
}

function tenant(world: World, input: Partial<directories.NewDirectory> = {}): Directory {
  const organization = directories.createOrganization(world, {
    name: 'Acme',
    domains: ['acme.test'],
  });
  return directories.createDirectory(world, {
    name: 'Okta',
    type: 'okta scim v2.0',
    organizationId: organization.id,
    ...input,
  });
}

function since(world: World, count: number): WireEvent[] {
  return world.state.events.slice(count).map(({ wire }) => wire);
}

function names(events: WireEvent[]): string[] {
  return events.map(({ event }) => event);
}

const ada = {
  email: 'ada@acme.test',
  firstName: 'Ada',
  customAttributes: { manager_email: 'grace@acme.test', floor: 3 },
};

describe('the check against the official event schemas', () => {
  function joined(): WireEvent {
    const world = newWorld();
    people.join(world, tenant(world), ada);
    const [event] = since(world, 2);
    if (event === undefined) throw new Error('no event');
    return structuredClone(event);
  }
  const validate = createEventValidator();

  it('accepts what the world announces', () => {
    expect(() => validate(joined())).not.toThrow();
  });

  it.each<[string, (event: WireEvent) => void, RegExp]>([
    ['a missing idp_id', ({ data }) => delete data['idp_id'], /idp_id/],
    ['an unknown state', ({ data }) => (data['state'] = 'on leave'), /\/data\/state/],
    [
      'a date in another form',
      ({ data }) => (data['updated_at'] = '22.11.2026'),
      /\/data\/updated_at/,
    ],
    ['a number as e-mail', ({ data }) => (data['email'] = 7), /\/data\/email/],
    ['a missing time', (event) => Reflect.deleteProperty(event, 'created_at'), /created_at/],
    ['an invented name', (event) => (event.event = 'dsync.user.deactivated'), /no event named/],
    ['the data of another event', (event) => (event.event = 'dsync.activated'), /external_key/],
  ])('refuses %s', (_, spoil, reason) => {
    const event = joined();
    spoil(event);
    expect(() => validate(event)).toThrow(reason);
  });

  it('names no value that it refuses', () => {
    const event = joined();
    event.data['email'] = { secret: 'ada@acme.test' };
    expect(() => validate(event)).toThrow(expect.not.stringContaining('ada@acme.test'));
  });

  it('keeps a violation out of the world', () => {
    const world = newWorld();
    expect(() => tenant(world, { type: 'carrier pigeon' })).toThrow(/\/data\/type/);
    expect(world.state.directories).toEqual([]);
    expect(names(since(world, 0))).toEqual(['organization.created']);
  });

  it('passes every change that the world knows', () => {
    const world = newWorld();
    const directory = tenant(world, { deprecatedAttributes: true });
    const group = directories.createGroup(world, directory, { name: 'Staff' });
    directories.renameGroup(world, group, 'Everyone');
    const person = people.join(world, directory, {
      ...ada,
      roles: ['admin', 'viewer'],
      groups: [group],
    });
    people.update(world, person, { username: 'ada', jobTitle: 'Engineer', lastName: 'Lovelace' });
    people.update(world, person, { state: 'suspended' });
    people.removeFromGroup(world, person, group);
    people.leave(world, person);
    people.returnPerson(world, person);
    people.recreate(world, person);
    directories.deleteGroup(world, group);
    const account = ensureAccount(world, { email: 'ada@acme.test' });
    const [organization] = world.state.organizations;
    if (organization === undefined) throw new Error('no organization');
    const membership = ensureMembership(world, account, organization);
    createSession(world, account, organization.id);
    setMembershipStatus(world, membership, 'inactive');
    setMembershipStatus(world, membership, 'active');
    deleteAccount(world, account);
    directories.changeDirectoryState(world, directory, 'invalid_credentials');
    directories.changeDirectoryState(world, directory, 'unlinked');
    directories.changeDirectoryState(world, directory, 'linked');
    directories.deleteDirectory(world, directory);
    const homeless = directories.createDirectory(world, {
      name: 'Nobody',
      type: 'bamboohr',
      organizationId: null,
    });
    people.join(world, homeless, { firstName: 'Bo' });
    expect([...new Set(names(since(world, 0)))].toSorted()).toEqual([
      'dsync.activated',
      'dsync.deleted',
      'dsync.group.created',
      'dsync.group.deleted',
      'dsync.group.updated',
      'dsync.group.user_added',
      'dsync.group.user_removed',
      'dsync.user.created',
      'dsync.user.deleted',
      'dsync.user.updated',
      'organization.created',
      'organization_membership.created',
      'organization_membership.deleted',
      'organization_membership.updated',
      'session.created',
      'session.revoked',
      'user.created',
      'user.deleted',
    ]);
  });
});

describe('the roles of somebody', () => {
  it('are all told, the first one as their role, and none as no field at all', () => {
    const world = newWorld();
    const person = people.join(world, tenant(world), { ...ada, roles: ['admin', 'viewer'] });
    people.update(world, person, { roles: [] });
    const [joined, updated] = since(world, world.state.events.length - 2);
    expect(joined?.data).toMatchObject({
      role: { slug: 'admin' },
      roles: [{ slug: 'admin' }, { slug: 'viewer' }],
    });
    expect(updated?.data).not.toHaveProperty('role');
    expect(updated?.data).not.toHaveProperty('roles');
    expect(updated?.data['previous_attributes']).toMatchObject({ role: { slug: 'admin' } });
  });
});

describe('a leaving', () => {
  it('deletes the record in a new environment, and a return makes a new one with its edges', () => {
    const world = newWorld();
    const directory = tenant(world);
    const group = directories.createGroup(world, directory, { name: 'Staff' });
    const person = people.join(world, directory, { ...ada, groups: [group] });
    const { id, idpId } = person.user;
    const before = world.state.events.length;
    people.leave(world, person);
    expect(person.visible).toBe(false);
    people.returnPerson(world, person);
    const [left, back, edge] = since(world, before);
    expect(left).toMatchObject({ event: 'dsync.user.deleted', data: { id, state: 'active' } });
    expect(back).toMatchObject({ event: 'dsync.user.created', data: { idp_id: idpId } });
    expect(back?.data['id']).not.toBe(id);
    expect(edge).toMatchObject({
      event: 'dsync.group.user_added',
      data: { user: { id: back?.data['id'] }, group: { id: group.id } },
    });
    expect(edge?.data).not.toHaveProperty('organization_id');
    expect(person.formerIds).toEqual([id]);
  });

  it('updates the record in the other flow, and a return is silent about the edges', () => {
    const world = newWorld('updated');
    const directory = tenant(world);
    const group = directories.createGroup(world, directory, { name: 'Staff' });
    const person = people.join(world, directory, { ...ada, groups: [group] });
    const { id } = person.user;
    const before = world.state.events.length;
    people.leave(world, person);
    expect(person).toMatchObject({ visible: true, user: { state: 'inactive' } });
    people.returnPerson(world, person);
    const events = since(world, before);
    expect(names(events)).toEqual(['dsync.user.updated', 'dsync.user.updated']);
    expect(events.map(({ data }) => data)).toMatchObject([
      { id, state: 'inactive', previous_attributes: { state: 'active' } },
      { id, state: 'active', previous_attributes: { state: 'inactive' } },
    ]);
  });

  it('keeps a deleted record where the directory says so', () => {
    const world = newWorld();
    const person = people.join(world, tenant(world, { keepsDeletedUsers: true }), ada);
    const { id } = person.user;
    people.leave(world, person);
    expect(person).toMatchObject({
      visible: true,
      announced: false,
      user: { id, state: 'inactive' },
    });
    people.returnPerson(world, person);
    expect(person).toMatchObject({ announced: true, user: { id, state: 'active' } });
  });

  it.each([
    ['none', ['dsync.user.deleted']],
    ['before', ['dsync.group.user_removed', 'dsync.user.deleted']],
    ['after', ['dsync.user.deleted', 'dsync.group.user_removed']],
  ] as const)('announces removed edges: %s', (edges, expected) => {
    const world = newWorld();
    const directory = tenant(world);
    const group = directories.createGroup(world, directory, { name: 'Staff' });
    const person = people.join(world, directory, { ...ada, groups: [group] });
    const before = world.state.events.length;
    people.leave(world, person, { edges });
    expect(names(since(world, before))).toEqual(expected);
  });

  it('happens once', () => {
    const world = newWorld();
    const person = people.join(world, tenant(world), ada);
    people.leave(world, person);
    expect(() => people.leave(world, person)).toThrow(/no record/);
  });

  it('frees the e-mail for somebody else, who is another account', () => {
    const world = newWorld();
    const directory = tenant(world);
    const person = people.join(world, directory, ada);
    expect(() => people.join(world, directory, { email: 'ADA@acme.test' })).toThrow(/that e-mail/);
    people.leave(world, person);
    const other = people.join(world, directory, { email: 'ADA@acme.test', firstName: 'Ada' });
    expect(other.idpId).not.toBe(person.idpId);
    expect(other.handle).toBe('ada2');
  });
});

describe('an update', () => {
  it('shows the former values of the root and of custom attributes, null for what is new', () => {
    const world = newWorld();
    const person = people.join(world, tenant(world), ada);
    const before = world.state.events.length;
    people.update(world, person, {
      email: 'ada@new.test',
      customAttributes: { floor: null, desk: 'b', manager_email: 'grace@acme.test' },
    });
    const [event] = since(world, before);
    expect(event?.data).toMatchObject({
      email: 'ada@new.test',
      custom_attributes: { manager_email: 'grace@acme.test', desk: 'b' },
    });
    expect(event?.data['previous_attributes']).toEqual({
      email: 'ada@acme.test',
      custom_attributes: { floor: 3, desk: null },
    });
  });

  it('says nothing where nothing changed', () => {
    const world = newWorld();
    const person = people.join(world, tenant(world), ada);
    const before = world.state.events.length;
    people.update(world, person, { email: 'ada@acme.test', customAttributes: { floor: 3 } });
    expect(since(world, before)).toEqual([]);
  });

  it('does not change what was announced before', () => {
    const world = newWorld();
    const tags = ['a'];
    const person = people.join(world, tenant(world), { ...ada, customAttributes: { tags } });
    const [event] = since(world, 2);
    tags.push('b');
    people.update(world, person, { email: 'ada@new.test' });
    expect(event?.data).toMatchObject({
      email: 'ada@acme.test',
      custom_attributes: { tags: ['a'] },
    });
  });
});

describe('the deletion of a directory', () => {
  it('is the only event, although everybody in it is gone', () => {
    const world = newWorld();
    const directory = tenant(world);
    const group = directories.createGroup(world, directory, { name: 'Staff' });
    people.join(world, directory, { ...ada, groups: [group] });
    const before = world.state.events.length;
    directories.deleteDirectory(world, directory);
    expect(names(since(world, before))).toEqual(['dsync.deleted']);
    expect(world.state).toMatchObject({ people: [], groups: [], directories: [] });
  });
});
