import { randomUUID } from 'node:crypto';

import type { Store } from '../platform/mongo/store.ts';
import { inTransaction } from '../platform/mongo/transaction.ts';
import { directoryUserData } from '../platform/workos/wire.ts';
import type { IntakeRules } from './applied.ts';
import { applyUser } from './apply-user.ts';
import { tellingOf } from './parse-event.ts';

/** How much older than its request an answer of WorkOS is taken to be: it may come from a replica. */
const marginMs = 10_000;

/**
 * Takes in a directory user as WorkOS answered it to a question. The answer has no event, so it is stamped
 * with the start of its request minus a margin: it neither adds nor removes what is newer than that.
 * Returns whether the answer could be read.
 */
export async function takeInListing(
  store: Store,
  data: unknown,
  askedAt: Date,
  rules: IntakeRules,
): Promise<boolean> {
  const parsed = directoryUserData.safeParse(data);
  if (!parsed.success) return false;
  const version = {
    eventAtMs: askedAt.getTime() - marginMs,
    eventId: `listing_${randomUUID()}`,
    updatedAtMs: null,
  };
  await inTransaction(store, async (tx) =>
    applyUser(tx, tellingOf(parsed.data, version, false), rules, askedAt),
  );
  return true;
}
