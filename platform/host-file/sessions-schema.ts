import { z } from 'zod';

import type { Marking } from '../../domain/host-file.ts';
import { touches } from './field-paths.ts';
import {
  belongs,
  belongsMessage,
  belongsOnce,
  collection,
  fieldPath,
  ids,
  kind,
  noOverlap,
  oneIdType,
  oneIdTypeMessage,
  overlapMessage,
  secretEnv,
  writtenField,
} from './parts-schema.ts';

/** The section `sessions` of the host file: everything that lets somebody in. */

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

/** What lets people in at WorkOS itself: AuthKit sessions and what renews them. */
const workosSession = z.strictObject({ kind, connector: z.literal('workos') });

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const longestMs = 366 * unitMs.d;

/** `90s`, `5m`, `1h`, `30d`: milliseconds. */
const duration = z
  .string({ error: 'expected a duration such as 90s, 5m, 1h or 30d' })
  .regex(/^[1-9]\d{0,7}[smhd]$/, 'expected a duration such as 90s, 5m, 1h or 30d')
  .transform((written) => {
    const [unit] = written.slice(-1);
    const isUnit = unit === 's' || unit === 'm' || unit === 'h' || unit === 'd';
    return Number.parseInt(written, 10) * (isUnit ? unitMs[unit] : 0);
  })
  .refine((ms) => ms <= longestMs, 'expected 366d or less');

const jwtSession = z.strictObject({ kind, connector: z.literal('jwt'), maxAge: duration });

/** A base to which `/revoke` and `/list` are appended, so nothing may stand behind its path. */
const baseUrl = z
  .url({ protocol: /^https?$/, error: 'expected an https URL' })
  .max(2_000)
  .refine((text) => {
    const { username, password, search, hash } = new URL(text);
    return `${username}${password}${search}${hash}` === '';
  }, 'holds a user, a password, a query or a fragment; expected none of them');

const httpSession = z
  .strictObject({
    kind,
    connector: z.literal('http'),
    url: baseUrl,
    secretEnv: secretEnv.default('TENURE_HTTP_SECRET'),
    allowPrivate: z.boolean().default(false),
  })
  .refine(({ url, allowPrivate }) => allowPrivate || !url.startsWith('http:'), {
    path: ['url'],
    error: 'is not https; ids of people would travel in plain (http needs allowPrivate: true)',
  });

/** Temporal keeps both in histories, and its servers bound them at 1000 bytes or less. */
const temporalName = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, 'expected 1 to 200 printable ASCII characters without spaces');

const temporalSession = z.strictObject({
  kind,
  connector: z.literal('temporal'),
  taskQueue: temporalName,
  activityType: temporalName.default('revokeSessions'),
});

/** One entry of `sessions`: what lets somebody in, and how it is ended. */
export const session = z.discriminatedUnion(
  'connector',
  [mongodbSession, workosSession, jwtSession, httpSession, temporalSession],
  { error: 'expected a connector: mongodb, workos, jwt, http, temporal' },
);

export type ParsedSession = z.output<typeof session>;
