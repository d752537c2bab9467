/**
 * How far the Events API was read: one document. Only the poller writes it, and only from what the Events API
 * answered. A webhook never moves it: WorkOS shows an event there some seconds later, so that an older one
 * would be jumped over for good.
 */
export interface EventCursorDocument {
  _id: 'workos';
  /** The id of the last processed event; null: none yet, so the retained history is read from its beginning. */
  after: string | null;
  /** When that event happened; null where there is none, or it does not say. */
  eventAt: Date | null;
  /** Where the reading began that led to this cursor: the first poll, or the first one after a loss. */
  rangeStart: Date | null;
  /** When a poller first tried to read. */
  begunAt: Date;
  /** The last time that everything there was had been read. */
  polledAt: Date | null;
  /** When WorkOS last refused the cursor, so that the history had to be read again. */
  lostAt: Date | null;
  /** All events so far, by what became of them. */
  counts: { taken: number; known: number; quarantined: number };
}
