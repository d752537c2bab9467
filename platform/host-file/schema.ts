import { z } from 'zod';

import { projectedFields, type Marking } from '../../domain/host-file.ts';
import { policyDefaultsSchema } from '../policy-schema.ts';
import { overlapping, touches } from './field-paths.ts';

/** The grammar of the host file (design section 8), before defaults are filled in. */

const unsafeSegments = ['__proto__', 'constructor', 'prototype'];

/** A field of a host document, dotted where it lies deeper. Nothing of it may act as a MongoDB operator. */
const fieldPath = z.string().refine((path) => {
  const segments = path.split('.');
  const isSafe = (segment: string): boolean =>
    segment !== '' && !segment.startsWith('$') && !unsafeSegments.includes(segment);
  return path.length <= 500 && !path.includes('\0') && segments.every(isSafe);
}, 'expected a field name: not empty, no part of it beginning with $, no NUL');

/** `_id` can be read but never written, whatever a file says. */
const writtenField = fieldPath.refine(
  (path) => path.split('.')[0] !== '_id',
  'names _id, which is never written',
);

const collection = z
  .string()
  .regex(
    /^(?!system\.)(?!\.)[^$\0]{1,200}(?<!\.)$/,
    'expected a collection name: not empty, without $ and NUL, not beginning with system.',
  );

const database = z
  .string()
  .regex(/^[^/\\. "$*<>:|?\0]{1,63}$/, 'expected a MongoDB database name')
  .refine((name) => !['admin', 'local', 'config'].includes(name), "is MongoDB's own database");

/** Kinds appear in metrics, in the timeline and in Temporal. */
const kind = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'expected 1 to 64 letters, digits, and _ . -');

const idType = z.enum(['string', 'objectId'], { error: 'expected string or objectId' });
const ids = { id: idType.optional(), idType: idType.optional() };
const mongodb = z.literal('mongodb', { error: 'expected mongodb' }).default('mongodb');

/** Such a rule also speaks where something else in the map is wrong: everything is told at once. */
function isMap({ value }: { value: unknown }): boolean {
  return typeof value === 'object' && value !== null;
}

/** Both words are understood; the two at once could disagree. */
function oneIdType(value: { id?: unknown; idType?: unknown }): boolean {
  return value.id === undefined || value.idType === undefined;
}
const oneIdTypeMessage = {
  error: 'says both id and idType; expected one of them',
  when: isMap,
};

/** Which organization a document belongs to: a field says it, or it is the user's everywhere. */
const belongs = {
  organization: fieldPath.optional(),
  scope: z.literal('user', { error: 'expected user, or a field in organization' }).optional(),
};
function belongsOnce(value: { organization?: unknown; scope?: unknown }): boolean {
  return (value.organization === undefined) !== (value.scope === undefined);
}
const belongsMessage = {
  error: 'expected either organization (the field that holds its id) or scope: user, and not both',
  when: isMap,
};

function noOverlap(paths: readonly string[]): boolean {
  return overlapping(paths) === null;
}
const overlapMessage = 'names one field twice, or a field and a part of it; MongoDB refuses that';

const text = z.string().min(1).max(1_000);

const users = z
  .strictObject({
    connector: mongodb,
    collection,
    ...ids,
    uniqueEmail: z.boolean().default(false),
    fields: z
      .strictObject(
        Object.fromEntries(projectedFields.map((field) => [field, writtenField.optional()])),
      )
      .refine((fields) => Object.keys(fields).length > 0, 'expected at least one field')
      .refine(
        (fields) => noOverlap(Object.values(fields).filter((path) => path !== undefined)),
        overlapMessage,
      ),
  })
  .refine(oneIdType, oneIdTypeMessage)
  .refine(({ uniqueEmail, fields }) => !uniqueEmail || fields['email'] !== undefined, {
    error: 'says that e-mails are unique, but fields.email names none to write',
    path: ['uniqueEmail'],
  });

const marking = z.strictObject(
  {
    set: z
      .record(writtenField, z.union([z.string(), z.number(), z.boolean()]))
      .refine((set) => Object.keys(set).length > 0, 'expected at least one field')
      .refine((set) => noOverlap(Object.keys(set)), overlapMessage),
  },
  { error: 'expected {set: {field: value}}' },
);

const revoke = z.union([z.literal('delete'), marking], {
  error: 'expected delete, or {set: {field: value}}',
});

/** What a session is marked with where the file says `onRoleLoss: refresh` and no more. */
const defaultRefresh: Marking = { set: { rolesChangedAt: 'now' } };

/** How sessions of a kind are marked when their person loses a role; null: they are not. */
export function refreshOf(source: {
  onRoleLoss: 'none' | 'refresh' | 'revoke';
  refresh?: Marking | undefined;
}): Marking | null {
  return source.onRoleLoss === 'refresh' ? (source.refresh ?? defaultRefresh) : null;
}

function markedFields(way: 'delete' | Marking | null): string[] {
  return way === null || way === 'delete' ? [] : Object.keys(way.set);
}

const mongodbSession = z
  .strictObject({
    kind,
    connector: z.literal('mongodb'),
    collection,
    user: fieldPath,
    ...belongs,
    ...ids,
    credential: z.enum(['session', 'key'], { error: 'expected session or key' }).optional(),
    revoke,
    onRoleLoss: z
      .enum(['none', 'refresh', 'revoke'], { error: 'expected none, refresh or revoke' })
      .default('none'),
    refresh: marking.optional(),
  })
  .refine(oneIdType, oneIdTypeMessage)
  .refine(belongsOnce, belongsMessage)
  .refine(
    ({ user, organization, revoke: way }) =>
      !touches(markedFields(way), [user, organization ?? []].flat()),
    'revoke would overwrite the field that says whose it is',
  )
  .refine(
    (source) =>
      !touches(markedFields(refreshOf(source)), [source.user, source.organization ?? []].flat()),
    'refresh would overwrite the field that says whose it is',
  )
  .refine(
    (source) => !touches(markedFields(refreshOf(source)), markedFields(source.revoke)),
    'refresh would set a field that revoke sets, so a refreshed session would count as revoked',
  )
  .refine(({ onRoleLoss, refresh }) => refresh === undefined || onRoleLoss === 'refresh', {
    path: ['refresh'],
    error: 'is only used with onRoleLoss: refresh',
  });

/** Words of the grammar whose implementation comes later: their own settings are not judged yet. */
const laterConnectors = ['workos', 'jwt', 'http', 'temporal'] as const;
const laterSession = z.looseObject({ kind, connector: z.enum(laterConnectors) });

const session = z.discriminatedUnion('connector', [mongodbSession, laterSession], {
  error: `expected a connector: mongodb, ${laterConnectors.join(', ')}`,
});

const resource = z
  .strictObject({
    kind,
    connector: mongodb,
    collection,
    owner: writtenField,
    organization: fieldPath.optional(),
    critical: z.boolean().default(false),
    ...ids,
  })
  .refine(oneIdType, oneIdTypeMessage)
  .refine(
    ({ owner, organization }) => organization === undefined || noOverlap([owner, organization]),
    'names one field as owner and as organization',
  );

const fate = z.union(
  [z.enum(['pseudonym', 'pseudonymEmail', 'remove']), z.strictObject({ keep: text })],
  { error: 'expected pseudonym, pseudonymEmail, remove or {keep: reason}' },
);

const personalData = z
  .strictObject({
    connector: mongodb,
    collection,
    user: fieldPath,
    ...belongs,
    ...ids,
    fields: z
      .record(writtenField, fate)
      .refine((fields) => Object.keys(fields).length > 0, 'expected at least one field')
      .refine((fields) => noOverlap(Object.keys(fields)), overlapMessage),
  })
  .refine(oneIdType, oneIdTypeMessage)
  .refine(belongsOnce, belongsMessage)
  .refine(({ user, organization, fields }) => {
    const changed = Object.keys(fields).filter((path) => typeof fields[path] === 'string');
    return !touches(changed, [user, organization ?? []].flat());
  }, 'would erase the field that says whose data it is, so that nobody could verify the rest');

const place = z
  .string()
  .regex(
    /^(email|username|first_name|last_name|name|custom_attributes\..+)$/,
    'expected email, username, first_name, last_name, name or custom_attributes.NAME',
  );
const places = z.union([place.transform((one) => [one]), z.array(place).min(1)], {
  error: 'expected a place or a list of places',
});

export const hostFileSchema = z.strictObject({
  version: z.literal(1, { error: 'expected version: 1' }),
  database: database.optional(),
  defaults: z.strictObject({ policy: policyDefaultsSchema.default({}) }).default({ policy: {} }),
  organizations: z.record(text, text).default({}),
  organizationOwner: text
    .refine((owner) => owner.includes('{organizationId}'), 'expected {organizationId} in it')
    .default('org:{organizationId}'),
  attributes: z
    .strictObject({
      email: places,
      username: places,
      firstName: places,
      lastName: places,
      displayName: places,
    })
    .partial()
    .default({}),
  directoryOrder: z
    .array(text)
    .refine((order) => new Set(order).size === order.length, 'names one directory or type twice')
    .default([]),
  users: users.optional(),
  sessions: z.array(session).default([]),
  resources: z.array(resource).default([]),
  personalData: z.array(personalData).default([]),
});

/** A host file that follows the grammar; defaults between its parts are not filled in yet. */
export type ParsedHostFile = z.output<typeof hostFileSchema>;
