import { z } from 'zod';

import { id, time, timeText } from '../fields.ts';
import { before, page, pageOf, pageQuery } from '../paging.ts';
import { defineRoute, noBody, nothing } from '../route.ts';
import { repairOf } from '../shapes/repair.ts';

/* What waits for an admin, or what one should know: newest first. */

const linkRequest = z
  .strictObject({
    id,
    organizationId: id,
    directoryUserId: id,
    candidateUserIds: z.array(id),
    createdAt: time,
    resolution: z.nullable(z.enum(['link', 'separate', 'ignore', 'withdrawn'])),
    resolvedBy: z.nullable(z.string()),
    resolvedAt: z.nullable(time),
  })
  .meta({ id: 'LinkRequest' });

/** `GET /v1/link-requests` */
export const listLinkRequestsRoute = defineRoute({
  method: 'get',
  path: '/v1/link-requests',
  summary:
    'List directory users that may be one of several people; they have no access until decided',
  auth: 'admin',
  request: {
    params: nothing,
    query: z.strictObject({
      ...pageQuery,
      organizationId: id.optional(),
      state: z.enum(['open', 'resolved']).optional(),
    }),
    body: noBody,
  },
  responses: { 200: pageOf(linkRequest) },
  async handler({ query: { organizationId, state, limit, cursor } }, { store }) {
    const found = await store()
      .collections.linkRequests.find({
        ...(organizationId === undefined ? {} : { organizationId }),
        ...(state === undefined ? {} : { resolution: state === 'open' ? null : { $ne: null } }),
        ...before('createdAt', cursor),
      })
      .sort({ createdAt: -1, _id: -1 })
      .limit(limit + 1)
      .toArray();
    const { entries, next } = page(found, limit, ({ createdAt, _id }) => [+createdAt, _id]);
    const data = entries.map((entry) => ({
      id: entry._id,
      organizationId: entry.organizationId,
      directoryUserId: entry.directoryUserId,
      candidateUserIds: [...entry.candidateUserIds],
      createdAt: entry.createdAt.toISOString(),
      resolution: entry.resolution,
      resolvedBy: entry.resolvedBy,
      resolvedAt: timeText(entry.resolvedAt),
    }));
    return { status: 200, body: { data, next } };
  },
});

const quarantined = z
  .strictObject({
    id,
    event: z.string(),
    organizationId: z.nullable(id),
    eventAt: z.nullable(time),
    receivedAt: time,
    problems: z.array(z.strictObject({ path: z.string(), code: z.string() })),
    bodyExpiresAt: z.nullable(time),
    repair: z.string(),
  })
  .meta({ id: 'QuarantinedEvent' });

/** `GET /v1/quarantine` */
export const listQuarantineRoute = defineRoute({
  method: 'get',
  path: '/v1/quarantine',
  summary: 'List events that were stored but could not be applied',
  description: 'Paths and codes of what did not fit; never the values.',
  auth: 'admin',
  request: { params: nothing, query: z.strictObject(pageQuery), body: noBody },
  responses: { 200: pageOf(quarantined) },
  async handler({ query: { limit, cursor } }, { store }) {
    const found = await store()
      .collections.inbox.find(
        { outcome: 'quarantined', ...before('receivedAt', cursor) },
        { projection: { body: 0 } },
      )
      .sort({ receivedAt: -1, _id: -1 })
      .limit(limit + 1)
      .toArray();
    const { entries, next } = page(found, limit, ({ receivedAt, _id }) => [+receivedAt, _id]);
    const data = entries.map((entry) => ({
      id: entry._id,
      event: entry.event,
      organizationId: entry.organizationId,
      eventAt: timeText(entry.eventAt),
      receivedAt: entry.receivedAt.toISOString(),
      problems: (entry.problems ?? []).map(({ path, code }) => ({ path, code })),
      bodyExpiresAt: timeText(entry.bodyExpiresAt ?? null),
      repair: repairOf(entry.problems ?? []),
    }));
    return { status: 200, body: { data, next } };
  },
});

const noticeShape = z
  .strictObject({
    id,
    code: z.string(),
    organizationId: z.nullable(id),
    directoryId: z.nullable(id),
    subjectId: z.nullable(z.string()),
    at: time,
  })
  .meta({ id: 'Notice' });

/** `GET /v1/notices` */
export const listNoticesRoute = defineRoute({
  method: 'get',
  path: '/v1/notices',
  summary: 'List what an admin should know',
  auth: 'admin',
  request: {
    params: nothing,
    query: z.strictObject({ ...pageQuery, organizationId: id.optional() }),
    body: noBody,
  },
  responses: { 200: pageOf(noticeShape) },
  async handler({ query: { organizationId, limit, cursor } }, { store }) {
    const found = await store()
      .collections.notices.find({
        ...(organizationId === undefined ? {} : { organizationId }),
        ...before('at', cursor),
      })
      .sort({ at: -1, _id: -1 })
      .limit(limit + 1)
      .toArray();
    const { entries, next } = page(found, limit, ({ at, _id }) => [+at, _id]);
    const data = entries.map((entry) => ({
      id: entry._id,
      code: entry.code,
      organizationId: entry.organizationId,
      directoryId: entry.directoryId,
      subjectId: entry.subjectId,
      at: entry.at.toISOString(),
    }));
    return { status: 200, body: { data, next } };
  },
});
