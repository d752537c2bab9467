import { BSON, ObjectId, UUID, type Binary } from 'mongodb';

import type { IdType } from '../../domain/host-file.ts';

/**
 * An `_id` of a host document. It may be anything but null or an array; documents as ids work too, only the
 * driver's types have no room for them.
 */
export type HostId = string | number | ObjectId | Binary;

const objectIdForm = /^[0-9a-f]{24}$/i;
const uuidForm = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const integerForm = /^-?(?:0|[1-9]\d{0,14})$/;

/** A user id as the host writes it. What is no ObjectId stays a string: it then equals nothing, or what the host wrote. */
export function typedId(id: string, type: IdType): string | ObjectId {
  return type === 'objectId' && objectIdForm.test(id) ? new ObjectId(id) : id;
}

/** Whether a document may be created under this id: a string among ObjectIds would be lost to the host. */
export function canBeId(id: string, type: IdType): boolean {
  return type === 'string' || objectIdForm.test(id);
}

/**
 * An organization id in every form in which the host may write it. The host file gives one id type for a
 * collection, and hosts with ObjectId users keep WorkOS organization ids (strings) as well as ObjectIds.
 */
export function organizationForms(id: string): (string | ObjectId)[] {
  return objectIdForm.test(id) ? [id, new ObjectId(id)] : [id];
}

/** Canonical EJSON of an `_id`: the one text form that keeps its type (`"p1"`, `{"$oid":"..."}`). */
export function resourceIdOf(id: HostId): string {
  return BSON.EJSON.stringify(id, { relaxed: false });
}

/**
 * The `_id` that canonical EJSON stands for.
 * @throws Error where the text is no EJSON of an id: a resource id that Tenure did not make.
 */
export function parseResourceId(resourceId: string): HostId {
  const id: unknown = BSON.EJSON.parse(resourceId, { relaxed: false });
  if (!isHostId(id)) throw new TypeError('A resource id is null or a list');
  return id;
}

function isHostId(value: unknown): value is HostId {
  return value !== null && value !== undefined && !Array.isArray(value);
}

/**
 * Every `_id` that a resource id from outside may mean: canonical EJSON as Tenure shows it, or plain text as
 * the host shows it (`p1`, 24 hex digits, a UUID, an integer). An admin who places a hold knows only the latter.
 */
export function possibleResourceIds(text: string): HostId[] {
  const ids: HostId[] = [text];
  if (objectIdForm.test(text)) ids.push(new ObjectId(text));
  if (uuidForm.test(text)) ids.push(new UUID(text));
  if (integerForm.test(text)) ids.push(Number(text));
  try {
    ids.push(parseResourceId(text));
  } catch {
    // Plain text is no EJSON: the forms above are all it can mean.
  }
  return ids;
}
