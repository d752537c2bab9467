import { phases, type Phase } from '../domain/words.ts';
import type { Metrics } from '../platform/metrics.ts';
import { countOverdueRevocations } from '../platform/mongo/overdue-revocations.ts';
import type { Store } from '../platform/mongo/store.ts';

/** How long counted memberships are shown again: many scrapes must not cost more than one. */
const cacheMs = 5_000;
const countTimeoutMs = 2_000;

/** Makes the text of `/metrics`, with memberships counted for it. */
export type Scrape = () => Promise<string>;

/**
 * Counts memberships by phase, the backlog and overdue revocations when they are asked for, so that no process counts for
 * nobody. While MongoDB does not answer they are not a number: old ones would look like a standstill.
 */
export function createScrape(metrics: Metrics, store: () => Store, overdueMs: number): Scrape {
  let countedAt = -Infinity;
  return async () => {
    if (performance.now() - countedAt >= cacheMs) {
      try {
        const counted = await countMemberships(store());
        metrics.setMemberships(counted.phases);
        metrics.setBacklog(counted.backlog);
        metrics.setRevocationsOverdue(await countOverdueRevocations(store(), overdueMs));
        countedAt = performance.now();
      } catch {
        metrics.setMemberships(Object.fromEntries(phases.map((phase) => [phase, NaN])));
        metrics.setBacklog({ count: NaN, oldestSeconds: NaN });
        metrics.setRevocationsOverdue(NaN);
      }
    }
    return metrics.render();
  };
}

async function countMemberships({ collections: { memberships } }: Store): Promise<{
  phases: Partial<Record<Phase, number>>;
  backlog: { count: number; oldestSeconds: number };
}> {
  const waiting = { pendingSince: { $exists: true } };
  const limits = { timeoutMS: countTimeoutMs };
  const [grouped, count, [oldest]] = await Promise.all([
    memberships
      .aggregate<{ _id: Phase; count: number }>(
        [{ $group: { _id: '$phase', count: { $sum: 1 } } }],
        { ...limits, hint: { phase: 1, _id: 1 } },
      )
      .toArray(),
    memberships.countDocuments(waiting, { ...limits, hint: 'pending' }),
    memberships
      .find(waiting, { ...limits, hint: 'pending' })
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
