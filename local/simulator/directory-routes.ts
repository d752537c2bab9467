import { Router } from '@koa/router';

import { deleteDirectory } from './directories.ts';
import { directoryOf, visibleUser } from './lookup.ts';
import { pageOf, queryList, queryValue } from './paging.ts';
import { notFound, RestError } from './rest-errors.ts';
import type { Directory, DirectoryUser, Group, WorldState } from './state.ts';
import { directoryInAnswer, groupOnWire, organizationOnWire, userInAnswer } from './wire.ts';
import type { Wire } from './wire.ts';
import type { World } from './world.ts';

/** `/directories`, `/directory_users`, `/directory_groups` and `/organizations` as WorkOS answers them. */
export function createDirectoryRoutes(world: World): Router {
  const { state } = world;
  const router = new Router();
  router.get('/directories', (context) => {
    const organization = queryValue(context.query, 'organization_id');
    const search = queryValue(context.query, 'search')?.toLowerCase();
    const found = state.directories.filter(
      (item) =>
        (organization === undefined || item.organizationId === organization) &&
        (search === undefined || item.name.toLowerCase().includes(search)),
    );
    context.body = pageOf(found, context.query, (item) => presentDirectory(state, item));
  });
  router.get('/directories/:id', (context) => {
    context.body = presentDirectory(state, requireDirectory(state, context.params['id']));
  });
  router.delete('/directories/:id', (context) => {
    deleteDirectory(world, requireDirectory(state, context.params['id']));
    context.status = 202;
  });
  router.get('/directory_users', (context) => {
    const found = usersMatching(state, (name) => queryValue(context.query, name));
    context.body = pageOf(found, context.query, (user) => presentUser(state, user));
  });
  router.get('/directory_users/:id', (context) => {
    const id = context.params['id'] ?? '';
    const user = visibleUser(state, id);
    if (user === undefined) throw notFound('Directory User', id);
    context.body = presentUser(state, user);
  });
  router.get('/directory_groups', (context) => {
    const found = groupsMatching(state, (name) => queryValue(context.query, name));
    context.body = pageOf(found, context.query, groupOnWire);
  });
  router.get('/directory_groups/:id', (context) => {
    context.body = groupOnWire(requireGroup(state, context.params['id'] ?? ''));
  });
  router.get('/organizations', (context) => {
    const domains = queryList(context.query, 'domains');
    const found = state.organizations.filter(
      (item) => domains.length === 0 || item.domains.some((domain) => domains.includes(domain)),
    );
    context.body = pageOf(found, context.query, organizationOnWire);
  });
  router.get('/organizations/:id', (context) => {
    const id = context.params['id'] ?? '';
    const organization = state.organizations.find((item) => item.id === id);
    if (organization === undefined) throw notFound('Organization', id);
    context.body = organizationOnWire(organization);
  });
  return router;
}

type Query = (name: string) => string | undefined;

/** WorkOS wants a directory or a group; `idp_id` and `email` narrow further. */
function usersMatching(state: WorldState, query: Query): DirectoryUser[] {
  const [directory, group] = [query('directory'), query('group')];
  const [idpId, email] = [query('idp_id'), query('email')?.toLowerCase()];
  if (directory === undefined && group === undefined) {
    throw new RestError(422, 'Either directory or group must be given.');
  }
  if (directory !== undefined) requireDirectory(state, directory);
  if (group !== undefined) requireGroup(state, group);
  return state.people
    .filter(({ visible }) => visible)
    .map(({ user }) => user)
    .filter(
      (user) =>
        (directory === undefined || user.directoryId === directory) &&
        (group === undefined || user.groupIds.includes(group)) &&
        (idpId === undefined || user.idpId === idpId) &&
        (email === undefined || user.email?.toLowerCase() === email),
    );
}

function groupsMatching(state: WorldState, query: Query): Group[] {
  const [directory, userId] = [query('directory'), query('user')];
  if (directory === undefined && userId === undefined) {
    throw new RestError(422, 'Either directory or user must be given.');
  }
  if (directory !== undefined) requireDirectory(state, directory);
  const user = userId === undefined ? undefined : visibleUser(state, userId);
  if (userId !== undefined && user === undefined) throw notFound('Directory User', userId);
  return state.groups.filter(
    (group) =>
      (directory === undefined || group.directoryId === directory) &&
      (user === undefined || user.groupIds.includes(group.id)),
  );
}

function presentDirectory(state: WorldState, directory: Directory): Wire {
  const users = state.people.filter((item) => item.visible && item.directoryId === directory.id);
  const active = users.filter(({ user }) => user.state === 'active').length;
  const groups = state.groups.filter((group) => group.directoryId === directory.id).length;
  return directoryInAnswer(directory, { active, inactive: users.length - active, groups });
}

function presentUser(state: WorldState, user: DirectoryUser): Wire {
  return userInAnswer(user, directoryOf(state, user).deprecatedAttributes);
}

function requireDirectory(state: WorldState, id: string | undefined): Directory {
  const directory = state.directories.find((item) => item.id === id);
  if (directory === undefined) throw notFound('Directory', id ?? '');
  return directory;
}

function requireGroup(state: WorldState, id: string): Group {
  const group = state.groups.find((item) => item.id === id);
  if (group === undefined) throw notFound('Directory Group', id);
  return group;
}
