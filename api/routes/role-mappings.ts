import { z } from 'zod';

import type { RoleMapping } from '../../domain/grants.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { putRoleMappings } from '../../transitions/organization/put-role-mappings.ts';
import { spreadPending } from '../../transitions/organization/spread-facts.ts';
import { id, standingReason } from '../fields.ts';
import { defineRoute, noBody, nothing, oneId } from '../route.ts';
import { grantNames } from '../shapes/grants.ts';

/** The most mappings of one organization: they are one document, read whenever one of its people is judged. */
const mostMappings = 1_000;

const groupStates = ['active', 'deleted', 'unknown'] as const;

/** What WorkOS told of the group: beside the mapping, for people to recognize it. */
const groupShown = {
  groupName: z.nullable(z.string()),
  groupState: z
    .enum(groupStates)
    .meta({ description: '`unknown`: nothing was told of a group with this id yet.' }),
};

const mappingInput = z
  .strictObject({
    directoryGroupId: id,
    grantsAccess: z
      .boolean()
      .default(true)
      .meta({ description: 'Under the policy `accessByGroup`: lets its members in.' }),
    roles: grantNames.default([]),
    permissions: grantNames.default([]),
    features: grantNames.default([]),
    groupName: z
      .unknown()
      .optional()
      .meta({ description: 'Ignored, so that what was read can be sent.' }),
    groupState: z.unknown().optional().meta({ description: 'Ignored.' }),
  })
  .meta({ id: 'RoleMappingInput' });

const mappingShape = z
  .strictObject({
    directoryGroupId: id,
    grantsAccess: z.boolean(),
    roles: z.array(z.string()),
    permissions: z.array(z.string()),
    features: z.array(z.string()),
    ...groupShown,
  })
  .meta({ id: 'RoleMapping' });

const mappingsShape = z
  .strictObject({
    data: z.array(mappingShape),
    spreading: z.nullable(z.strictObject({ pending: z.int() })).meta({
      description: 'How many people the newest facts have not reached yet; null: all are.',
    }),
  })
  .meta({ id: 'RoleMappings' });

const list = z
  .array(mappingInput)
  .max(mostMappings)
  .superRefine((mappings, context) => {
    const seen = new Set<string>();
    for (const [index, { directoryGroupId }] of mappings.entries()) {
      if (seen.has(directoryGroupId)) {
        context.addIssue({
          code: 'custom',
          path: [index, 'directoryGroupId'],
          message: 'This group is in the list twice.',
        });
      }
      seen.add(directoryGroupId);
    }
  });

/** The list alone is understood too: it is what the call replaces. */
const putBody = z.preprocess(
  (given) => (Array.isArray(given) ? { data: given } : given),
  z.strictObject({
    data: list,
    reason: standingReason,
    spreading: z
      .unknown()
      .optional()
      .meta({ description: 'Ignored, so that what was read can be sent.' }),
  }),
);

/** `GET /v1/organizations/{id}/role-mappings` */
export const getRoleMappingsRoute = defineRoute({
  method: 'get',
  path: '/v1/organizations/{id}/role-mappings',
  summary: 'Read what the groups of an organization give',
  description:
    'The whole list, not paged; empty for an organization that nobody has mentioned yet.',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: noBody },
  responses: { 200: mappingsShape },
  handler: async ({ params: { id: organizationId } }, { store }) => ({
    status: 200,
    body: await present(store(), organizationId),
  }),
});

/** `PUT /v1/organizations/{id}/role-mappings` */
export const putRoleMappingsRoute = defineRoute({
  method: 'put',
  path: '/v1/organizations/{id}/role-mappings',
  summary: 'Replace what the groups of an organization give',
  description:
    'The whole list: a group that is not in it gives nothing. Groups are named by their WorkOS id, and may ' +
    'be ones that nothing was told of yet. The answer does not wait for the people: `spreading` counts those ' +
    'who still have what they had. Where it ends access (policy `accessByGroup`), the leavings wait at a guard.',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: putBody },
  responses: { 200: mappingsShape },
  async handler({ params: { id: organizationId }, body, caller }, { store, hostFile }) {
    await putRoleMappings(store(), hostFile, organizationId, {
      mappings: body.data,
      by: caller.actor,
      reason: body.reason ?? null,
    });
    return { status: 200, body: await present(store(), organizationId) };
  },
});

async function present(
  store: Store,
  organizationId: string,
): Promise<z.input<typeof mappingsShape>> {
  const { organizations, roleMappings } = store.collections;
  const organization = await organizations.findOne({ _id: organizationId });
  const found = await roleMappings.findOne({ _id: organizationId });
  const mappings = found?.mappings ?? [];
  const groups = await groupsOf(store, organizationId, mappings);
  const pending = organization === null ? null : await spreadPending(store, organization);
  return {
    data: mappings.map((mapping) => {
      const group = groups.get(mapping.directoryGroupId);
      return {
        directoryGroupId: mapping.directoryGroupId,
        grantsAccess: mapping.grantsAccess,
        roles: mapping.roles,
        permissions: mapping.permissions,
        features: mapping.features,
        groupName: group?.name ?? null,
        groupState: group?.state ?? 'unknown',
      };
    }),
    spreading: pending === null ? null : { pending },
  };
}

/** Another organization's group is unknown here: its name is none of this one's business. */
async function groupsOf(
  store: Store,
  organizationId: string,
  mappings: readonly RoleMapping[],
): Promise<Map<string, { name: string | null; state: 'active' | 'deleted' }>> {
  const ids = mappings.map(({ directoryGroupId }) => directoryGroupId);
  const found = await store.collections.directoryGroups
    .find({ _id: { $in: ids }, organizationId })
    .toArray();
  return new Map(found.map(({ _id, name, state }) => [_id, { name, state }]));
}
