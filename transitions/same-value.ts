import { isDeepStrictEqual } from 'node:util';

/**
 * Whether two values of a document say the same, in whatever order their fields stand. Compared as what
 * they are stored as: where an object was made says nothing.
 */
export function sameValue(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(plain(one), plain(other));
}

function plain(value: unknown): unknown {
  return value === undefined ? null : JSON.parse(JSON.stringify(value));
}
