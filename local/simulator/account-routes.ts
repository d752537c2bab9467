import { Router } from '@koa/router';
import { z } from 'zod';

import { deleteAccount, deleteMembership, setMembershipStatus, updateAccount } from './accounts.ts';
import { pageOf, queryList, queryValue } from './paging.ts';
import { readJson } from './read-body.ts';
import { notFound, RestError } from './rest-errors.ts';
import { membershipStatusSchema } from './state.ts';
import type { Account, OrganizationMembership, WorldState } from './state.ts';
import { accountOnWire, membershipInAnswer } from './wire.ts';
import type { Wire } from './wire.ts';
import type { World } from './world.ts';

/** What the host application may say about an AuthKit user. `external_id`: what it calls the person itself. */
const accountChangesSchema = z.object({
  first_name: z.string().nullish(),
  last_name: z.string().nullish(),
  external_id: z.string().max(128).nullish(),
});

/** Users and organization memberships of `/user_management`, and `/portal/generate_link`, as WorkOS answers them. */
export function createAccountRoutes(world: World): Router {
  const router = new Router();
  addUserRoutes(router, world);
  addMembershipRoutes(router, world);
  router.post('/portal/generate_link', async (context) => {
    const { organization } = await readJson(context.req);
    if (!world.state.organizations.some(({ id }) => id === organization)) {
      throw notFound('Organization', String(organization));
    }
    context.status = 201;
    context.body = { link: `https://setup.workos.com?token=${world.id('portal')}` };
  });
  return router;
}

function addUserRoutes(router: Router, world: World): void {
  const { state } = world;
  router.get('/user_management/users', (context) => {
    const email = queryValue(context.query, 'email')?.toLowerCase();
    const organization = queryValue(context.query, 'organization_id');
    const found = state.accounts.filter(
      (account) =>
        (email === undefined || account.email.toLowerCase() === email) &&
        (organization === undefined || isMember(state, account, organization)),
    );
    context.body = pageOf(found, context.query, accountOnWire);
  });
  router.get('/user_management/users/:id', (context) => {
    context.body = accountOnWire(requireAccount(state, context.params['id']));
  });
  router.get('/user_management/users/external_id/:id', (context) => {
    const id = context.params['id'] ?? '';
    const account = state.accounts.find(({ externalId }) => externalId === id);
    if (account === undefined) throw notFound('User', id);
    context.body = accountOnWire(account);
  });
  router.put('/user_management/users/:id', async (context) => {
    const account = requireAccount(state, context.params['id']);
    const changes = accountChangesSchema.safeParse(await readJson(context.req));
    if (!changes.success) throw new RestError(422, 'Validation failed.');
    updateAccount(world, account, changes.data);
    context.body = accountOnWire(account);
  });
  router.delete('/user_management/users/:id', (context) => {
    deleteAccount(world, requireAccount(state, context.params['id']));
    context.status = 204;
  });
}

function addMembershipRoutes(router: Router, world: World): void {
  const { state } = world;
  const base = '/user_management/organization_memberships';
  router.get(base, (context) => {
    const user = queryValue(context.query, 'user_id');
    const organization = queryValue(context.query, 'organization_id');
    if (user === undefined && organization === undefined) {
      throw new RestError(400, 'Either user_id or organization_id must be given.', {
        code: 'missing_user_id_or_organization_id',
      });
    }
    const statuses = statusesOf(queryList(context.query, 'statuses'));
    const found = state.memberships.filter(
      (item) =>
        (user === undefined || item.userId === user) &&
        (organization === undefined || item.organizationId === organization) &&
        statuses.includes(item.status),
    );
    context.body = pageOf(found, context.query, (item) => presentMembership(state, item));
  });
  router.get(`${base}/:id`, (context) => {
    context.body = presentMembership(state, requireMembership(state, context.params['id']));
  });
  router.put(`${base}/:id/deactivate`, (context) => {
    const membership = requireMembership(state, context.params['id']);
    refusePending(membership, 'cannot_deactivate_pending_organization_membership');
    setMembershipStatus(world, membership, 'inactive');
    context.body = presentMembership(state, membership);
  });
  router.put(`${base}/:id/reactivate`, (context) => {
    const membership = requireMembership(state, context.params['id']);
    refusePending(membership, 'cannot_reactivate_pending_organization_membership');
    setMembershipStatus(world, membership, 'active');
    context.body = presentMembership(state, membership);
  });
  router.delete(`${base}/:id`, (context) => {
    deleteMembership(world, requireMembership(state, context.params['id']));
    context.status = 204;
  });
}

/** Active only, where a client does not ask for more. */
function statusesOf(asked: string[]): string[] {
  if (asked.length === 0) return ['active'];
  if (asked.every((status) => membershipStatusSchema.safeParse(status).success)) return asked;
  throw new RestError(400, 'Unknown status.', { code: 'invalid_request_parameters' });
}

function refusePending(membership: OrganizationMembership, code: string): void {
  if (membership.status !== 'pending') return;
  throw new RestError(400, 'A pending organization membership cannot be changed.', { code });
}

function presentMembership(state: WorldState, membership: OrganizationMembership): Wire {
  return membershipInAnswer(
    membership,
    state.accounts.find(({ id }) => id === membership.userId),
    state.organizations.find(({ id }) => id === membership.organizationId),
  );
}

function isMember(state: WorldState, account: Account, organizationId: string): boolean {
  return state.memberships.some(
    (item) => item.userId === account.id && item.organizationId === organizationId,
  );
}

/** @throws RestError 404 */
export function requireAccount(state: WorldState, id: string | undefined): Account {
  const account = state.accounts.find((item) => item.id === id);
  if (account === undefined) throw notFound('User', id ?? '');
  return account;
}

function requireMembership(state: WorldState, id: string | undefined): OrganizationMembership {
  const membership = state.memberships.find((item) => item.id === id);
  if (membership === undefined) throw notFound('Organization Membership', id ?? '');
  return membership;
}
