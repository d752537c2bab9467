import type { Filter } from 'mongodb';
import { z } from 'zod';

import { Refusal } from '../../domain/errors.ts';
import type {
  DirectoryEdgeDocument,
  DirectoryGroupDocument,
} from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { id } from '../fields.ts';
import { afterId, pageById, pageOf, pageQuery } from '../paging.ts';
import { defineRoute, noBody, oneId } from '../route.ts';

const groupShape = z
  .strictObject({
    id,
    name: z.nullable(z.string()).meta({ description: 'null: only its members were told of yet.' }),
    state: z.enum(['active', 'deleted']),
    members: z.int().meta({
      description:
        'How many were told of as being in it. Whoever left without a word about their groups counts until ' +
        'the next full comparison.',
    }),
  })
  .meta({ id: 'DirectoryGroup' });

/** `GET /v1/directories/{id}/groups` */
export const listDirectoryGroupsRoute = defineRoute({
  method: 'get',
  path: '/v1/directories/{id}/groups',
  summary: 'List the groups of a directory: their ids are what role mappings name',
  auth: 'admin',
  request: { params: oneId, query: z.strictObject(pageQuery), body: noBody },
  responses: { 200: pageOf(groupShape) },
  async handler({ params, query: { limit, cursor } }, { store }) {
    const { directories, directoryGroups } = store().collections;
    const after = afterId(cursor);
    const directory = await directories.findOne({ _id: params.id }, { projection: { _id: 1 } });
    if (directory === null) throw new Refusal('notFound', 'There is no such directory.');
    const found = directoryGroups.find({ directoryId: params.id, ...after });
    const { entries, next } = await pageById(found, limit);
    const members = await membersOf(store(), entries);
    const data = entries.map(({ _id, name, state }) => ({
      id: _id,
      name,
      state,
      members: members.get(_id) ?? 0,
    }));
    return { status: 200, body: { data, next } };
  },
});

/** How many are in each group; a deleted one has nobody. */
async function membersOf(
  store: Store,
  groups: readonly DirectoryGroupDocument[],
): Promise<Map<string, number>> {
  const active = groups.filter(({ state }) => state === 'active');
  if (active.length === 0) return new Map();
  const counted = await store.collections.directoryEdges
    .aggregate<{ _id: string; members: number }>([
      { $match: { $or: active.map(countingEdges) } },
      { $group: { _id: '$groupId', members: { $sum: 1 } } },
    ])
    .toArray();
  return new Map(counted.map(({ _id, members }) => [_id, members]));
}

/** As `edgeCounts` says: whoever was in a group before its deletion is not in the one that was made again. */
function countingEdges({
  _id,
  directoryId,
  deletedVersion,
}: DirectoryGroupDocument): Filter<DirectoryEdgeDocument> {
  const present = { groupId: _id, directoryId, present: true };
  if (deletedVersion === null) return present;
  const { eventAtMs, eventId } = deletedVersion;
  return {
    ...present,
    $or: [
      { 'version.eventAtMs': { $gt: eventAtMs } },
      { 'version.eventAtMs': eventAtMs, 'version.eventId': { $gt: eventId } },
    ],
  };
}
