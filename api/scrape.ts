import { phases, type Phase } from '../domain/words.ts';
import type { Metrics } from '../platform/metrics.ts';
import { within } from '../platform/mongo/deadline.ts';
import { readEventCursor } from '../platform/mongo/event-cursor.ts';
import { countOverdueRevocations } from '../platform/mongo/overdue-revocations.ts';
import type { Store } from '../platform/mongo/store.ts';

/** How long counted memberships are shown again: many scrapes must not cost more than one. */
const cacheMs = 5_000;
/** For all counts together. */
const countTimeoutMs = 5_000;
/** MongoDB itself ends a count that nobody waits for any more: the next scrape would begin one more beside it. */
const inTime = { maxTimeMS: countTimeoutMs };

/** Makes the text of `/metrics`, with memberships counted for it. */
export type Scrape = () => Promise<string>;

/**
 * Counts memberships by phase, the backlog and overdue revocations, and looks how far the poller is, when it is asked
 * for, so that no process counts for nobody. While MongoDB does not answer they are not a number: old ones would look
 * like a standstill. Where nothing polls, the poller's times are never a number.
 */
export function createScrape(
  metrics: Metrics,
  store: () => Store,
  overdueMs: number,
  polls = true,
): Scrape {
  let countedAt = -Infinity;
  return async () => {
    if (performance.now() - countedAt >= cacheMs) {
      try {
        const counted = await within(countTimeoutMs, countAll(store(), { overdueMs, polls }));
        metrics.setMemberships(counted.memberships.phases);
        metrics.setBacklog(counted.memberships.backlog);
        metrics.setRevocationsOverdue(counted.overdue);
        metrics.setOpenGuards(counted.openGuards);
        metrics.setNotifications(counted.notifications);
        metrics.setPoller(counted.poller);
      } catch {
        metrics.setMemberships(Object.fromEntries(phases.map((phase) => [phase, NaN])));
        metrics.setBacklog({ count: NaN, oldestSeconds: NaN });
        metrics.setRevocationsOverdue(NaN);
        metrics.setOpenGuards(NaN);
        metrics.setNotifications({ dead: NaN, oldestSeconds: NaN });
        metrics.setPoller(unknownTimes);
      } finally {
        // After a failure too: a MongoDB that is too slow to count is not asked to by every scrape.
        countedAt = performance.now();
      }
    }
    return metrics.render();
  };
}

async function countAll(store: Store, { overdueMs, polls }: { overdueMs: number; polls: boolean }) {
  return {
    memberships: await countMemberships(store),
    overdue: await countOverdueRevocations(store, overdueMs, inTime),
    openGuards: await countOpenGuards(store),
    notifications: await countNotifications(store),
    poller: polls ? await pollerTimes(store) : unknownTimes,
  };
}

const unknownTimes = { lag: NaN, cursorAge: NaN };

/** Read from MongoDB and not from the process that polls: it shows also that none does. */
async function pollerTimes(store: Store): Promise<{ lag: number; cursorAge: number }> {
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
}: Store): Promise<{ dead: number; oldestSeconds: number }> {
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

async function countMemberships({ collections: { memberships } }: Store): Promise<{
  phases: Partial<Record<Phase, number>>;
  backlog: { count: number; oldestSeconds: number };
}> {
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
