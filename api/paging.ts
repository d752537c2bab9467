import type { FindCursor } from 'mongodb';
import { z } from 'zod';

import { ApiProblem } from './problem.ts';

/** The query of a paged list. */
export const pageQuery = {
  limit: z.coerce
    .number({ error: 'Expected a whole number from 1 to 100.' })
    .int()
    .min(1)
    .max(100)
    .default(20)
    .meta({ description: 'How many entries, 1 to 100.' }),
  cursor: z
    .string()
    .min(1)
    .max(1_024)
    .optional()
    .meta({ description: 'Where to go on: `next` of the page before.' }),
};

/** The answer of a paged list; `next` is null on the last page. */
export function pageOf<T extends z.ZodType>(
  item: T,
): z.ZodObject<{ data: z.ZodArray<T>; next: z.ZodNullable<z.ZodString> }> {
  return z.strictObject({ data: z.array(item), next: z.nullable(z.string()) });
}

/**
 * Reads a cursor: the sort key of the last entry, as JSON in base64url. It comes from outside, so it must
 * have exactly the shape that this list writes; an object in it could become an operator.
 *
 * @param path where the request has it
 * @throws ApiProblem 422
 */
export function readCursor<T>(
  cursor: string | undefined,
  key: z.ZodType<T>,
  path = 'query.cursor',
): T | null {
  if (cursor === undefined) return null;
  const parsed = key.safeParse(decoded(cursor));
  if (parsed.success) return parsed.data;
  throw new ApiProblem(422, 'invalid', 'The request is not valid.', {
    errors: [{ path, message: 'This is no cursor of this list.' }],
  });
}

function decoded(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
}

/** One page of a list, with the cursor of the next one; null: it is the last. */
export interface Page<T> {
  entries: T[];
  next: string | null;
}

/**
 * One page of what was read: `found` holds one entry more than `limit` where there are more. The cursor is
 * the sort key of the last entry that is shown.
 */
export function page<T>(
  found: T[],
  limit: number,
  keyOf: (entry: T) => (string | number)[],
): Page<T> {
  const entries = found.slice(0, limit);
  const last = entries.at(-1);
  const more = found.length > limit && last !== undefined;
  return { entries, next: more ? writeCursor(keyOf(last)) : null };
}

export function writeCursor(key: (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** The cursor of a list that is sorted by id: the id of the last entry. */
const idCursor = z.tuple([z.string().max(255)]);

/** The filter of the entries whose id comes later than one; `{}`: of all. */
export interface IdAfter {
  _id?: { $gt: string };
}

/**
 * The filter of what comes after a cursor in a list that is sorted by id; without a cursor everything.
 *
 * @param path where the request has it
 * @throws ApiProblem 422
 */
export function afterId(cursor: string | undefined, path?: string): IdAfter {
  const after = readCursor(cursor, idCursor, path);
  return after === null ? {} : { _id: { $gt: after[0] } };
}

/** One page of what `afterId` filters, in the order of the ids. */
export async function pageById<T extends { _id: string }>(
  found: FindCursor<T>,
  limit: number,
): Promise<Page<T>> {
  const entries = await found
    .sort({ _id: 1 })
    .limit(limit + 1)
    .toArray();
  return page(entries, limit, ({ _id }) => [_id]);
}

/** The cursor of a list that is sorted by a time: the time and id of the last entry. */
const timeCursor = z.tuple([z.int().min(0).max(8.64e15), z.string().max(255)]);

/**
 * The filter of what comes after a cursor in a list that is sorted by a time, newest first, then by id.
 *
 * @throws ApiProblem 422
 */
export function before(field: string, cursor: string | undefined): object {
  const after = readCursor(cursor, timeCursor);
  if (after === null) return {};
  const [ms, _id] = after;
  const at = new Date(ms);
  return { $or: [{ [field]: { $lt: at } }, { [field]: at, _id: { $lt: _id } }] };
}

/** One page of what `before` filters by this field, newest first. */
export async function newestFirst<K extends string, T extends { _id: string } & Record<K, Date>>(
  found: FindCursor<T>,
  field: K,
  limit: number,
): Promise<Page<T>> {
  const entries = await found
    .sort({ [field]: -1, _id: -1 })
    .limit(limit + 1)
    .toArray();
  return page(entries, limit, ({ [field]: at, _id }) => [at.getTime(), _id]);
}
