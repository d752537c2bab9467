import { z } from 'zod';

import { projectedFields } from '../../domain/host-file.ts';
import { policyDefaultsSchema } from '../policy-schema.ts';
import { touches } from './field-paths.ts';
import { notificationEndpoints } from './notifications-schema.ts';
import {
  belongs,
  belongsMessage,
  belongsOnce,
  collection,
  database,
  fieldPath,
  ids,
  kind,
  mongodb,
  noOverlap,
  oneIdType,
  oneIdTypeMessage,
  overlapMessage,
  text,
  writtenField,
} from './parts-schema.ts';
import { session } from './sessions-schema.ts';
import { tokenRevocation } from './token-revocation-schema.ts';

/** The grammar of the host file (design section 8), before defaults are filled in. */

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
  notifications: notificationEndpoints,
  tokenRevocation,
});

/** A host file that follows the grammar; defaults between its parts are not filled in yet. */
export type ParsedHostFile = z.output<typeof hostFileSchema>;
