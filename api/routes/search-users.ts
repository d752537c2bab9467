import type { Filter } from 'mongodb';
import { z } from 'zod';

import { linkKey } from '../../domain/link-keys.ts';
import { within } from '../../platform/mongo/deadline.ts';
import type { UserDocument } from '../../platform/mongo/documents.ts';
import { id, text } from '../fields.ts';
import { afterId, pageById, pageOf, pageQuery } from '../paging.ts';
import { defineRoute, nothing } from '../route.ts';
import { userShape } from '../shapes/user.ts';
import { presentUsers } from './read-people.ts';

/** Names are searched without an index of their own: somebody waits for the answer, the store must not. */
const searchTimeoutMs = 3_000;

const body = z.strictObject({
  q: text(255).refine((value) => linkKey(value) !== null, 'There is nothing to search for.'),
  organizationId: id.optional(),
  limit: z.int().min(1).max(100).default(20),
  cursor: pageQuery.cursor,
});

/** `POST /v1/users/search`: the question is in the body, since addresses of calls end up in logs. */
export const searchUsersRoute = defineRoute({
  method: 'post',
  path: '/v1/users/search',
  summary: 'Find users by the beginning of e-mail address, username or name',
  auth: 'admin',
  request: { params: nothing, query: nothing, body },
  responses: { 200: pageOf(userShape) },
  async handler({ body: { q, organizationId, limit, cursor } }, deps) {
    const { users } = deps.store().collections;
    const found = users.find(
      {
        $or: beginsWith(linkKey(q) ?? ''),
        ...(organizationId === undefined ? {} : { organizationIds: organizationId }),
        ...afterId(cursor, 'cursor'),
      },
      { maxTimeMS: searchTimeoutMs + 500 },
    );
    const { entries, next } = await within(searchTimeoutMs, pageById(found, limit));
    return { status: 200, body: { data: await presentUsers(deps, entries), next } };
  },
});

function beginsWith(key: string): Filter<UserDocument>[] {
  // The greatest code point there is: everything that begins with the key lies between the two.
  const range = { $gte: key, $lt: `${key}\u{10ffff}` };
  // Escaped, so that it is a text and no pattern; the name's words may begin with it, too.
  const escaped = key.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
  const name = { $regex: `(^|\\s)${escaped}`, $options: 'i' };
  return [
    { emailKey: range },
    { usernameKey: range },
    { 'profile.displayName': name },
    { 'profile.firstName': name },
    { 'profile.lastName': name },
  ];
}
