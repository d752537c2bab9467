import { z } from 'zod';

import { orderCancellation } from '../../transitions/organization/cancel-deletions.ts';
import { id, standingReason, time } from '../fields.ts';
import { defineRoute, nothing, oneId } from '../route.ts';

/** `POST /v1/organizations/{id}/cancel-deletions` */
export const cancelDeletionsRoute = defineRoute({
  method: 'post',
  path: '/v1/organizations/{id}/cancel-deletions',
  summary: 'Cancel the deletion of everybody who has left an organization so far',
  description:
    'Nobody who counts down is anonymized from this answer on; each is then retained, as by ' +
    '`cancel-deletion`, in batches. Whoever leaves later counts down. Call it again to see how many are left.',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: z.strictObject({ reason: standingReason }) },
  responses: {
    202: z
      .strictObject({
        organizationId: id,
        orderedAt: time,
        waiting: z.int().meta({ description: 'How many are still to be retained.' }),
      })
      .meta({ id: 'Cancellation' }),
  },
  async handler({ params, body, caller }, { store }) {
    const organizationId = params.id;
    const { orderedAt, waiting } = await orderCancellation(store(), {
      organizationId,
      by: caller.actor,
      reason: body.reason ?? null,
    });
    return {
      status: 202,
      body: { organizationId, orderedAt: orderedAt.toISOString(), waiting },
    };
  },
});
