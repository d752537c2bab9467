import { z } from 'zod';

/** The scalars of the API's requests and answers. */

/** An opaque id: the host application's own, WorkOS's or Tenure's. */
export const id = z
  .string()
  .min(1)
  .max(255)
  .refine((given) => given.isWellFormed() && !/\p{Cc}/u.test(given), 'This is no id.')
  .meta({ description: 'Opaque id.' });

/**
 * A text of a person's data or of an admin: any letters, bounded. A lone surrogate is no letter, and MongoDB
 * would write the same in place of each: two ids would become one.
 */
export function text(max: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(max)
    .refine(
      (given) => given.isWellFormed() && !given.includes('\0'),
      'Expected text without NUL characters and lone surrogates.',
    );
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
