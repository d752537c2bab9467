import { z } from 'zod';

import type { DirectoryDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { id, time, timeText } from '../fields.ts';
import { page, pageOf, pageQuery, readCursor } from '../paging.ts';
import { defineRoute, noBody, nothing } from '../route.ts';

const directoryShape = z
  .strictObject({
    id,
    organizationId: id,
    type: z.nullable(z.string()),
    name: z.nullable(z.string()),
    state: z.string().meta({
      description:
        'As WorkOS tells it; `unannounced` where people came before the directory, `deleted` after its end.',
    }),
    directoryUsers: z.int().meta({ description: 'People known from it, in whatever state.' }),
    lastAnnouncedAt: z.nullable(time),
    createdAt: time,
    deletedAt: z.nullable(time),
  })
  .meta({ id: 'Directory' });

/** `GET /v1/directories` */
export const listDirectoriesRoute = defineRoute({
  method: 'get',
  path: '/v1/directories',
  summary: 'List the connected directories and how they fare',
  auth: 'admin',
  request: {
    params: nothing,
    query: z.strictObject({ ...pageQuery, organizationId: id.optional() }),
    body: noBody,
  },
  responses: { 200: pageOf(directoryShape) },
  async handler({ query: { organizationId, limit, cursor } }, { store }) {
    const after = readCursor(cursor, z.tuple([z.string().max(255)]))?.[0];
    const found = await store()
      .collections.directories.find({
        ...(organizationId === undefined ? {} : { organizationId }),
        ...(after === undefined ? {} : { _id: { $gt: after } }),
      })
      .sort({ _id: 1 })
      .limit(limit + 1)
      .toArray();
    const { entries, next } = page(found, limit, ({ _id }) => [_id]);
    const data = await Promise.all(entries.map(async (entry) => present(store(), entry)));
    return { status: 200, body: { data, next } };
  },
});

async function present(
  store: Store,
  directory: DirectoryDocument,
): Promise<z.input<typeof directoryShape>> {
  return {
    id: directory._id,
    organizationId: directory.organizationId,
    type: directory.type,
    name: directory.name,
    state: directory.state,
    // The type test makes the count eligible for the partial index; forgotten people have no `idpId`.
    directoryUsers: await store.collections.directoryUsers.countDocuments({
      directoryId: directory._id,
      idpId: { $type: 'string' },
    }),
    lastAnnouncedAt: directory.eventAtMs === 0 ? null : timeText(new Date(directory.eventAtMs)),
    createdAt: directory.createdAt.toISOString(),
    deletedAt: timeText(directory.deletedAt),
  };
}
