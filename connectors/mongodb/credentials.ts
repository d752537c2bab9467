import type { Document, Filter } from 'mongodb';

import type { Marking, MongodbSessions } from '../../domain/host-file.ts';
import type { HostMembership } from '../host-application.ts';
import {
  documentsOf,
  hostCollection,
  type HostDocument,
  type MongoHost,
} from './host-collections.ts';

/** What is to be done to the credentials of one kind and one membership. */
export interface Task {
  source: MongodbSessions;
  /** The credentials that it is about. */
  belongs: Filter<HostDocument>;
  /** Those of them that it is not done with. */
  open: (now: Date) => Filter<HostDocument>;
  /** Does it to so many of them. Returns how many changed. */
  end: (filter: Filter<HostDocument>) => Promise<number>;
}

/** To end what a leaving ends; null: of this kind there can be nothing. */
export function revocation(
  host: MongoHost,
  source: MongodbSessions,
  membership: HostMembership,
): Task | null {
  const belongs = credentialsOf(source, membership);
  if (belongs === null) return null;
  return {
    source,
    belongs,
    open: (now) => notYetRevoked(source, now),
    end: (filter) => revokeBatch(host, source, filter),
  };
}

/** How many the task is not done with. */
export async function countOpen(host: MongoHost, { source, belongs, open }: Task): Promise<number> {
  const filter = { $and: [belongs, open(new Date())] };
  return hostCollection(host, source.collection).countDocuments(filter);
}

/** Does the task to one batch. Returns how many were found open, and how many of them changed. */
export async function endBatch(
  host: MongoHost,
  { source, belongs, open, end }: Task,
): Promise<{ found: number; ended: number }> {
  const batch = await hostCollection(host, source.collection)
    .find(
      { $and: [belongs, open(new Date())] },
      { projection: { _id: 1 }, limit: host.pacer.batchSize },
    )
    .toArray();
  if (batch.length === 0) return { found: 0, ended: 0 };
  await host.pacer.turn(batch.length);
  const ids = batch.map((document) => document._id);
  return { found: batch.length, ended: await end({ $and: [{ _id: { $in: ids } }, belongs] }) };
}

/**
 * The credentials that this leaving ends. Those without an organization let the person in everywhere: a
 * session is made anew at the next sign-in, so it goes at any leaving; a key does not come back, so it stays
 * while the person is still in somewhere. By either id of the user: a sign-in from before the host application
 * said its own, or one that it wrote by Tenure's, lets them in just as well.
 */
export function credentialsOf(
  source: MongodbSessions,
  membership: HostMembership,
): Filter<HostDocument> | null {
  const everywhere = !source.isKey || membership.last;
  return documentsOf(source, membership, everywhere, membership.otherUserId);
}

/** Every BSON type but date. A list of types in which date itself were negated would pass a list of values. */
const notDates = [
  'double',
  'string',
  'object',
  'array',
  'binData',
  'undefined',
  'objectId',
  'bool',
  'regex',
  'dbPointer',
  'javascript',
  'symbol',
  'javascriptWithScope',
  'int',
  'timestamp',
  'long',
  'decimal',
  'minKey',
  'maxKey',
];

/**
 * What still lets somebody in. A date counts as revoked once it has come: with `{ set: { expiresAt: now } }`
 * every live session carries one, but a later one. What is no date, such as milliseconds since 1970, says
 * nothing that can be relied on and counts as open.
 */
export function notYetRevoked(source: MongodbSessions, now: Date): Filter<HostDocument> {
  if (source.revoke === 'delete') return {};
  const open: Filter<HostDocument>[] = [];
  for (const [field, value] of Object.entries(source.revoke.set)) {
    if (value === 'now') {
      open.push({ [field]: { $eq: null } }, { [field]: { $gt: now } });
      open.push({ [field]: { $type: notDates } });
    } else open.push({ [field]: { $ne: value } });
  }
  return open.length === 0 ? {} : { $or: open };
}

async function revokeBatch(
  host: MongoHost,
  source: MongodbSessions,
  filter: Filter<HostDocument>,
): Promise<number> {
  const collection = hostCollection(host, source.collection);
  if (source.revoke === 'delete') return (await collection.deleteMany(filter)).deletedCount;
  const update = [{ $set: revokedFields(source.revoke, new Date()) }];
  return (await collection.updateMany(filter, update)).modifiedCount;
}

/** The marking. A time that has come already stays: it says when the credential really ended. */
function revokedFields({ set }: Marking, now: Date): Document {
  const fields: Document = {};
  for (const [field, value] of Object.entries(set)) {
    const current = `$${field}`;
    const hasCome = { $and: [{ $eq: [{ $type: current }, 'date'] }, { $lte: [current, now] }] };
    fields[field] = value === 'now' ? { $cond: [hasCome, current, now] } : { $literal: value };
  }
  return fields;
}
