import { z } from 'zod';

/** The scalars of the API's requests and answers. */

/** An opaque id: the host application's own, WorkOS's or Tenure's. */
export const id = z
  .string()
  .min(1)
  .max(255)
  .refine((given) => given.isWellFormed() && !/\p{Cc}/u.test(given), 'This is no id.')
  .meta({ description: 'Opaque id.' });

/** A text of a person's data or of an admin: any letters, bounded. */
export function text(max: number): z.ZodString {
  return z.string().min(1).max(max);
}

/** Why an admin does something. Kept apart from everything that outlives the person. */
export const reason = z
  .string()
  .max(2_000)
  .optional()
  .meta({ description: 'Free text for the record; erased with the person.' });

/** A time in an answer: ISO 8601, UTC, milliseconds, `Z`. */
export const time = z.iso.datetime({ precision: 3 });

/** How a time is written, null where there is none. */
export function timeText(at: Date | null): string | null {
  return at === null ? null : at.toISOString();
}
