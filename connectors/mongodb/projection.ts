import { MongoServerError, type Document } from 'mongodb';

import {
  projectedFields,
  type ProjectedField,
  type UsersProjection,
} from '../../domain/host-file.ts';
import { HostConflict } from '../host-conflict.ts';
import type { ProjectedUser } from '../host-application.ts';
import { hostCollection, type HostDocument, type MongoHost } from './host-collections.ts';
import { canBeId, idForms, typedId } from './ids.ts';

/** The status that an erased person keeps in the host's users. */
export const anonymizedStatus = 'anonymized';

/**
 * Writes the person into the host's users: one update of exactly the named fields, so that it can be
 * repeated and never touches what the host itself keeps there. Does nothing where the host keeps no copy.
 *
 * @throws HostConflict where the host's database refuses it for good.
 */
export async function projectUser(
  host: MongoHost,
  user: ProjectedUser,
  mayCreate: boolean,
  except: readonly ProjectedField[] = [],
): Promise<void> {
  const users = host.file.users;
  if (users === null) return;
  if (mayCreate && !canBeId(user.userId, users.id)) throw new HostConflict('id', users.collection);
  const fields = namedFields(users, user, except);
  if (Object.keys(fields).length === 0 && !mayCreate) return;
  await refusalsAsConflicts(users.collection, () =>
    write(host, users, user.userId, fields, mayCreate),
  );
}

function namedFields(
  users: UsersProjection,
  user: ProjectedUser,
  except: readonly ProjectedField[],
): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const name of projectedFields) {
    const field = users.fields[name];
    if (field !== undefined && !except.includes(name)) fields[field] = user[name];
  }
  return fields;
}

async function write(
  host: MongoHost,
  users: UsersProjection,
  userId: string,
  fields: Record<string, unknown>,
  mayCreate: boolean,
): Promise<void> {
  const collection = hostCollection(host, users.collection);
  const filter = notErased(users, userId);
  // The filter names every form of the id; a new record gets the one that the host file says.
  const update = {
    ...(Object.keys(fields).length === 0 ? {} : { $set: fields }),
    $setOnInsert: { _id: typedId(userId, users.id) },
  };
  try {
    await collection.updateOne(filter, update, { upsert: mayCreate });
  } catch (error) {
    if (!isDuplicate(error) || !indexFields(error).includes('_id')) throw error;
    // The record exists: somebody else created it at the same moment, or it is an erased one, which the
    // filter passes over. Without upsert the first is updated and the second left as it is.
    await collection.updateOne(filter, update);
  }
}

/**
 * An erased record takes no profile any more: an activity that was frozen before the erasure and goes on
 * after it would bring the name and e-mail back.
 */
function notErased(users: UsersProjection, userId: string): Record<string, unknown> {
  const status = users.fields.status;
  const id = { _id: { $in: idForms(userId) } };
  return status === undefined ? id : { ...id, [status]: { $ne: anonymizedStatus } };
}

/**
 * Runs a write and turns the refusals of the host's database into `HostConflict`. Everything else is thrown
 * on: it may pass by trying again.
 */
export async function refusalsAsConflicts<T>(
  collection: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isDuplicate(error)) throw new HostConflict('duplicate', collection, indexFields(error));
    if (error instanceof MongoServerError && error.code === pathNotViable) {
      throw new HostConflict('path', collection);
    }
    throw error;
  }
}

const pathNotViable = 28;

function isDuplicate(error: unknown): error is MongoServerError {
  return error instanceof MongoServerError && error.code === 11000;
}

function indexFields(error: MongoServerError): string[] {
  const pattern: unknown = error['keyPattern'];
  return isDocument(pattern) ? Object.keys(pattern) : [];
}

function isDocument(value: unknown): value is Document | HostDocument {
  return typeof value === 'object' && value !== null;
}
