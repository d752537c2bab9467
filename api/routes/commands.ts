import { z } from 'zod';

import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { cancelDeletion } from '../../transitions/commands/cancel-deletion.ts';
import type { CommandBy } from '../../transitions/commands/command.ts';
import { disableMembership } from '../../transitions/commands/disable-membership.ts';
import { extendCoolingOff } from '../../transitions/commands/extend-cooling-off.ts';
import { forgetSsoIdentity } from '../../transitions/logins/forget-sso-identity.ts';
import { reactivateMembership } from '../../transitions/commands/reactivate-membership.ts';
import { putManualRoles } from '../../transitions/membership/put-manual-roles.ts';
import { reassignOwnership } from '../../transitions/commands/reassign-ownership.ts';
import { resumeDeletion } from '../../transitions/commands/resume-deletion.ts';
import type { Caller } from '../authenticate.ts';
import type { ApiDeps } from '../deps.ts';
import { id, reason, text } from '../fields.ts';
import { defineRoute, nothing, oneId, onlyReason, type Route } from '../route.ts';
import { grantNames } from '../shapes/grants.ts';
import { membershipShape, type MembershipShape } from '../shapes/membership.ts';
import { presentOneMembership } from './read-people.ts';

/*
 * The commands on one membership: the transition, then "look again". They work while Temporal is down,
 * since a dispatcher repeats the signal.
 */

interface Given {
  params: { id: string };
  body: { reason?: string | undefined };
  caller: Caller;
}

async function give(
  given: Given,
  deps: ApiDeps,
  apply: (store: Store, by: CommandBy) => Promise<Membership>,
): Promise<MembershipShape> {
  const membership = await apply(deps.store(), {
    membershipId: given.params.id,
    actor: given.caller.actor,
    reason: given.body.reason ?? null,
  });
  const { _id: membershipId, organizationId, phase } = membership;
  deps.signals.lookAgain([{ membershipId, organizationId, phase }]);
  return presentOneMembership(deps, membership);
}

/** A command that needs nothing but a reason, if that. */
function plainCommand(
  name: string,
  summary: string,
  apply: (store: Store, by: CommandBy) => Promise<Membership>,
): Route {
  return defineRoute({
    method: 'post',
    path: `/v1/memberships/{id}/${name}`,
    summary,
    auth: 'admin',
    request: { params: oneId, query: nothing, body: onlyReason },
    responses: { 200: membershipShape },
    handler: async (given, deps) => ({ status: 200, body: await give(given, deps, apply) }),
  });
}

const extend = defineRoute({
  method: 'post',
  path: '/v1/memberships/{id}/extend-cooling-off',
  summary: 'Make the cooling-off of this leaving longer; `until` must be later than the due time',
  auth: 'admin',
  request: {
    params: oneId,
    query: nothing,
    body: z.strictObject({ until: z.iso.datetime({ offset: true }), reason }),
  },
  responses: { 200: membershipShape },
  async handler(given, deps) {
    const until = new Date(given.body.until);
    const body = await give(given, deps, async (store, by) =>
      extendCoolingOff(store, { ...by, until }),
    );
    return { status: 200, body };
  },
});

const reassign = defineRoute({
  method: 'post',
  path: '/v1/memberships/{id}/reassign-ownership',
  summary:
    'Say who receives the resources of somebody who left; the timeline tells when it is done',
  auth: 'admin',
  request: {
    params: oneId,
    query: nothing,
    body: z.strictObject({
      toUserId: id,
      kinds: z.array(text(255)).min(1).max(100).optional(),
      reason,
    }),
  },
  responses: { 202: membershipShape },
  async handler(given, deps) {
    const { toUserId, kinds } = given.body;
    const body = await give(given, deps, async (store, by) =>
      reassignOwnership(store, { ...by, toUserId, kinds: kinds ?? null }),
    );
    return { status: 202, body };
  },
});

const manualRoles = defineRoute({
  method: 'put',
  path: '/v1/memberships/{id}/roles',
  summary: 'Replace the manual roles; what the directory gives stays as it is',
  description:
    'The whole list, which is also how roles that a leaving suspended (`suspendedRoles`) come back, or are ' +
    'dropped. In force when it answers.',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: z.strictObject({ roles: grantNames, reason }) },
  responses: { 200: membershipShape },
  async handler(given, deps) {
    const { roles } = given.body;
    const body = await give(given, deps, async (store, by) =>
      putManualRoles(store, { ...by, roles }),
    );
    return { status: 200, body };
  },
});

export const commandRoutes: readonly Route[] = [
  plainCommand(
    'cancel-deletion',
    'Cancel the deletion of somebody who left: disabled and retained, for this leaving',
    cancelDeletion,
  ),
  plainCommand(
    'resume-deletion',
    'Take back a cancelled deletion: the countdown goes on towards its due time',
    resumeDeletion,
  ),
  extend,
  reassign,
  manualRoles,
  plainCommand(
    'disable',
    'Suspend at once, whatever the directory says, until lifted: no transfer, no countdown',
    disableMembership,
  ),
  plainCommand(
    'reactivate',
    'Lift a disable; refused while the directory says inactive',
    reactivateMembership,
  ),
  plainCommand(
    'forget-sso-identity',
    'Let go of the ids that logins taught: the next login is matched by its address once more',
    forgetSsoIdentity,
  ),
];
