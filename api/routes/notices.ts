import { z } from 'zod';

import { id, time } from '../fields.ts';
import { before, newestFirst, pageOf, pageQuery } from '../paging.ts';
import { defineRoute, noBody, nothing } from '../route.ts';

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
    const found = store().collections.notices.find({
      ...(organizationId === undefined ? {} : { organizationId }),
      ...before('at', cursor),
    });
    const { entries, next } = await newestFirst(found, 'at', limit);
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
