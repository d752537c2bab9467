import { Refusal } from '../domain/errors.ts';
import type { InboxDocument } from '../platform/mongo/documents.ts';
import type { Store } from '../platform/mongo/store.ts';
import { inTransaction } from '../platform/mongo/transaction.ts';
import { keepReason } from './reasons.ts';

/**
 * Discards an event that could not be applied: its body goes; that it came, what it was about and what was
 * wrong with it stay, so that a repetition is still known as one.
 *
 * @throws Refusal `notFound`, or `notQuarantined` where nothing waits to be done with it.
 */
export async function discardEvent(
  store: Store,
  discarding: { eventId: string; by: string; reason: string | null },
): Promise<InboxDocument> {
  const { eventId, by, reason } = discarding;
  return inTransaction(store, async (tx) => {
    const { session } = tx;
    const entry = await tx.collections.inbox.findOne({ _id: eventId }, { session });
    if (entry === null) throw new Refusal('notFound', 'There is no such event.');
    if (entry.outcome !== 'quarantined' && entry.outcome !== 'stored') {
      throw new Refusal(
        'notQuarantined',
        `The event does not wait any more: it is ${entry.outcome}.`,
      );
    }
    const { body: _dropped, bodyExpiresAt: _over, ...kept } = entry;
    const discarded: InboxDocument = {
      ...kept,
      outcome: 'discarded',
      handled: { how: 'discard', by, at: tx.at, reasonId: await keepReason(tx, reason, null) },
    };
    await tx.collections.inbox.replaceOne({ _id: eventId }, discarded, { session });
    return discarded;
  });
}
