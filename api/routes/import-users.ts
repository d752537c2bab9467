import { z } from 'zod';

import type { Store } from '../../platform/mongo/store.ts';
import { repeatOnDuplicateKey } from '../../platform/mongo/duplicate-key.ts';
import {
  importUser,
  type Imported,
  type ImportedUser,
} from '../../transitions/organization/import-users.ts';
import { id, lastingId, reason, text } from '../fields.ts';
import { defineRoute, nothing } from '../route.ts';

const importedUser = z.strictObject({
  id: lastingId,
  organizationId: lastingId,
  email: text(1_024).nullable(),
  username: text(1_024).nullish(),
  name: text(1_024).nullish(),
  roles: z.array(text(255)).max(100).default([]),
  status: z.enum(['active', 'invited', 'disabled']).default('active'),
});

const outcome = z.strictObject({
  id,
  organizationId: id,
  membershipId: id,
  outcome: z.enum(['created', 'existing']),
});

/** Transactions at a time: enough to hide their round trips, few enough to leave room for webhooks. */
const concurrency = 8;

/** `POST /v1/users`: the users whom the host application had before Tenure. */
export const importUsersRoute = defineRoute({
  method: 'post',
  path: '/v1/users',
  summary: 'Import existing users',
  description:
    'Idempotent on id and organization: who is known already is left as they are. No countdown starts ' +
    'by it. Answers for each user, in the order of the call. After a 503 send the same again.',
  auth: 'admin',
  request: {
    params: nothing,
    query: nothing,
    body: z.strictObject({
      users: z.array(importedUser).min(1).max(1_000),
      reason,
    }),
  },
  responses: { 200: z.strictObject({ data: z.array(outcome) }) },
  async handler({ body, caller }, { store }) {
    const users = body.users.map((user) => ({
      ...user,
      username: user.username ?? null,
      name: user.name ?? null,
    }));
    const by = { actor: caller.actor, reason: body.reason ?? null };
    return { status: 200, body: { data: await importAll(store(), users, by) } };
  },
});

/** Who imports, and why. */
interface By {
  actor: string;
  reason: string | null;
}

/** One person at a time: two memberships of one user, or a repetition, would only wait for each other. */
async function importAll(store: Store, users: ImportedUser[], by: By): Promise<Imported[]> {
  const results: Imported[] = [];
  const positions = Map.groupBy(users.keys(), (index) => users[index]?.id);
  const waiting = positions.values();
  const work = async (): Promise<void> => {
    for (const indexes of waiting) {
      for (const index of indexes) {
        const user = users[index];
        if (user !== undefined) results[index] = await importOnce(store, user, by);
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return results;
}

/** A unique index lets one of two win who make the same organization or user; the other finds it there. */
async function importOnce(store: Store, user: ImportedUser, by: By): Promise<Imported> {
  return repeatOnDuplicateKey(async () => importUser(store, user, by.actor, by.reason));
}
