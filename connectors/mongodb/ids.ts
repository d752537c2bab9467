import { Binary, BSON, Decimal128, Long, ObjectId, UUID } from 'mongodb';

import { idTypes, type IdType } from '../../domain/host-file.ts';

/**
 * An `_id` of a host document. It may be anything but null or an array; documents as ids work too, only the
 * driver's types have no room for them.
 */
export type HostId = string | number | ObjectId | Binary | Long;

const objectIdForm = /^[0-9a-f]{24}$/i;
const uuidForm = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const integerForm = /^(?:0|-?[1-9]\d{0,18})$/;

/** An id, which Tenure keeps as text, as the host may write it. Null: the text is no id of that type. */
const writtenAs: Record<IdType, (id: string) => HostId | null> = {
  string: (id) => id,
  objectId: (id) => (objectIdForm.test(id) ? new ObjectId(id) : null),
  uuid: (id) => (uuidForm.test(id) ? new UUID(id) : null),
  number: wholeNumber,
};

/** Beyond 2^53 a JavaScript number would be another person's. */
function wholeNumber(id: string): number | Long | null {
  if (!integerForm.test(id)) return null;
  if (Number.isSafeInteger(Number(id))) return Number(id);
  const long = Long.fromString(id);
  return long.toString() === id ? long : null;
}

/** A user id as Tenure writes it. What is no id of the type stays a string: the host can tell it from its own. */
export function typedId(id: string, type: IdType): HostId {
  return writtenAs[type](id) ?? id;
}

/** Whether a document may be created under this id: a string among ObjectIds would be lost to the host. */
export function canBeId(id: string, type: IdType): boolean {
  return writtenAs[type](id) !== null;
}

/**
 * An id in every form in which the host may have written it. Everything is looked for by all of them, whatever
 * the host file says of the type: a wrong word there would find nothing, and a leaver whose sessions nobody
 * found would be called verified. One text in two forms is one person: they are two writings of one id.
 */
export function idForms(id: string): HostId[] {
  return idTypes.flatMap((type) => writtenAs[type](id) ?? []);
}

/** In which form a value of the host's is an id. Null: in none that Tenure looks for. */
export function typeOfId(value: unknown): IdType | null {
  if (typeof value === 'string') return 'string';
  if (value instanceof ObjectId) return 'objectId';
  if (value instanceof Binary) return value.sub_type === Binary.SUBTYPE_UUID ? 'uuid' : null;
  // The server compares numbers by their value, whatever their type is.
  const isWhole = Number.isInteger(value) || value instanceof Long || value instanceof Decimal128;
  return isWhole ? 'number' : null;
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
  const ids = idForms(text);
  try {
    ids.push(parseResourceId(text));
  } catch {
    // Plain text is no EJSON: the forms above are all it can mean.
  }
  return ids;
}
