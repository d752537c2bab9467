import { phases, type Phase } from '../domain/words.ts';
import type { Metrics } from '../platform/metrics.ts';
import { within } from '../platform/mongo/deadline.ts';
import { readEventCursor } from '../platform/mongo/event-cursor.ts';
import { countOverdueRevocations } from '../platform/mongo/overdue-revocations.ts';
import type { Store } from '../platform/mongo/store.ts';

/** How long what was counted is shown again: many scrapes must not cost more than one. */
const cacheMs = 5_000;
/** For all counts together. */
const countTimeoutMs = 5_000;
/** MongoDB itself ends a count that nobody waits for any more: the next scrape would begin one more beside it. */
const inTime = { maxTimeMS: countTimeoutMs };

/** Makes the text of `/metrics`, with everything counted in it that no process holds. */
export type Scrape = () => Promise<string>;

/**
 * Counts what is in MongoDB (`Counts`) when it is asked for, so that no process counts for nobody. While MongoDB does
 * not answer they are not a number: old ones would look like a standstill.
 *
 * @param overdueMs when a revocation that is not verified counts as overdue
 * @param polls whether anything polls the Events API; where nothing does, the poller's times are never a number
 */
export function createScrape(
  metrics: Metrics,
  store: () => Store,
  overdueMs: number,
  polls = true,
): Scrape {
  let countedAt = -Infinity;
  let counting: Promise<void> | null = null;
  const count = async (): Promise<void> => {
    const all = countAll(store, { overdueMs, polls });
    showCounts(metrics, await within(countTimeoutMs, all).catch(() => unknownCounts));
    // After a failure too: a MongoDB that is too slow to count is not asked to by every scrape.
    countedAt = performance.now();
  };
  return async () => {
    if (performance.now() - countedAt >= cacheMs) {
      counting ??= count().finally(() => {
        counting = null;
      });
      await counting;
    }
    return metrics.render();
  };
}

interface Counts {
  phases: Partial<Record<Phase, number>>;
  backlog: { count: number; oldestSeconds: number };
  revocationsOverdue: number;
  openGuards: number;
  notifications: { dead: number; oldestSeconds: number };
  /** How far the poller is: seconds since it was last at the end, and the age of its cursor. */
  poller: { lag: number; cursorAge: number };
}

const unknownTimes = { lag: NaN, cursorAge: NaN };

const unknownCounts: Counts = {
  phases: Object.fromEntries(phases.map((phase) => [phase, NaN])),
  backlog: { count: NaN, oldestSeconds: NaN },
  revocationsOverdue: NaN,
  openGuards: NaN,
  notifications: { dead: NaN, oldestSeconds: NaN },
  poller: unknownTimes,
};

function showCounts(metrics: Metrics, counts: Counts): void {
  metrics.setMemberships(counts.phases);
  metrics.setBacklog(counts.backlog);
  metrics.setRevocationsOverdue(counts.revocationsOverdue);
  metrics.setOpenGuards(counts.openGuards);
  metrics.setNotifications(counts.notifications);
  metrics.setPoller(counts.poller);
}

async function countAll(
  storeNow: () => Store,
  { overdueMs, polls }: { overdueMs: number; polls: boolean },
): Promise<Counts> {
  const store = storeNow();
  return {
    ...(await countMemberships(store)),
    revocationsOverdue: await countOverdueRevocations(store, overdueMs, inTime),
    openGuards: await countOpenGuards(store),
    notifications: await countNotifications(store),
    poller: polls ? await pollerTimes(store) : unknownTimes,
  };
}

/** Read from MongoDB and not from the process that polls: it shows also that none does. */
async function pollerTimes(store: Store): Promise<Counts['poller']> {
  const cursor = await readEventCursor(store);
  if (cursor === null) return unknownTimes;
  const secondsSince = (at: Date | null): number =>
    at === null ? NaN : Math.max(0, (Date.now() - at.getTime()) / 1000);
  return {
    // A poller that never came to an end lags since it began.
    lag: secondsSince(cursor.polledAt ?? cursor.begunAt),
    cursorAge: secondsSince(cursor.eventAt),
  };
}

async function countOpenGuards({ collections: { guards } }: Store): Promise<number> {
  return guards.countDocuments({ state: 'open', shown: true }, inTime);
}

async function countNotifications({
  collections: { notifications },
}: Store): Promise<Counts['notifications']> {
  const [dead, [oldest]] = await Promise.all([
    notifications.countDocuments({ state: 'dead' }, inTime),
    notifications
      .find({ state: 'pending' }, inTime)
      .sort({ at: 1 })
      .limit(1)
      .project<{ at: Date }>({ at: 1 })
      .toArray(),
  ]);
  const waitedMs = oldest === undefined ? 0 : Date.now() - oldest.at.getTime();
  return { dead, oldestSeconds: Math.max(0, waitedMs / 1000) };
}

async function countMemberships({
  collections: { memberships },
}: Store): Promise<Pick<Counts, 'phases' | 'backlog'>> {
  const waiting = { pendingSince: { $exists: true } };
  const [grouped, count, [oldest]] = await Promise.all([
    memberships
      .aggregate<{ _id: Phase; count: number }>(
        [{ $group: { _id: '$phase', count: { $sum: 1 } } }],
        { hint: { phase: 1, _id: 1 }, ...inTime },
      )
      .toArray(),
    memberships.countDocuments(waiting, { hint: 'pending', ...inTime }),
    memberships
      .find(waiting, { hint: 'pending', ...inTime })
      .sort({ pendingSince: 1 })
      .limit(1)
      .project<{ pendingSince: Date }>({ pendingSince: 1 })
      .toArray(),
  ]);
  const waitedMs = oldest === undefined ? 0 : Date.now() - oldest.pendingSince.getTime();
  return {
    phases: Object.fromEntries(grouped.map(({ _id, count: held }) => [_id, held])),
    backlog: { count, oldestSeconds: waitedMs / 1000 },
  };
}
