import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

import { phases } from '../domain/words.ts';
import type { Store } from '../platform/mongo/store.ts';

/** What the API measures. No label ever holds an id, a path or anything else that came from outside. */
export interface ApiMetrics {
  requestServed(request: {
    method: string;
    route: string;
    status: number;
    seconds: number;
  }): void;
  /** Answers to webhooks, by status. */
  webhookAnswered(status: number): void;
  /** From the receipt of an event to the commit of the transaction in which it closed access. */
  closedAfter(seconds: number): void;
  /** Everything as Prometheus reads it. */
  expose(store: () => Store): Promise<{ text: string; contentType: string }>;
}

/** How long counted memberships are shown again: a scrape must not cost more the more often it comes. */
const cacheMs = 5_000;

/** Registers the API's metrics. @param registry one per process (per application in tests) */
export function createApiMetrics(registry: Registry): ApiMetrics {
  const requests = new Histogram({
    name: 'tenure_http_request_seconds',
    help: 'Duration of HTTP requests by route template.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2, 5],
    registers: [registry],
  });
  const webhooks = new Counter({
    name: 'tenure_webhook_answers_total',
    help: 'Answers to webhooks of WorkOS by status.',
    labelNames: ['status'],
    registers: [registry],
  });
  const closings = new Histogram({
    name: 'tenure_receipt_to_closed_seconds',
    help: 'From the receipt of an event to the commit that closed access.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
    registers: [registry],
  });
  const gauges = createMembershipGauges(registry);
  return {
    requestServed: ({ method, route, status, seconds }) =>
      requests.observe({ method, route, status }, seconds),
    webhookAnswered: (status) => webhooks.inc({ status }),
    closedAfter: (seconds) => closings.observe(seconds),
    async expose(store) {
      await gauges.refresh(store);
      return { text: await registry.metrics(), contentType: registry.contentType };
    },
  };
}

function createMembershipGauges(registry: Registry): {
  refresh(store: () => Store): Promise<void>;
} {
  const byPhase = new Gauge({
    name: 'tenure_memberships',
    help: 'Memberships by phase of their lifecycle.',
    labelNames: ['phase'],
    registers: [registry],
  });
  const pending = new Gauge({
    name: 'tenure_memberships_pending',
    help: 'Memberships whose lifecycle has not looked at their newest revision.',
    registers: [registry],
  });
  const oldest = new Gauge({
    name: 'tenure_memberships_pending_oldest_seconds',
    help: 'How long the oldest of them waits.',
    registers: [registry],
  });
  const up = new Gauge({
    name: 'tenure_store_up',
    help: '1 where MongoDB answered this scrape.',
    registers: [registry],
  });
  let countedAt = -Infinity;
  return {
    async refresh(store) {
      if (performance.now() - countedAt < cacheMs) return;
      try {
        const counted = await countMemberships(store());
        for (const phase of phases) byPhase.set({ phase }, counted.phases.get(phase) ?? 0);
        pending.set(counted.pending);
        oldest.set(counted.oldestSeconds);
        up.set(1);
        countedAt = performance.now();
      } catch {
        // Old numbers would look like a system that stands still.
        byPhase.reset();
        pending.set(NaN);
        oldest.set(NaN);
        up.set(0);
      }
    },
  };
}

async function countMemberships({ collections: { memberships } }: Store): Promise<{
  phases: Map<string, number>;
  pending: number;
  oldestSeconds: number;
}> {
  const waiting = { pendingSince: { $exists: true } };
  const [grouped, pending, first] = await Promise.all([
    memberships
      .aggregate<{ _id: string; count: number }>(
        [{ $group: { _id: '$phase', count: { $sum: 1 } } }],
        { timeoutMS: 2_000, hint: { phase: 1, _id: 1 } },
      )
      .toArray(),
    memberships.countDocuments(waiting, { timeoutMS: 2_000 }),
    memberships
      .find(waiting, { timeoutMS: 2_000 })
      .sort({ pendingSince: 1 })
      .limit(1)
      .project<{ pendingSince: Date }>({ pendingSince: 1 })
      .toArray(),
  ]);
  const since = first[0]?.pendingSince.getTime();
  return {
    phases: new Map(grouped.map(({ _id, count }) => [_id, count])),
    pending,
    oldestSeconds: since === undefined ? 0 : Math.max(0, (Date.now() - since) / 1000),
  };
}
