import { z } from 'zod';

import { isOpaqueId } from '../domain/opaque-ids.ts';

/** The scalars of the API's requests and answers. */

/** An opaque id: the host application's own, WorkOS's or Tenure's. */
export const id = z
  .string()
  .min(1)
  .max(255)
  .refine((given) => given.isWellFormed() && !/\p{Cc}/u.test(given), 'This is no id.')
  .meta({ description: 'Opaque id.' });

/** An id under which Tenure makes something: it goes where nothing is erased. */
export const lastingId = id
  .refine(
    isOpaqueId,
    'An id with an @ or a space in it is an address or a name. Ids are written into Temporal and into logs, ' +
      'where nothing is ever erased: use an opaque one.',
  )
  .meta({ description: 'Opaque id, without @ and spaces: it is written where nothing is erased.' });

/** A text of a person's data or of an admin: any letters, bounded. */
export function text(max: number): z.ZodString {
  return z.string().min(1).max(max);
}

const anyReason = z.string().max(2_000).optional();

/** Why an admin does something to a person. Kept apart from everything that outlives them. */
export const reason = anyReason.meta({
  description: 'Free text for the record; erased with the person.',
});

/** Why an admin does something to an organization: there is nobody with whom it could be erased. */
export const standingReason = anyReason.meta({
  description: 'Free text for the record. About no single person, so it stays: name nobody in it.',
});

/** Why an admin places or releases a hold, which may be either. */
export const holdReason = anyReason.meta({
  description:
    'Free text for the record; erased with the person. Of a hold on an organization it stays: name nobody in it.',
});

/** A time in an answer: ISO 8601, UTC, milliseconds, `Z`. */
export const time = z.iso.datetime({ precision: 3 });

/** How a time is written, null where there is none. */
export function timeText(at: Date | null): string | null {
  return at === null ? null : at.toISOString();
}
