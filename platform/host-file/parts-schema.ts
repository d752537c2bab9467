import { z } from 'zod';

import { idTypes } from '../../domain/host-file.ts';
import { overlapping } from './field-paths.ts';

/** What several sections of the host file are made of. */

const unsafeSegments = ['__proto__', 'constructor', 'prototype'];

/** A field of a host document, dotted where it lies deeper. Nothing of it may act as a MongoDB operator. */
export const fieldPath = z.string().refine((path) => {
  const segments = path.split('.');
  const isSafe = (segment: string): boolean =>
    segment !== '' && !segment.startsWith('$') && !unsafeSegments.includes(segment);
  return path.length <= 500 && !path.includes('\0') && segments.every(isSafe);
}, 'expected a field name: not empty, no part of it beginning with $, no NUL');

/** `_id` can be read but never written, whatever a file says. */
export const writtenField = fieldPath.refine(
  (path) => path.split('.')[0] !== '_id',
  'names _id, which is never written',
);

export const collection = z
  .string()
  .regex(
    /^(?!system\.)(?!\.)[^$\0]{1,200}(?<!\.)$/,
    'expected a collection name: not empty, without $ and NUL, not beginning with system.',
  );

export const database = z
  .string()
  .regex(/^[^/\\. "$*<>:|?\0]{1,63}$/, 'expected a MongoDB database name')
  .refine((name) => !['admin', 'local', 'config'].includes(name), "is MongoDB's own database");

/** Kinds appear in metrics, in the timeline and in Temporal. */
export const kind = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'expected 1 to 64 letters, digits, and _ . -');

/** Where the secrets of an endpoint are: the file names the variable, and never holds a secret itself. */
export const secretEnv = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'expected the name of an environment variable');

const idType = z.enum(idTypes, { error: `expected one of ${idTypes.join(', ')}` });
export const ids = { id: idType.optional(), idType: idType.optional() };
export const mongodb = z.literal('mongodb', { error: 'expected mongodb' }).default('mongodb');

/** Such a rule also speaks where something else in the map is wrong: everything is told at once. */
function isMap({ value }: { value: unknown }): boolean {
  return typeof value === 'object' && value !== null;
}

/** Both words are understood; the two at once could disagree. */
export function oneIdType(value: { id?: unknown; idType?: unknown }): boolean {
  return value.id === undefined || value.idType === undefined;
}
export const oneIdTypeMessage = {
  error: 'says both id and idType; expected one of them',
  when: isMap,
};

/** Which organization a document belongs to: a field says it, or it is the user's everywhere. */
export const belongs = {
  organization: fieldPath.optional(),
  scope: z.literal('user', { error: 'expected user, or a field in organization' }).optional(),
};
export function belongsOnce(value: { organization?: unknown; scope?: unknown }): boolean {
  return (value.organization === undefined) !== (value.scope === undefined);
}
export const belongsMessage = {
  error: 'expected either organization (the field that holds its id) or scope: user, and not both',
  when: isMap,
};

export function noOverlap(paths: readonly string[]): boolean {
  return overlapping(paths) === null;
}
export const overlapMessage =
  'names one field twice, or a field and a part of it; MongoDB refuses that';

export const text = z.string().min(1).max(1_000);
