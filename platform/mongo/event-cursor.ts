import type { EventCursorDocument } from './event-cursor-document.ts';
import { within } from './deadline.ts';
import type { Store } from './store.ts';
import { inTransaction } from './transaction.ts';

/** Where reading stands. */
export type EventCursor = Omit<EventCursorDocument, '_id'>;

const id = 'workos';
const readTimeoutMs = 2_000;
const untouched: Omit<EventCursor, 'begunAt'> = {
  after: null,
  eventAt: null,
  rangeStart: null,
  polledAt: null,
  lostAt: null,
  counts: { taken: 0, known: 0, quarantined: 0 },
};

/** The cursor as it stands; null: nothing was ever polled. */
export async function readEventCursor(store: Store): Promise<EventCursor | null> {
  return within(readTimeoutMs, store.collections.eventCursors.findOne({ _id: id }));
}

/** The cursor to read on from; made where there is none. */
export async function beginAtEventCursor(store: Store): Promise<EventCursor> {
  const first = { ...untouched, begunAt: new Date() };
  const found = await store.collections.eventCursors.findOneAndUpdate(
    { _id: id },
    { $setOnInsert: first },
    { upsert: true, returnDocument: 'after' },
  );
  return found ?? first;
}

/**
 * Moves the cursor on after a page. Returns false, and writes nothing, if it is not where `seen` says: another
 * poller that is still alive moved it, and must not be thrown back.
 */
export async function moveEventCursor(
  store: Store,
  seen: EventCursor,
  to: {
    /** null: the page named no place to go on from. */
    position: { after: string; eventAt: Date | null } | null;
    rangeStart: Date | null;
    counts: EventCursor['counts'];
    /** When everything there was had been read; null: there is more. */
    polledAt: Date | null;
  },
): Promise<boolean> {
  const { taken, known, quarantined } = to.counts;
  const moved = await store.collections.eventCursors.updateOne(
    { _id: id, after: seen.after },
    {
      $set: {
        ...to.position,
        rangeStart: to.rangeStart,
        ...(to.polledAt === null ? {} : { polledAt: to.polledAt }),
      },
      $inc: {
        'counts.taken': taken,
        'counts.known': known,
        'counts.quarantined': quarantined,
      },
    },
  );
  return moved.matchedCount === 1;
}

/**
 * Clears a cursor that WorkOS does not know any more. What happened meanwhile may be older than what it
 * keeps, so in the same transaction every directory is marked for a full comparison. Returns false, and
 * writes nothing, if the cursor is not where `seen` says.
 */
export async function loseEventCursor(
  store: Store,
  seen: EventCursor,
  lostAt: Date,
): Promise<boolean> {
  return inTransaction(store, async ({ session, collections }) => {
    const cleared = await collections.eventCursors.updateOne(
      { _id: id, after: seen.after },
      { $set: { after: null, eventAt: null, rangeStart: null, lostAt } },
      { session },
    );
    if (cleared.matchedCount === 0) return false;
    await collections.directories.updateMany(
      { deletedAt: null },
      { $set: { reconcileWantedAt: lostAt } },
      { session },
    );
    return true;
  });
}
