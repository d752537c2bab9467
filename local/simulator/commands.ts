import { z } from 'zod';

import { accountCommands } from './account-commands.ts';
import { command } from './command.ts';
import type { Command } from './command.ts';
import {
  changeDirectoryState,
  createDirectory,
  createGroup,
  createOrganization,
  deleteDirectory,
  deleteGroup,
  deleteOrganization,
  moveDirectory,
  renameGroup,
} from './directories.ts';
import { findDirectory, findGroup, findOrganization, findPerson } from './lookup.ts';
import * as people from './people.ts';
import { directoryStateSchema, inactiveUsersSchema, userStateSchema } from './state.ts';
import type { Person } from './state.ts';
import type { World } from './world.ts';

const text = z.string().nullable().optional();
/** Whom a command is about: a handle, an e-mail or an id; `directory` where one handle stands in two of them. */
const who = { person: z.string(), directory: z.string().optional() };
const attributes = {
  email: text,
  /** Split at the first space, where the parts are not given. */
  name: z.string().optional(),
  firstName: text,
  lastName: text,
  username: text,
  jobTitle: text,
  /** Slugs of roles that WorkOS itself assigns; `role` where there is one. */
  roles: z.array(z.string()).optional(),
  role: text,
  state: userStateSchema.optional(),
  customAttributes: z.record(z.string(), z.unknown()).optional(),
  /** Short for the predefined custom attributes of these names. */
  managerEmail: text,
  departmentName: text,
};
const attributesSchema = z.object(attributes);

function personAttributes(input: z.infer<typeof attributesSchema>): people.PersonAttributes {
  const { name, managerEmail, departmentName, customAttributes, role, ...plain } = input;
  const [first, ...rest] = (name ?? '').split(' ');
  return {
    ...(name === undefined ? {} : { firstName: first ?? null, lastName: rest.join(' ') || null }),
    ...(role === undefined ? {} : { roles: role === null ? [] : [role] }),
    ...Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined)),
    customAttributes: {
      ...customAttributes,
      ...(managerEmail === undefined ? {} : { manager_email: managerEmail }),
      ...(departmentName === undefined ? {} : { department_name: departmentName }),
    },
  };
}

function find(world: World, input: { person: string; directory?: string | undefined }): Person {
  return findPerson(world.state, input.person, input.directory);
}

const flow = inactiveUsersSchema.optional();

/** Everything that can be told to the directory, by the name of the command. */
export const commands: Record<string, Command> = {
  'create-organization': command(
    z.strictObject({
      id: z.string().optional(),
      handle: z.string().optional(),
      name: z.string(),
      domains: z.array(z.string()).optional(),
    }),
    createOrganization,
  ),
  'create-directory': command(
    z.strictObject({
      id: z.string().optional(),
      handle: z.string().optional(),
      name: z.string(),
      type: z.string().default('okta scim v2.0'),
      organization: z.string().nullable(),
      state: directoryStateSchema.optional(),
      inactiveUsers: flow,
      keepsDeletedUsers: z.boolean().optional(),
      deprecatedAttributes: z.boolean().optional(),
    }),
    (world, { organization, ...input }) =>
      createDirectory(world, {
        ...input,
        organizationId:
          organization === null ? null : findOrganization(world.state, organization).id,
      }),
  ),
  'create-group': command(
    z.strictObject({
      directory: z.string(),
      handle: z.string().optional(),
      idpId: z.string().optional(),
      name: z.string(),
    }),
    (world, { directory, ...input }) =>
      createGroup(world, findDirectory(world.state, directory), input),
  ),
  'rename-group': command(
    z.strictObject({ group: z.string(), directory: z.string().optional(), name: z.string() }),
    (world, input) => {
      const group = findGroup(world.state, input.group, input.directory);
      renameGroup(world, group, input.name);
      return group;
    },
  ),
  'delete-group': command(
    z.strictObject({ group: z.string(), directory: z.string().optional() }),
    (world, input) => {
      const group = findGroup(world.state, input.group, input.directory);
      deleteGroup(world, group);
      return group;
    },
  ),
  'directory-state': command(
    z.strictObject({ directory: z.string(), state: directoryStateSchema }),
    (world, input) => {
      const directory = findDirectory(world.state, input.directory);
      changeDirectoryState(world, directory, input.state);
      return directory;
    },
  ),
  'delete-directory': command(z.strictObject({ directory: z.string() }), (world, input) => {
    const directory = findDirectory(world.state, input.directory);
    deleteDirectory(world, directory);
    return directory;
  }),
  'move-directory': command(
    z.strictObject({ directory: z.string(), organization: z.string() }),
    (world, input) => {
      const directory = findDirectory(world.state, input.directory);
      moveDirectory(world, directory, findOrganization(world.state, input.organization));
      return directory;
    },
  ),
  'delete-organization': command(z.strictObject({ organization: z.string() }), (world, input) => {
    const organization = findOrganization(world.state, input.organization);
    deleteOrganization(world, organization);
    return organization;
  }),
  join: command(
    z.strictObject({
      ...attributes,
      directory: z.string(),
      handle: z.string().optional(),
      idpId: z.string().optional(),
      groups: z.array(z.string()).optional(),
    }),
    (world, { directory, handle, idpId, groups, ...input }) =>
      people.join(world, findDirectory(world.state, directory), {
        ...personAttributes(input),
        handle,
        idpId,
        groups: groups?.map((group) => findGroup(world.state, group, directory)),
      }),
  ),
  update: command(
    z.strictObject({ ...who, ...attributes }),
    (world, { person, directory, ...input }) => {
      const found = find(world, { person, directory });
      people.update(world, found, personAttributes(input));
      return found;
    },
  ),
  suspend: command(z.strictObject(who), (world, input) => {
    const person = find(world, input);
    people.update(world, person, { state: 'suspended' });
    return person;
  }),
  leave: command(
    z.strictObject({
      ...who,
      inactiveUsers: flow,
      stateInEvent: userStateSchema.optional(),
      edges: z.enum(['none', 'before', 'after']).optional(),
    }),
    (world, { person, directory, ...options }) => {
      const found = find(world, { person, directory });
      people.leave(world, found, options);
      return found;
    },
  ),
  return: command(z.strictObject(who), (world, input) => {
    const person = find(world, input);
    people.returnPerson(world, person);
    return person;
  }),
  recreate: command(
    z.strictObject({ ...who, silent: z.boolean().optional() }),
    (world, { silent, ...input }) => {
      const person = find(world, input);
      people.recreate(world, person, silent);
      return person;
    },
  ),
  forget: command(z.strictObject(who), (world, input) => {
    const person = find(world, input);
    people.forget(world, person);
    return person;
  }),
  'add-to-group': command(
    z.strictObject({ ...who, group: z.string() }),
    (world, { group, ...input }) => {
      const person = find(world, input);
      people.addToGroup(world, person, findGroup(world.state, group, person.directoryId));
      return person;
    },
  ),
  'remove-from-group': command(
    z.strictObject({ ...who, group: z.string() }),
    (world, { group, ...input }) => {
      const person = find(world, input);
      people.removeFromGroup(world, person, findGroup(world.state, group, person.directoryId));
      return person;
    },
  ),
  ...accountCommands,
  'expire-events': command(z.strictObject({ before: z.iso.datetime() }), (world, { before }) => {
    const kept = world.state.events.filter(({ wire }) => wire.created_at >= before);
    const expired = world.state.events.length - kept.length;
    world.state.events = kept;
    world.touch();
    return { expired };
  }),
};
