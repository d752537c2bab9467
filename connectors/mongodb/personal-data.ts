import type { Document, Filter } from 'mongodb';

import type { FieldFate, PersonalDataRule, UsersProjection } from '../../domain/host-file.ts';
import type { Beat, HostErasure } from '../host-application.ts';
import {
  documentsOf,
  hostCollection,
  type HostDocument,
  type MongoHost,
} from './host-collections.ts';
import { idForms, type HostId } from './ids.ts';
import { anonymizedStatus, refusalsAsConflicts } from './projection.ts';
import {
  fieldUpdate,
  type FieldChange,
  type FieldUpdate,
  type Replacement,
} from './replacement.ts';

/** What one rule of the data map means for one person. */
interface Erasing {
  collection: string;
  /** The person's documents. */
  belongs: Filter<HostDocument>;
  updates: FieldUpdate[];
}

/** Reads over one collection: rows that appear meanwhile are taken along, but not for ever. */
const mostRounds = 5;

/** Replaces or removes the person's data by the data map. Returns changed documents per collection. */
export async function anonymize(
  host: MongoHost,
  erasure: HostErasure,
  beat: Beat,
): Promise<Record<string, number>> {
  const changed: Record<string, number> = {};
  const add = (collection: string, more: number): void => {
    changed[collection] = (changed[collection] ?? 0) + more;
    beat({ done: Object.values(changed).reduce((sum, each) => sum + each, 0) });
  };
  for (const erasing of rulesFor(host, erasure)) {
    await refusalsAsConflicts(erasing.collection, () => erase(host, erasing, add));
  }
  const users = host.file.users;
  if (users !== null && erasure.wholeUser) {
    const done = await refusalsAsConflicts(users.collection, () => eraseUser(host, users, erasure));
    add(users.collection, done);
  }
  return changed;
}

/** Documents in which personal data of the map still stands. What two rules find counts twice. */
export async function countPersonalData(host: MongoHost, erasure: HostErasure): Promise<number> {
  let count = 0;
  for (const erasing of rulesFor(host, erasure)) {
    count += await hostCollection(host, erasing.collection).countDocuments(pending(erasing));
  }
  const users = host.file.users;
  if (users === null || !erasure.wholeUser) return count;
  const belongs = { _id: { $in: idForms(erasure.userId) } };
  const filter =
    erasure.mode === 'delete' ? belongs : pending(userErasing(users, belongs, erasure));
  return count + (await hostCollection(host, users.collection).countDocuments(filter));
}

function rulesFor(host: MongoHost, erasure: HostErasure): Erasing[] {
  const rules: Erasing[] = [];
  for (const rule of host.file.personalData) {
    const belongs = documentsOf(rule, erasure, erasure.wholeUser);
    const updates = changesOf(rule, erasure).map((change) =>
      fieldUpdate(change, { path: rule.user, ids: idForms(erasure.userId) }),
    );
    if (belongs === null || updates.length === 0) continue;
    rules.push({ collection: rule.collection, belongs, updates });
  }
  return rules;
}

function changesOf(rule: PersonalDataRule, erasure: HostErasure): FieldChange[] {
  const changes: FieldChange[] = [];
  for (const [path, fate] of Object.entries(rule.fields)) {
    const becomes = replacementFor(fate, erasure);
    if (becomes !== null) changes.push({ path, becomes });
  }
  return changes;
}

/** Null: the field stays as it is. */
function replacementFor(fate: FieldFate, erasure: HostErasure): Replacement | null {
  if (fate === 'pseudonym') return { text: erasure.pseudonym };
  if (fate === 'pseudonymEmail') return { text: erasure.pseudonymEmail };
  return fate === 'remove' ? fate : null;
}

function pending(erasing: Erasing): Filter<HostDocument> {
  const isPending = erasing.updates.map((update) => update.isPending);
  return { $and: [erasing.belongs, { $expr: { $or: isPending } }] };
}

/** Reads the pending documents of a rule until none is left, and changes them batch by batch. */
async function erase(
  host: MongoHost,
  erasing: Erasing,
  changed: (collection: string, more: number) => void,
): Promise<void> {
  const collection = hostCollection(host, erasing.collection);
  const { batchSize } = host.pacer;
  for (let round = 0; round < mostRounds; round += 1) {
    let found = 0;
    const cursor = collection.find(pending(erasing), { projection: { _id: 1 }, batchSize });
    for await (const ids of batches(cursor, batchSize)) {
      found += ids.length;
      await host.pacer.turn(ids.length);
      const filter = { $and: [{ _id: { $in: ids } }, erasing.belongs] };
      const result = await collection.updateMany(filter, stages(erasing));
      changed(erasing.collection, result.modifiedCount);
    }
    if (found === 0) return;
  }
}

function stages(erasing: Erasing): Document[] {
  return erasing.updates.map((update) => update.stage);
}

async function* batches(
  documents: AsyncIterable<HostDocument>,
  size: number,
): AsyncGenerator<HostId[]> {
  let ids: HostId[] = [];
  for await (const document of documents) {
    ids.push(document._id);
    if (ids.length < size) continue;
    yield ids;
    ids = [];
  }
  if (ids.length > 0) yield ids;
}

async function eraseUser(
  host: MongoHost,
  users: UsersProjection,
  erasure: HostErasure,
): Promise<number> {
  const collection = hostCollection(host, users.collection);
  const belongs = { _id: { $in: idForms(erasure.userId) } };
  if (erasure.mode === 'delete') return (await collection.deleteMany(belongs)).deletedCount;
  const update = stages(userErasing(users, belongs, erasure));
  const status = users.fields.status;
  if (status !== undefined) update.push({ $set: { [status]: { $literal: anonymizedStatus } } });
  if (update.length === 0) return 0;
  return (await collection.updateMany(belongs, update)).modifiedCount;
}

/** The host's record of the person, as if the data map named every profile field of the projection. */
function userErasing(
  users: UsersProjection,
  belongs: Filter<HostDocument>,
  erasure: HostErasure,
): Erasing {
  const updates: FieldUpdate[] = [];
  for (const field of ['email', 'username', 'firstName', 'lastName', 'name'] as const) {
    const path = users.fields[field];
    if (path === undefined) continue;
    const text = field === 'email' ? erasure.pseudonymEmail : erasure.pseudonym;
    updates.push(
      fieldUpdate({ path, becomes: { text } }, { path: '_id', ids: idForms(erasure.userId) }),
    );
  }
  return { collection: users.collection, belongs, updates };
}
