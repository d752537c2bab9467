import { isDeepStrictEqual } from 'node:util';

import type { InboxDocument } from '../platform/mongo/documents.ts';
import { isDuplicateKey, repeatOnDuplicateKey } from '../platform/mongo/duplicate-key.ts';
import type { Store, Transaction } from '../platform/mongo/store.ts';
import { inTransaction } from '../platform/mongo/transaction.ts';
import type { EventEnvelope } from '../platform/workos/wire.ts';
import { notice } from '../transitions/notice.ts';
import { applyDirectory } from './apply-directory.ts';
import type { Applied, IntakeRules } from './applied.ts';
import { applyEdge } from './apply-edge.ts';
import { applyGroup } from './apply-group.ts';
import { applyOrganizationDeleted } from './apply-organization.ts';
import { applyUser } from './apply-user.ts';
import { inboxEntry, keptBody, type BodyOptions, type Delivery } from './inbox-entry.ts';
import { knowDirectory } from './know-directory.ts';
import { parseEvent, type ParsedEvent } from './parse-event.ts';
import { acrossDirectories } from './parse-group-event.ts';
import type { Problem } from './telling.ts';

export interface IntakeOptions extends IntakeRules, BodyOptions {
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
  return repeatOnDuplicateKey(async () => {
    try {
      const organizationId =
        'telling' in parsed ? await knowDirectory(store, parsed.telling, options) : null;
      const entry = inboxEntry(envelope, parsed, delivery, { ...options, organizationId });
      return await takeInOnce(store, { envelope, parsed, entry }, delivery, options);
    } catch (error) {
      if (isDuplicateKey(error) && (await isKnown(store, envelope.id))) return { duplicate: true };
      throw error;
    }
  });
}

/** One event: as it came, as it was understood, and its entry in the inbox. */
interface Event {
  envelope: EventEnvelope;
  parsed: ParsedEvent;
  entry: InboxDocument;
}

async function takeInOnce(
  store: Store,
  { envelope, parsed, entry }: Event,
  delivery: Delivery,
  options: IntakeOptions,
): Promise<Taken> {
  const work = async (tx: Transaction): Promise<Taken> => {
    const { session } = tx;
    // The inbox comes first: of fifty copies at once the unique id lets one through.
    await tx.collections.inbox.insertOne(entry, { session });
    const applied = await applyEvent(tx, parsed, delivery, options);
    const { outcome, organizationId, problems = [] } = applied;
    if (outcome === 'quarantined') await noticeQuarantined(tx, envelope.id, problems);
    const became = {
      outcome,
      organizationId: organizationId || null,
      ...(outcome === 'quarantined' ? keptBody(envelope, problems, delivery, options) : {}),
    };
    // Nearly every event comes to what its entry says already, and needs no second write.
    if (!isDeepStrictEqual({ ...entry, ...became }, entry)) {
      await tx.collections.inbox.updateOne({ _id: entry._id }, { $set: became }, { session });
    }
    return { ...applied, duplicate: false };
  };
  return inTransaction(store, work, { timeoutMs: options.timeoutMs });
}

/** Applies one understood event in the caller's transaction, without its entry in the inbox. */
export async function applyEvent(
  tx: Transaction,
  parsed: ParsedEvent,
  delivery: Delivery,
  options: IntakeOptions,
): Promise<Applied> {
  const nothing = { organizationId: '', urgent: [], touched: [] };
  switch (parsed.kind) {
    case 'user':
      return applyUser(tx, parsed.telling, options, delivery.receivedAt);
    case 'group':
      return applyGroup(tx, parsed.telling, options);
    case 'edge':
      return applyEdge(tx, parsed.telling, options, delivery.receivedAt);
    case 'directoryActivated':
    case 'directoryDeleted':
      return applyDirectory(
        tx,
        { ...parsed, deleted: parsed.kind === 'directoryDeleted' },
        options.file,
      );
    case 'organizationDeleted':
      return applyOrganizationDeleted(tx, parsed.workosOrganizationId, options.file);
    case 'stored':
      return { ...nothing, outcome: 'stored' };
    case 'unexpected':
      return { ...nothing, outcome: 'quarantined', problems: parsed.problems };
  }
}

async function noticeQuarantined(
  tx: Transaction,
  eventId: string,
  problems: Problem[],
): Promise<void> {
  const across = problems.some(({ code }) => code === acrossDirectories.code);
  await notice(tx, across ? 'edgeAcrossDirectories' : 'eventQuarantined', { subjectId: eventId });
}

async function isKnown(store: Store, eventId: string): Promise<boolean> {
  const found = await store.collections.inbox.findOne({ _id: eventId }, { projection: { _id: 1 } });
  return found !== null;
}
