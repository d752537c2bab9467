import { Refusal } from '../domain/errors.ts';
import type { InboxDocument } from '../platform/mongo/documents.ts';
import { repeatOnDuplicateKey } from '../platform/mongo/duplicate-key.ts';
import type { Store, Transaction } from '../platform/mongo/store.ts';
import { inTransaction } from '../platform/mongo/transaction.ts';
import type { EventEnvelope } from '../platform/workos/wire.ts';
import { keepReason } from '../transitions/reasons.ts';
import type { Applied } from './applied.ts';
import { parseEvent } from './parse-event.ts';
import { applyEvent, type IntakeOptions } from './take-in.ts';

/** Which stored event is tried again, by whom and why. */
export interface EventRetry {
  eventId: string;
  /** `admin:<key name>`. */
  by: string;
  /** Free text: kept apart, and erased with whomever the event is about. */
  reason: string | null;
}

/** What a retry came to, and the inbox's entry as it is now. */
export interface Retried {
  applied: Applied;
  entry: InboxDocument;
}

/**
 * Takes a stored event through the intake again: one that was quarantined, or of a type that a former
 * version did not apply. It keeps its own time and id, so it changes nothing about which anything newer was
 * told meanwhile. Of two retries at once one is refused, since both write the inbox's entry.
 *
 * @throws Refusal `notFound`; `notQuarantined` where it was applied, or discarded, before; `bodyGone` where
 * its body is not kept any more; `stillQuarantined` where it still cannot be applied, `unknownType` where this
 * version applies nothing of its type: nothing changed then.
 */
export async function retryEvent(
  store: Store,
  retry: EventRetry,
  options: IntakeOptions,
): Promise<Retried> {
  const { timeoutMs } = options;
  return repeatOnDuplicateKey(async () =>
    inTransaction(store, async (tx) => retryOnce(tx, retry, options), { timeoutMs }),
  );
}

async function retryOnce(
  tx: Transaction,
  { eventId, by, reason }: EventRetry,
  options: IntakeOptions,
): Promise<Retried> {
  const entry = await waitingEvent(tx, eventId);
  const parsed = parseEvent(envelopeOf(entry));
  const delivery = { transport: entry.transport, receivedAt: tx.at };
  const applied = await applyEvent(tx, parsed, delivery, options);
  if (applied.outcome === 'stored') {
    throw new Refusal(
      'unknownType',
      'This version does not know the type: the event stays stored.',
    );
  }
  if (applied.outcome === 'quarantined') {
    throw new Refusal('stillQuarantined', 'The event still cannot be applied as it is.');
  }
  const { body: _applied, bodyExpiresAt: _over, problems: _solved, ...kept } = entry;
  const retried: InboxDocument = {
    ...kept,
    outcome: applied.outcome,
    organizationId: applied.organizationId || entry.organizationId,
    handled: { how: 'retry', by, at: tx.at, reasonId: await keepReason(tx, reason, null) },
  };
  await tx.collections.inbox.replaceOne({ _id: eventId }, retried, { session: tx.session });
  return { applied, entry: retried };
}

/** @throws Refusal where nothing is left to be done with the event. */
async function waitingEvent(tx: Transaction, eventId: string): Promise<InboxDocument> {
  const entry = await tx.collections.inbox.findOne({ _id: eventId }, { session: tx.session });
  if (entry === null) throw new Refusal('notFound', 'There is no such event.');
  if (entry.outcome !== 'quarantined' && entry.outcome !== 'stored') {
    throw new Refusal(
      'notQuarantined',
      `The event does not wait any more: it is ${entry.outcome}.`,
    );
  }
  if (entry.body === undefined) {
    throw new Refusal('bodyGone', 'The body of the event is not kept any more.');
  }
  return entry;
}

function envelopeOf({ _id, event, eventAt, body }: InboxDocument): EventEnvelope {
  const data: unknown = JSON.parse(body ?? 'null');
  return {
    id: _id,
    event,
    data,
    ...(eventAt === null ? {} : { created_at: eventAt.toISOString() }),
  };
}
