import { z } from 'zod';

import {
  announceSwitch,
  longestSwitchDays,
} from '../../transitions/organization/announce-switch.ts';
import { id, standingReason, time, timeText } from '../fields.ts';
import { defineRoute, noBody, nothing, oneId } from '../route.ts';

const switchShape = z
  .strictObject({
    organizationId: id,
    until: z
      .nullable(time)
      .meta({ description: 'The end of the window; null: none is announced.' }),
  })
  .meta({ id: 'ProviderSwitch' });

/** `GET /v1/organizations/{id}/provider-switch` */
export const getProviderSwitchRoute = defineRoute({
  method: 'get',
  path: '/v1/organizations/{id}/provider-switch',
  summary: 'Read whether a switch to another identity provider is announced, and until when',
  description: 'Also of an organization that nobody has mentioned yet: then none is.',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: noBody },
  responses: { 200: switchShape },
  async handler({ params: { id: organizationId } }, { store }) {
    const found = await store().collections.organizations.findOne({ _id: organizationId });
    return { status: 200, body: { organizationId, until: timeText(found?.switchUntil ?? null) } };
  },
});

/** `PUT /v1/organizations/{id}/provider-switch` */
export const putProviderSwitchRoute = defineRoute({
  method: 'put',
  path: '/v1/organizations/{id}/provider-switch',
  summary: 'Announce a switch to another identity provider, or end the window',
  description:
    "A directory of the organization that is deleted or unlinked from now until `until` ends nobody's access; its " +
    'people are found again in the new one. The same holds for one that went before, while the guard over it is open. ' +
    `At most ${longestSwitchDays} days ahead; null ends the window now. At its end whoever was not ` +
    'found again loses access and waits at the guard.',
  auth: 'admin',
  request: {
    params: oneId,
    query: nothing,
    body: z.strictObject({ until: z.nullable(z.iso.datetime()), reason: standingReason }),
  },
  responses: { 200: switchShape },
  async handler({ params: { id: organizationId }, body, caller }, { store }) {
    const organization = await announceSwitch(store(), organizationId, {
      until: body.until === null ? null : new Date(body.until),
      by: caller.actor,
      reason: body.reason ?? null,
    });
    return {
      status: 200,
      body: { organizationId, until: timeText(organization.switchUntil) },
    };
  },
});
