import { z } from 'zod';

import type { Membership, ObservedFact } from '../../domain/membership.ts';
import { phases, statuses } from '../../domain/words.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { id, time, timeText } from '../fields.ts';
import { afterId, pageById, pageQuery } from '../paging.ts';
import { defineRoute, noBody, nothing } from '../route.ts';

const wouldHave = {
  revoked: z
    .record(z.string(), z.int())
    .meta({ description: 'Sessions, tokens and keys that would have been ended, by kind.' }),
  projected: z.int().meta({ description: "Writes of the host's users record." }),
  handedOver: z.int().meta({ description: 'Resources that would have changed hands.' }),
};

const observation = z
  .strictObject({
    membershipId: id,
    userId: id,
    organizationId: id,
    status: z.enum(statuses),
    phase: z.enum(phases),
    since: time,
    ...wouldHave,
    anonymizedAt: z
      .nullable(time)
      .meta({ description: 'When nothing but the mode stood in the way of the anonymization.' }),
  })
  .meta({ id: 'Observation' });

const observations = z
  .strictObject({
    mode: z.enum(['live', 'observe']),
    totals: z.strictObject({
      people: z.int(),
      denied: z.int().meta({ description: 'Of them, how many are closed now.' }),
      anonymized: z.int(),
      projected: z.int(),
      handedOver: z.int(),
    }),
    data: z.array(observation),
    next: z.nullable(z.string()),
  })
  .meta({ id: 'Observations' });

/** `GET /v1/observations` */
export const observationsRoute = defineRoute({
  method: 'get',
  path: '/v1/observations',
  summary: 'Read what Tenure would have done, had it been live',
  description:
    'Of the memberships of which an observing Tenure (TENURE_MODE=observe) left something undone. Empty ' +
    'a while after it went live, since then everything is done in earnest.',
  auth: 'admin',
  request: {
    params: nothing,
    query: z.strictObject({ ...pageQuery, organizationId: id.optional() }),
    body: noBody,
  },
  responses: { 200: observations },
  async handler({ query: { organizationId, limit, cursor } }, { store, settings }) {
    const filter = {
      observed: { $exists: true },
      ...(organizationId === undefined ? {} : { organizationId }),
    };
    const found = store().collections.memberships.find({ ...filter, ...afterId(cursor) });
    const { entries, next } = await pageById(found, limit);
    const data = entries.flatMap((membership) =>
      membership.observed === undefined ? [] : [present(membership, membership.observed)],
    );
    const mode = settings.observing ? 'observe' : 'live';
    return { status: 200, body: { mode, totals: await totalsOf(store(), filter), data, next } };
  },
});

function present(membership: Membership, observed: ObservedFact): z.input<typeof observation> {
  return {
    membershipId: membership._id,
    userId: membership.userId,
    organizationId: membership.organizationId,
    status: membership.status,
    phase: membership.phase,
    since: observed.since.toISOString(),
    revoked: { ...observed.revocations },
    projected: observed.projections,
    handedOver: observed.handedOver,
    anonymizedAt: timeText(observed.anonymization),
  };
}

type Totals = z.input<typeof observations>['totals'];

async function totalsOf(store: Store, filter: object): Promise<Totals> {
  const [totals] = await store.collections.memberships
    .aggregate<Totals>([
      { $match: filter },
      {
        $group: {
          _id: null,
          people: { $sum: 1 },
          denied: { $sum: { $cond: [{ $eq: ['$access.state', 'closed'] }, 1, 0] } },
          anonymized: { $sum: { $cond: [{ $ne: ['$observed.anonymization', null] }, 1, 0] } },
          projected: { $sum: '$observed.projections' },
          handedOver: { $sum: '$observed.handedOver' },
        },
      },
      { $unset: '_id' },
    ])
    .toArray();
  return totals ?? { people: 0, denied: 0, anonymized: 0, projected: 0, handedOver: 0 };
}
