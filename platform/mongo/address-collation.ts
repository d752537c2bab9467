import type { CollationOptions } from 'mongodb';

/**
 * Finds a plain address (ASCII) however it is written: without regard to case, blanks and punctuation. Every
 * text whose key in `domain/link-keys.ts` is that address is found; a few others are as well (`a.b@` for
 * `ab@`), so what is found has to be compared again. For addresses that are kept as the directory wrote them.
 *
 * For plain addresses only: MongoDB's tables are those of an older Unicode than Node's, and there are letters
 * whose capitals it does not know.
 */
export const addressCollation: CollationOptions = {
  locale: 'en',
  strength: 2,
  // Blanks alone cannot be left out: the no-break space counts among the punctuation.
  alternate: 'shifted',
  maxVariable: 'punct',
};
