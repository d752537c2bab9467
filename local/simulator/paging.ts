import type { ParsedUrlQuery } from 'node:querystring';

import { RestError } from './rest-errors.ts';
import type { Wire } from './wire.ts';

/** A page as WorkOS answers it. */
export interface Page {
  object: 'list';
  data: Wire[];
  list_metadata: { before: string | null; after: string | null };
}

/** The one value of a query parameter; the first of several. */
export function queryValue(query: ParsedUrlQuery, name: string): string | undefined {
  const value = query[name];
  const first = Array.isArray(value) ? value[0] : value;
  return first === '' ? undefined : first;
}

/** A list parameter in both styles that clients of WorkOS use: `events=a,b` and `events[]=a&events[]=b`. */
export function queryList(query: ParsedUrlQuery, name: string): string[] {
  const values = [query[name], query[`${name}[]`]].flat();
  return values.flatMap((value) => (value ?? '').split(',')).filter((value) => value !== '');
}

/** @throws RestError 422 for a limit outside 1-100 */
export function queryLimit(query: ParsedUrlQuery): number {
  const text = queryValue(query, 'limit') ?? '10';
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit < 1 || limit > 100) {
    throw new RestError(422, 'Validation failed.', {
      errors: [{ code: 'limit must be between 1 and 100', field: 'limit' }],
    });
  }
  return limit;
}

/**
 * Cuts one page out of a list, ordered by id, which is the order of creation. `after` and `before` are positions, not records: ids
 * are ordered, so a page goes on correctly even where the record at the cursor is gone meanwhile.
 * @throws RestError 422 for a bad `limit` or `order`, or both cursors at once
 */
export function pageOf<T extends { id: string }>(
  items: T[],
  query: ParsedUrlQuery,
  present: (item: T) => Wire,
): Page {
  const limit = queryLimit(query);
  const order = queryValue(query, 'order') ?? 'desc';
  if (!['asc', 'desc', 'normal'].includes(order)) throw new RestError(422, 'Validation failed.');
  const direction = order === 'asc' ? 1 : -1;
  const ordered = items.toSorted((a, b) => (a.id < b.id ? -direction : direction));
  const [after, before] = [queryValue(query, 'after'), queryValue(query, 'before')];
  if (after !== undefined && before !== undefined) {
    throw new RestError(422, 'after and before are mutually exclusive.');
  }
  const isPast = (item: T, cursor: string): boolean =>
    order === 'asc' ? item.id > cursor : item.id < cursor;
  const isAhead = (item: T, cursor: string): boolean => item.id !== cursor && !isPast(item, cursor);
  const rest = ordered.filter(
    (item) =>
      (after === undefined || isPast(item, after)) &&
      (before === undefined || isAhead(item, before)),
  );
  const data = before === undefined ? rest.slice(0, limit) : rest.slice(-limit);
  const [first, last] = [data[0], data.at(-1)];
  const hasMore = last !== undefined && ordered.at(-1) !== last;
  const hasFewer = first !== undefined && ordered[0] !== first;
  return {
    object: 'list',
    data: data.map(present),
    list_metadata: {
      before: hasFewer ? first.id : null,
      after: hasMore ? last.id : null,
    },
  };
}
