import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import type { Store } from '../platform/mongo/store.ts';
import { StoreUnavailable } from '../platform/mongo/deadline.ts';
import { eventEnvelope, type EventEnvelope } from '../platform/workos/wire.ts';
import type { Applied } from './applied.ts';
import type { Delivery } from './inbox-entry.ts';
import { eventTime, type Problem } from './telling.ts';
import { quarantine, takeIn, type IntakeOptions } from './take-in.ts';

/** What became of the events of a page. Counts, and the place that was reached. */
export interface PageTaken {
  /** New here: nothing else had brought them. Quarantined ones are not among them. */
  taken: number;
  /** Taken in before, by whatever transport. */
  known: number;
  quarantined: number;
  /** The last event that has an id, and when it happened; null: none has one. */
  last: { id: string; at: Date | null } | null;
}

export interface PageOptions {
  intake: IntakeOptions;
  /** Between two events: whoever is asked to stop loses nothing, what is missing is read again. */
  signal: AbortSignal;
  onTaken: (applied: Applied) => void;
  /** An event could not be applied although the store is there: a defect, told once, without its data. */
  onFailed: (error: unknown, eventId: string) => void;
}

/** An event that cannot be applied for a reason of its own is tried so often before it is put aside. */
const tries = 3;
const pauseMs = 200;
/** No document of MongoDB may be larger than 16 MB; an event of this size is a mistake anyway. */
const maxDataLength = 4 * 1024 * 1024;

/**
 * Takes in a page of the Events API, event by event in its order. What is known already is found by one read
 * for the whole page; what cannot be read or applied goes to quarantine, so that one event never holds up
 * those after it.
 *
 * @throws StoreUnavailable where MongoDB does not answer, and the signal's reason once it is aborted.
 */
export async function takeInPage(
  store: Store,
  items: readonly unknown[],
  delivery: Delivery,
  options: PageOptions,
): Promise<PageTaken> {
  const events = items.map(readItem);
  const known = await knownAmong(
    store,
    events.map(({ envelope }) => envelope.id),
  );
  const page: PageTaken = { taken: 0, known: 0, quarantined: 0, last: null };
  for (const { envelope, cursor, problems } of events) {
    options.signal.throwIfAborted();
    const outcome = known.has(envelope.id)
      ? 'known'
      : await takeInOne(store, { envelope, problems }, delivery, options);
    page[outcome] += 1;
    if (cursor === null) continue;
    const atMs = eventTime(envelope);
    page.last = { id: cursor, at: atMs === null ? null : new Date(atMs) };
  }
  return page;
}

interface Item {
  envelope: EventEnvelope;
  /** The id as WorkOS gave it, by which reading goes on. */
  cursor: string | null;
  /** Why it is no event; none: it is one. */
  problems: Problem[];
}

/**
 * An event, or what stands for something that is none. Without an id of its own it is kept under one made of
 * its content, so that reading the page again does not keep it twice.
 */
function readItem(item: unknown): Item {
  const cursor = textOf(item, 'id');
  const parsed = eventEnvelope.safeParse(item);
  if (parsed.success) return { envelope: parsed.data, cursor, problems: [] };
  const text = JSON.stringify(item);
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 32);
  const id = eventEnvelope.shape.id.safeParse(cursor);
  const event = eventEnvelope.shape.event.safeParse(textOf(item, 'event'));
  const createdAt = textOf(item, 'created_at');
  return {
    envelope: {
      id: id.success ? id.data : `unreadable_${digest}`,
      event: event.success ? event.data : 'unreadable',
      data: fieldOf(item, 'data') ?? item,
      ...(createdAt === null ? {} : { created_at: createdAt.slice(0, 64) }),
    },
    cursor,
    problems: parsed.error.issues.map(({ path, code }) => ({
      path: path.map(String).join('.'),
      code,
    })),
  };
}

function textOf(item: unknown, name: string): string | null {
  const value = fieldOf(item, name);
  return typeof value === 'string' && value !== '' ? value : null;
}

function fieldOf(item: unknown, name: string): unknown {
  if (typeof item !== 'object' || item === null) return undefined;
  return Object.entries(item).find(([key]) => key === name)?.[1];
}

async function knownAmong(store: Store, ids: string[]): Promise<Set<string>> {
  const found = await store.collections.inbox
    .find({ _id: { $in: ids } })
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
  return new Set(found.map(({ _id }) => _id));
}

async function takeInOne(
  store: Store,
  { envelope, problems }: Pick<Item, 'envelope' | 'problems'>,
  delivery: Delivery,
  { intake, onTaken, onFailed }: PageOptions,
): Promise<'taken' | 'known' | 'quarantined'> {
  const putAside = async (found: Problem[]): Promise<'quarantined'> => {
    await quarantine(store, { envelope: storable(envelope), problems: found }, delivery, intake);
    return 'quarantined';
  };
  if (problems.length > 0) return putAside(problems);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const taken = await takeIn(store, envelope, delivery, intake);
      if (taken.duplicate) return 'known';
      onTaken(taken);
      return taken.outcome === 'quarantined' ? 'quarantined' : 'taken';
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      if (attempt === tries) {
        onFailed(error, envelope.id);
        return putAside([{ path: '', code: error instanceof Error ? error.name : 'unknown' }]);
      }
      await pause(pauseMs * attempt);
    }
  }
}

/** The event without what MongoDB could not store. */
function storable(envelope: EventEnvelope): EventEnvelope {
  const { length } = JSON.stringify(envelope.data ?? null);
  return length <= maxDataLength ? envelope : { ...envelope, data: null };
}
