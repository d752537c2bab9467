import type { InboxDocument } from '../platform/mongo/documents.ts';
import type { Store, Transaction } from '../platform/mongo/store.ts';
import { inTransaction, isDuplicateKey } from '../platform/mongo/transaction.ts';
import type { EventEnvelope } from '../platform/workos/wire.ts';
import { notice } from '../transitions/notice.ts';
import { applyDirectory } from './apply-directory.ts';
import type { Applied, IntakeRules } from './applied.ts';
import { applyUser } from './apply-user.ts';
import { eventTime, parseEvent, type ParsedEvent, type Problem } from './parse-event.ts';

/** How an event reached Tenure. */
export interface Delivery {
  transport: InboxDocument['transport'];
  receivedAt: Date;
}

export interface IntakeOptions extends IntakeRules {
  /** How long bodies are kept that still wait for something, days. */
  bodyDays: number;
  /** How long the whole transaction may take, milliseconds. */
  timeoutMs: number;
}

/** What became of an event. `duplicate`: the same id was taken in before, by whatever transport. */
export type Taken = (Applied & { duplicate: false }) | { duplicate: true };

/** The events that this process is taking in right now, by store and event id. */
const underWay = new WeakMap<Store, Map<string, Promise<Taken>>>();

/**
 * Takes in one event of WorkOS: the one function for webhook, poll and listing. One transaction writes the
 * inbox, the mirror and the membership it touches. When it returns, everything is durable.
 *
 * Of copies that arrive at once, one does the work and the others wait for it: fifty transactions on one
 * event would only make each other fail. Between processes the unique id of the inbox decides.
 *
 * @throws StoreUnavailable if it could not be stored: the sender must try again.
 */
export async function takeIn(
  store: Store,
  envelope: EventEnvelope,
  delivery: Delivery,
  options: IntakeOptions,
): Promise<Taken> {
  const events = underWay.get(store) ?? new Map<string, Promise<Taken>>();
  underWay.set(store, events);
  const first = events.get(envelope.id);
  if (first !== undefined) {
    await first;
    return { duplicate: true };
  }
  const taking = takeInFirst(store, envelope, parseEvent(envelope), delivery, options);
  events.set(envelope.id, taking);
  try {
    return await taking;
  } finally {
    events.delete(envelope.id);
  }
}

/**
 * Puts an event into quarantine that could not be taken in, with what was wrong: one that an endless repeat
 * would only stand before all the others.
 *
 * @throws StoreUnavailable if it could not be stored.
 */
export async function quarantine(
  store: Store,
  event: { envelope: EventEnvelope; problems: Problem[] },
  delivery: Delivery,
  options: IntakeOptions,
): Promise<Taken> {
  const parsed: ParsedEvent = { kind: 'unexpected', problems: event.problems };
  return takeInFirst(store, event.envelope, parsed, delivery, options);
}

async function takeInFirst(
  store: Store,
  envelope: EventEnvelope,
  parsed: ParsedEvent,
  delivery: Delivery,
  options: IntakeOptions,
): Promise<Taken> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await takeInOnce(store, envelope, parsed, delivery, options);
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      if (await isKnown(store, envelope.id)) return { duplicate: true };
      // Another event made the same person or organization first: the next try finds it there.
      if (tries === 5) throw error;
    }
  }
}

async function takeInOnce(
  store: Store,
  envelope: EventEnvelope,
  parsed: ParsedEvent,
  delivery: Delivery,
  options: IntakeOptions,
): Promise<Taken> {
  const work = async (tx: Transaction): Promise<Taken> => {
    const { session } = tx;
    // The inbox comes first: of fifty copies at once the unique id lets one through.
    await tx.collections.inbox.insertOne(inboxEntry(envelope, parsed, delivery, options), {
      session,
    });
    const applied = await apply(tx, parsed, delivery, options);
    if (parsed.kind === 'unexpected') {
      await notice(tx, 'eventQuarantined', { subjectId: envelope.id });
    }
    await tx.collections.inbox.updateOne(
      { _id: envelope.id },
      { $set: { outcome: applied.outcome, organizationId: applied.organizationId || null } },
      { session },
    );
    return { ...applied, duplicate: false };
  };
  return inTransaction(store, work, { timeoutMs: options.timeoutMs });
}

async function apply(
  tx: Transaction,
  parsed: ParsedEvent,
  delivery: Delivery,
  options: IntakeOptions,
): Promise<Applied> {
  const nothing = { organizationId: '', urgent: [], touched: [] };
  switch (parsed.kind) {
    case 'user':
      return applyUser(tx, parsed.telling, options, delivery.receivedAt);
    case 'directoryActivated':
    case 'directoryDeleted':
      return applyDirectory(
        tx,
        { ...parsed, deleted: parsed.kind === 'directoryDeleted' },
        options.file,
      );
    case 'stored':
      return { ...nothing, outcome: 'stored' };
    case 'unexpected':
      return { ...nothing, outcome: 'quarantined' };
  }
}

function inboxEntry(
  envelope: EventEnvelope,
  parsed: ParsedEvent,
  delivery: Delivery,
  options: IntakeOptions,
): InboxDocument {
  const eventAtMs = eventTime(envelope);
  const kept = parsed.kind === 'stored' || parsed.kind === 'unexpected';
  const problems: Problem[] = parsed.kind === 'unexpected' ? parsed.problems : [];
  return {
    _id: envelope.id,
    event: envelope.event,
    eventAt: eventAtMs === null ? null : new Date(eventAtMs),
    receivedAt: delivery.receivedAt,
    transport: delivery.transport,
    outcome: 'applied',
    organizationId: null,
    subjects: subjectsOf(envelope.data),
    ...(kept
      ? {
          // As text: field names such as `$where` or `a.b` must not become part of a document's shape.
          body: JSON.stringify(envelope.data ?? null),
          bodyExpiresAt: new Date(delivery.receivedAt.getTime() + options.bodyDays * 86_400_000),
        }
      : {}),
    ...(problems.length > 0 ? { problems } : {}),
  };
}

/** The ids in an event's data by which its body is found when a person is forgotten. */
function subjectsOf(data: unknown): string[] {
  const ids = [idIn(data), idIn(fieldOf(data, 'user')), idIn(fieldOf(data, 'group'))];
  return ids.filter((id) => id !== null);
}

function idIn(value: unknown): string | null {
  const id = fieldOf(value, 'id');
  return typeof id === 'string' && id.length <= 255 ? id : null;
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

async function isKnown(store: Store, eventId: string): Promise<boolean> {
  const found = await store.collections.inbox.findOne({ _id: eventId }, { projection: { _id: 1 } });
  return found !== null;
}
