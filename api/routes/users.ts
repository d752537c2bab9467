import { z } from 'zod';

import { Refusal } from '../../domain/errors.ts';
import { phases, statuses } from '../../domain/words.ts';
import { id } from '../fields.ts';
import { pageOf, pageQuery } from '../paging.ts';
import { defineRoute, noBody, nothing, oneId } from '../route.ts';
import { userShape } from '../shapes/user.ts';
import { listUsers } from './list-users.ts';
import { presentUsers } from './read-people.ts';

/** `GET /v1/users` */
export const listUsersRoute = defineRoute({
  method: 'get',
  path: '/v1/users',
  summary: 'List users with their memberships',
  description:
    'A user is listed where one membership fits all filters. directoryUserId may be any WorkOS id the ' +
    'person ever had; after anonymization it finds nothing.',
  auth: 'admin',
  request: {
    params: nothing,
    query: z.strictObject({
      ...pageQuery,
      organizationId: id.optional(),
      directoryUserId: id.optional(),
      status: z.enum(statuses).optional(),
      phase: z.enum(phases).optional(),
    }),
    body: noBody,
  },
  responses: { 200: pageOf(userShape) },
  async handler({ query }, deps) {
    const { users, next } = await listUsers(deps.store(), query);
    return { status: 200, body: { data: await presentUsers(deps, users), next } };
  },
});

/** `GET /v1/users/{id}` */
export const getUserRoute = defineRoute({
  method: 'get',
  path: '/v1/users/{id}',
  summary: 'Read one user',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: noBody },
  responses: { 200: userShape },
  async handler({ params }, deps) {
    const user = await deps.store().collections.users.findOne({ _id: params.id });
    const [shown] = user === null ? [] : await presentUsers(deps, [user]);
    if (shown === undefined) throw new Refusal('notFound', 'There is no such user.');
    return { status: 200, body: shown };
  },
});
