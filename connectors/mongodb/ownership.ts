import type { AnyBulkWriteOperation, Filter } from 'mongodb';

import type { ResourceKind } from '../../domain/host-file.ts';
import type { HostMembership, OwnedResource, ResourceFilter } from '../host-application.ts';
import {
  documentsOf,
  hostCollection,
  type HostDocument,
  type MongoHost,
} from './host-collections.ts';
import {
  canBeId,
  idForms,
  parseResourceId,
  possibleResourceIds,
  resourceIdOf,
  typedId,
  typeOfId,
  type HostId,
} from './ids.ts';

/**
 * Resources that the person owns, kind by kind in the order of the host file, by `_id` within a kind: a page
 * starts where the one before ended, whatever changed hands in between.
 */
export async function ownedResources(
  host: MongoHost,
  membership: HostMembership,
  filter: ResourceFilter,
  page: { after: OwnedResource | null; limit: number },
): Promise<OwnedResource[]> {
  const { after, limit } = page;
  const kinds = host.file.resources.filter((each) => filter.kinds.includes(each.kind));
  const from = after === null ? 0 : kinds.findIndex((each) => each.kind === after.kind);
  // A kind that is gone from the host file has no place in the order: everything is listed again.
  const resources: OwnedResource[] = [];
  for (const kind of kinds.slice(Math.max(0, from))) {
    if (resources.length >= limit) break;
    const start = after?.kind === kind.kind ? after.resourceId : null;
    resources.push(...(await pageOf(host, membership, kind, start, limit - resources.length)));
  }
  return resources;
}

async function pageOf(
  host: MongoHost,
  membership: HostMembership,
  kind: ResourceKind,
  after: string | null,
  limit: number,
): Promise<OwnedResource[]> {
  const owned = ownedBy(kind, membership);
  if (owned === null) return [];
  // `$gt` in a query compares within one type only and would end the list at the last id of that type, in a
  // collection whose older ids are ObjectIds and newer ones strings. In an expression it compares them all.
  const later =
    after === null ? {} : { $expr: { $gt: ['$_id', { $literal: parseResourceId(after) }] } };
  const documents = await hostCollection(host, kind.collection)
    .find({ $and: [owned, later] }, { projection: { _id: 1 }, sort: { _id: 1 }, limit })
    .toArray();
  return documents.map(({ _id }) => ({ kind: kind.kind, resourceId: resourceIdOf(_id) }));
}

/** How many resources the person owns, of all kinds. */
export async function countOwned(host: MongoHost, membership: HostMembership): Promise<number> {
  let owned = 0;
  for (const kind of host.file.resources) {
    const filter = ownedBy(kind, membership);
    if (filter !== null)
      owned += await hostCollection(host, kind.collection).countDocuments(filter);
  }
  return owned;
}

/** Hands resources over: each only if it is still `from`'s, so that a second run or a newer owner changes nothing. */
export async function changeOwner(
  host: MongoHost,
  change: { resources: OwnedResource[]; from: string; to: string },
): Promise<number> {
  let changed = 0;
  for (const kind of host.file.resources) {
    const operations = change.resources
      .filter((resource) => resource.kind === kind.kind)
      .map((resource) => handOver(kind, resource, change));
    changed += await writeInBatches(host, kind, operations);
  }
  return changed;
}

/** One operation for each form in which the owner may stand there; one of them at most writes something. */
function handOver(
  kind: ResourceKind,
  resource: OwnedResource,
  change: { from: string; to: string },
): AnyBulkWriteOperation<HostDocument>[] {
  const _id = { $eq: parseResourceId(resource.resourceId) };
  return idForms(change.from).map((from) => {
    const update = { $set: { [kind.owner]: successor(kind, from, change.to) } };
    return { updateOne: { filter: { $and: [{ _id }, owner(kind, [from])] }, update } };
  });
}

/** Written as the owner before was, where the host file says another type: the host reads its own form. */
function successor(kind: ResourceKind, from: HostId, to: string): HostId {
  const written = typeOfId(from) ?? 'string';
  return typedId(to, written !== 'string' && canBeId(to, written) ? written : kind.idType);
}

async function writeInBatches(
  host: MongoHost,
  kind: ResourceKind,
  operations: AnyBulkWriteOperation<HostDocument>[][],
): Promise<number> {
  const { batchSize } = host.pacer;
  let changed = 0;
  for (let start = 0; start < operations.length; start += batchSize) {
    const batch = operations.slice(start, start + batchSize);
    await host.pacer.turn(batch.length);
    const result = await hostCollection(host, kind.collection).bulkWrite(batch.flat(), {
      ordered: false,
    });
    changed += result.modifiedCount;
  }
  return changed;
}

/** Whether the resource is the person's. An unknown kind belongs to nobody. */
export async function ownsResource(
  host: MongoHost,
  userId: string,
  resource: { kind: string; id: string },
): Promise<boolean> {
  // `$eq` takes an id as it is: in a list a regular expression or an operator would be read as a condition.
  const ids = possibleResourceIds(resource.id).map((id) => ({ _id: { $eq: id } }));
  for (const kind of host.file.resources) {
    if (kind.kind !== resource.kind) continue;
    const filter = { $and: [{ $or: ids }, owner(kind, idForms(userId))] };
    const found = await hostCollection(host, kind.collection).findOne(filter, {
      projection: { _id: 1 },
    });
    if (found !== null) return true;
  }
  return false;
}

/** What stands in an owner field for the organization: always a string, also among ObjectIds. */
export function organizationOwner(host: MongoHost, organizationId: string): string {
  return host.file.organizationOwner.replaceAll('{organizationId}', () => organizationId);
}

/** Resources without an organization stay with a person who is still in somewhere: their owner is active. */
function ownedBy(kind: ResourceKind, membership: HostMembership): Filter<HostDocument> | null {
  const belonging = { ...kind, user: kind.owner };
  const filter = documentsOf(belonging, membership, membership.last);
  return filter === null ? null : { $and: [filter, oneOwner(kind)] };
}

function owner(kind: ResourceKind, ids: HostId[]): Filter<HostDocument> {
  return { $and: [{ [kind.owner]: { $in: ids } }, oneOwner(kind)] };
}

/** A list of owners matches one of its members too, and setting the field would drop all the others. */
function oneOwner(kind: ResourceKind): Filter<HostDocument> {
  return { [kind.owner]: { $not: { $type: 'array' } } };
}
