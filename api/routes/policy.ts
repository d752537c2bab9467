import { z } from 'zod';

import { directorySyncStates } from '../../domain/policy.ts';
import { policySchema, resolvePolicy } from '../../platform/policy-schema.ts';
import { putPolicy } from '../../transitions/organization/put-policy.ts';
import { policyOf } from '../../transitions/organization/organization.ts';
import { id, standingReason } from '../fields.ts';
import { defineRoute, noBody, nothing, oneId } from '../route.ts';

const transferTime = z.enum(['onDeprovision', 'beforeAnonymization', 'manual']);

/** A whole policy with every default filled in. */
const policyShape = z
  .strictObject({
    ...policySchema.required().shape,
    ownership: z.strictObject({
      when: z.union([
        transferTime,
        z.strictObject({ critical: transferTime, other: transferTime }),
      ]),
      recipients: z.array(
        z.union([z.enum(['manager', 'organization']), z.strictObject({ userId: id })]),
      ),
      returnOnReactivation: z.boolean(),
    }),
    guard: z.strictObject({
      maxUsers: z.int(),
      maxPercent: z.number(),
      windowMinutes: z.int(),
      graceDays: z.int(),
    }),
    directorySync: z.enum(directorySyncStates),
  })
  .meta({ id: 'Policy' });

/** `GET /v1/organizations/{id}/policy` */
export const getPolicyRoute = defineRoute({
  method: 'get',
  path: '/v1/organizations/{id}/policy',
  summary: 'Read the policy in force, defaults filled in',
  description: 'Also of an organization that nobody has mentioned yet: then it is all defaults.',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: noBody },
  responses: { 200: policyShape },
  async handler({ params: { id: organizationId } }, { store, hostFile }) {
    const found = await store().collections.organizations.findOne({ _id: organizationId });
    const directorySync = found?.directorySync ?? 'disabled';
    return { status: 200, body: { ...policyOf(found, hostFile), directorySync } };
  },
});

/** `PUT /v1/organizations/{id}/policy` */
export const putPolicyRoute = defineRoute({
  method: 'put',
  path: '/v1/organizations/{id}/policy',
  summary: 'Replace the whole policy; what is absent gets its default',
  description:
    '`directorySync` is a state: absent means unchanged. Due times that count down stay as they are.',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: policySchema.extend({ reason: standingReason }) },
  responses: { 200: policyShape },
  async handler({ params: { id: organizationId }, body, caller }, { store, hostFile }) {
    const { directorySync: wanted, reason, ...given } = body;
    const policy = resolvePolicy(given, hostFile.defaults.policy);
    const { directorySync } = await putPolicy(store(), organizationId, {
      policy,
      by: caller.actor,
      reason: reason ?? null,
      defaults: hostFile.defaults.policy,
      ...(wanted === undefined ? {} : { directorySync: wanted }),
    });
    return { status: 200, body: { ...policy, directorySync } };
  },
});
