import { z } from 'zod';

import type { TimelineDocument } from '../../platform/mongo/documents.ts';
import { id, time } from '../fields.ts';
import { page, pageOf, pageQuery, readCursor } from '../paging.ts';
import { defineRoute, noBody, nothing, oneId } from '../route.ts';
import { membershipShape } from '../shapes/membership.ts';
import type { ReasonText } from '../shapes/reason.ts';
import { membershipById, presentOneMembership, readReasons } from './read-people.ts';

/** `GET /v1/memberships/{id}` */
export const getMembershipRoute = defineRoute({
  method: 'get',
  path: '/v1/memberships/{id}',
  summary: 'Read one membership; readable also after anonymization',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: noBody },
  responses: { 200: membershipShape },
  async handler({ params }, deps) {
    const membership = await membershipById(deps.store(), params.id);
    return { status: 200, body: await presentOneMembership(deps, membership) };
  },
});

const timelineEntry = z
  .strictObject({
    id,
    at: time,
    type: z.string(),
    actor: z.string(),
    generation: z.int(),
    detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
    reason: z.nullable(z.string()),
  })
  .meta({ id: 'TimelineEntry' });

const cursorKey = z.tuple([z.int(), z.string().max(1_024)]);

/** `GET /v1/memberships/{id}/timeline` */
export const getTimelineRoute = defineRoute({
  method: 'get',
  path: '/v1/memberships/{id}/timeline',
  summary: 'Read everything that happened to a membership, in order',
  auth: 'admin',
  request: { params: oneId, query: z.strictObject(pageQuery), body: noBody },
  responses: { 200: pageOf(timelineEntry) },
  async handler({ params, query }, { store }) {
    const { timeline } = store().collections;
    await membershipById(store(), params.id);
    const after = readCursor(query.cursor, cursorKey);
    const found = await timeline
      .find({ membershipId: params.id, ...(after === null ? {} : later(after)) })
      .sort({ revision: 1, _id: 1 })
      .limit(query.limit + 1)
      .toArray();
    const { entries, next } = page(found, query.limit, ({ revision, _id }) => [revision, _id]);
    const reasonText = await readReasons(
      store(),
      entries.map(({ reasonId }) => reasonId),
    );
    return {
      status: 200,
      body: { data: entries.map((entry) => presentEntry(entry, reasonText)), next },
    };
  },
});

function later([revision, _id]: z.output<typeof cursorKey>): object {
  return { $or: [{ revision: { $gt: revision } }, { revision, _id: { $gt: _id } }] };
}

function presentEntry(
  entry: TimelineDocument,
  reasonText: ReasonText,
): z.input<typeof timelineEntry> {
  return {
    id: entry._id,
    at: entry.at.toISOString(),
    type: entry.type,
    actor: entry.actor,
    generation: entry.generation,
    detail: { ...entry.detail },
    reason: reasonText(entry.reasonId),
  };
}
