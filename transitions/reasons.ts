import { newId } from '../platform/ids.ts';
import type { Transaction } from '../platform/mongo/store.ts';

/**
 * Keeps an admin's free text apart from everything that outlives the person, and returns its id: a reason
 * may name the person, so it is erased with them, while timeline and Temporal only ever hold the id.
 */
export async function keepReason(
  tx: Transaction,
  text: string | null,
  about: { membershipId: string } | { userId: string } | null,
): Promise<string | null> {
  if (text === null || text === '') return null;
  const id = newId('reason');
  await tx.collections.reasons.insertOne(
    { _id: id, text, membershipId: null, userId: null, ...about, at: tx.at },
    { session: tx.session },
  );
  return id;
}
