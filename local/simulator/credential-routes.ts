import { Router } from '@koa/router';
import { z } from 'zod';

import { requireAccount } from './account-routes.ts';
import { revokeSession } from './accounts.ts';
import {
  createInvitation,
  deleteUserApiKey,
  invitationInAnswer,
  revokeInvitation,
  userApiKeyOnWire,
} from './credentials.ts';
import { pageOf, queryValue } from './paging.ts';
import { readJson } from './read-body.ts';
import { notFound, RestError } from './rest-errors.ts';
import type { Invitation } from './state.ts';
import { sessionOnWire } from './wire.ts';
import type { World } from './world.ts';

const invitationSchema = z.object({
  email: z.string().regex(/@/),
  organization_id: z.string().nullable().default(null),
});

/** Sessions, invitations and API keys of WorkOS user management, as WorkOS answers them. */
export function createCredentialRoutes(world: World): Router {
  const router = new Router();
  addSessionRoutes(router, world);
  addInvitationRoutes(router, world);
  addKeyRoutes(router, world);
  return router;
}

function addSessionRoutes(router: Router, world: World): void {
  const { state } = world;
  router.get('/user_management/users/:id/sessions', (context) => {
    const { id } = requireAccount(state, context.params['id']);
    const found = state.sessions.filter((item) => item.userId === id && item.status === 'active');
    context.body = pageOf(found, context.query, sessionOnWire);
  });
  router.post('/user_management/sessions/revoke', async (context) => {
    const { session_id: id } = await readJson(context.req);
    const session = state.sessions.find((item) => item.id === id);
    if (session === undefined) throw new RestError(400, `Session not found: '${String(id)}'.`);
    revokeSession(world, session);
    context.body = sessionOnWire(session);
  });
}

function addInvitationRoutes(router: Router, world: World): void {
  const { state } = world;
  const base = '/user_management/invitations';
  router.get(base, (context) => {
    const email = queryValue(context.query, 'email')?.toLowerCase();
    const organization = queryValue(context.query, 'organization_id');
    const found = state.invitations.filter(
      (item) =>
        (email === undefined || item.email.toLowerCase() === email) &&
        (organization === undefined || item.organizationId === organization),
    );
    context.body = pageOf(found, context.query, invitationInAnswer);
  });
  router.post(base, async (context) => {
    const asked = invitationSchema.safeParse(await readJson(context.req));
    if (!asked.success) {
      throw new RestError(422, 'Validation failed.', { code: 'invalid_request_parameters' });
    }
    const { email, organization_id: organizationId } = asked.data;
    const isKnown = state.organizations.some(({ id }) => id === organizationId);
    if (organizationId !== null && !isKnown) throw notFound('Organization', organizationId);
    const invited = { email, organizationId };
    context.status = 201;
    context.body = invitationInAnswer(createInvitation(world, invited));
  });
  router.get(`${base}/:id`, (context) => {
    context.body = invitationInAnswer(requireInvitation(world, context.params['id']));
  });
  router.post(`${base}/:id/revoke`, (context) => {
    const invitation = requireInvitation(world, context.params['id']);
    revokeInvitation(world, invitation);
    context.body = invitationInAnswer(invitation);
  });
}

function addKeyRoutes(router: Router, world: World): void {
  const { state } = world;
  router.get('/user_management/users/:id/api_keys', (context) => {
    const { id } = requireAccount(state, context.params['id']);
    const organization = queryValue(context.query, 'organization_id');
    const found = state.userApiKeys.filter(
      (item) =>
        item.userId === id && (organization === undefined || item.organizationId === organization),
    );
    context.body = pageOf(found, context.query, userApiKeyOnWire);
  });
  router.delete('/api_keys/:id', (context) => {
    const key = state.userApiKeys.find(({ id }) => id === context.params['id']);
    if (key === undefined) throw notFound('API Key', context.params['id'] ?? '');
    deleteUserApiKey(world, key);
    context.status = 204;
  });
}

function requireInvitation({ state }: World, id: string | undefined): Invitation {
  const invitation = state.invitations.find((item) => item.id === id);
  if (invitation === undefined) throw notFound('Invitation', id ?? '');
  return invitation;
}
