import { z } from 'zod';

/**
 * What WorkOS sends, as wire schemas (snake_case). Only what Tenure uses is named; new fields pass. Where
 * the documentation's samples lack a field that the specification requires, it is optional here: an event
 * must never be refused for what nobody needs.
 */

/** Longer texts are stored cut: 10,000-character names are somebody's mistake, not a reason to lose the event. */
const maxTextLength = 1024;

/** Half a surrogate pair cannot be written to BSON's UTF-8 unchanged: it becomes U+FFFD, and the rest stays. */
const text = z.string().transform(wellFormed);
const optionalText = text.nullish().transform((value) => value ?? null);
/** WorkOS ids are short and plain; anything else is not an id that Tenure could ever be asked about. */
const id = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[\w.:@-]+$/);

/** A role of WorkOS: its slug is the name by which the host application knows it. */
const role = z.object({ slug: z.string().min(1).max(255).transform(wellFormed) });

/** One that cannot be read gives nothing: somebody's leaving must not wait in quarantine for it. */
const optionalRole = role
  .nullish()
  .catch(null)
  .transform((value) => value ?? null);
const optionalRoles = z
  .array(optionalRole)
  .nullish()
  .catch(null)
  .transform((values) => (values ?? []).filter((value) => value !== null).slice(0, 200));
/** A time that is no text is no time: what it says is only ever used to be more careful. */
const optionalTime = z
  .string()
  .max(64)
  .nullish()
  .catch(null)
  .transform((value) => value ?? null);

/** The envelope of a webhook body and of an item of the Events API. */
export const eventEnvelope = z.object({
  id,
  event: z.string().min(1).max(255),
  data: z.unknown().optional(),
  created_at: z.string().max(64).optional(),
});
export type EventEnvelope = z.infer<typeof eventEnvelope>;

export const directoryUserData = z.object({
  id,
  directory_id: id,
  organization_id: id.nullish(),
  idp_id: z
    .string()
    .max(1024)
    .nullish()
    .transform((value) =>
      value === undefined || value === null || value === '' ? null : value.toWellFormed(),
    ),
  email: optionalText,
  first_name: optionalText,
  last_name: optionalText,
  name: optionalText,
  username: optionalText,
  state: z.string().max(64),
  custom_attributes: z
    .record(z.string(), z.unknown())
    .nullish()
    .transform((value) => value ?? {}),
  role: optionalRole,
  roles: optionalRoles,
  created_at: optionalTime,
  updated_at: z.string().max(64).nullish(),
});
export type DirectoryUserData = z.infer<typeof directoryUserData>;

export const directoryGroupData = z.object({
  id,
  directory_id: id,
  organization_id: id.nullish(),
  name: optionalText,
  updated_at: z.string().max(64).optional(),
});
export type DirectoryGroupData = z.infer<typeof directoryGroupData>;

export const directoryData = z.object({
  id,
  organization_id: id.nullish(),
  type: optionalText,
  state: optionalText,
  name: optionalText,
});
export type DirectoryData = z.infer<typeof directoryData>;

/** An organization, of which only the id is used. */
export const organizationData = z.object({ id });

/**
 * One person's membership of one group. Of the two only the ids are read: the person in it is as they were
 * when WorkOS made the event, and says less than the person's own events.
 */
export const directoryEdgeData = z.object({
  directory_id: id.nullish(),
  user: z.object({ id, directory_id: id.nullish(), organization_id: id.nullish() }),
  group: z.object({ id, directory_id: id.nullish(), organization_id: id.nullish() }),
});
export type DirectoryEdgeData = z.infer<typeof directoryEdgeData>;

function wellFormed(value: string): string {
  return value.replaceAll('\u0000', '').slice(0, maxTextLength).toWellFormed();
}
