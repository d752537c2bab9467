import { z } from 'zod';

/**
 * The name of a role, permission or feature of the product, as the product writes it: compared exactly,
 * upper and lower case count. Names are vocabulary of the product; no person's data belongs in them.
 */
const grantName = z
  .string()
  .min(1)
  .max(255)
  .refine(
    (name) => name.isWellFormed() && !/\p{Cc}/u.test(name) && name.trim() === name,
    'Expected a name without control characters, and without spaces around it.',
  )
  .meta({ description: 'Name of a role, permission or feature; compared exactly.' });

/** The most names in one list. */
const mostNames = 100;

/** Names in a request; repeated ones count once. */
export const grantNames = z.array(grantName).max(mostNames);
