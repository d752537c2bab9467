import { randomUUID } from 'node:crypto';

import type { Store } from '../platform/mongo/store.ts';
import { inTransaction } from '../platform/mongo/transaction.ts';
import { directoryUserData } from '../platform/workos/wire.ts';
import type { IntakeRules } from './applied.ts';
import { applyUser } from './apply-user.ts';
import { tellingOf } from './parse-user-event.ts';
import type { UserTelling } from './telling.ts';

/** How much older than its request an answer of WorkOS is taken to be: it may come from a replica. */
const marginMs = 10_000;

/**
 * A directory user as WorkOS answered it to a question, as a telling. The answer has no event, so it is
 * stamped with the start of its request minus a margin: it neither adds nor removes what is newer than
 * that. null for an answer that cannot be read.
 */
export function tellingOfListing(data: unknown, askedAt: Date): UserTelling | null {
  const parsed = directoryUserData.safeParse(data);
  if (!parsed.success) return null;
  const version = {
    eventAtMs: askedAt.getTime() - marginMs,
    eventId: `listing_${randomUUID()}`,
    updatedAtMs: null,
  };
  return tellingOf(parsed.data, version, false);
}

/** Takes such a telling in: the same mirror, link and membership as for an event. */
export async function takeInListing(
  store: Store,
  telling: UserTelling,
  askedAt: Date,
  rules: IntakeRules,
): Promise<void> {
  await inTransaction(store, async (tx) => applyUser(tx, telling, rules, askedAt));
}
