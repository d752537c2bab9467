import type { Polling, PollReports } from '../activities/poll-events.ts';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics, PollOutcome } from '../platform/metrics.ts';
import { createEventsApi } from '../platform/workos/events-api.ts';

const requestTimeoutMs = 20_000;

/** What this worker polls with; null: events arrive by webhook only. */
export function pollingOf(
  config: Config,
  tools: Pick<Polling, 'signals'> & { log: Logger; metrics: Metrics },
): Polling | null {
  const { apiKey, apiUrl } = config.workos;
  if (config.events === 'webhook' || apiKey === null) return null;
  return {
    api: createEventsApi({ apiKey, apiUrl, timeoutMs: requestTimeoutMs }),
    intervalMs: config.intervals.pollMs,
    bodyDays: config.limits.inboxBodyDays,
    signals: tools.signals,
    reports: reportsTo(tools.log, tools.metrics),
  };
}

/** What somebody has to do something about is an error; what passes by itself is a warning. */
const troubles: Record<
  Exclude<PollOutcome, 'read'>,
  { level: 'warn' | 'error'; message: string }
> = {
  cursorLost: {
    level: 'warn',
    message: 'WorkOS does not know the last polled event any more; the last 30 days are read again',
  },
  keyRefused: { level: 'error', message: 'WorkOS refuses the API key: no event is polled' },
  requestRefused: { level: 'error', message: 'WorkOS refuses the poll: no event is polled' },
  unordered: { level: 'error', message: 'the Events API answers newest first; it is not read on' },
  rateLimited: { level: 'warn', message: 'WorkOS asks the poller for patience' },
  uncertain: { level: 'warn', message: 'WorkOS gave the poller no clear answer' },
};

function reportsTo(log: Logger, metrics: Metrics): PollReports {
  return {
    answered(outcome) {
      metrics.polled(outcome);
      if (outcome === 'read') return;
      const { level, message } = troubles[outcome];
      log[level]({ outcome }, message);
    },
    tookIn(events) {
      metrics.eventsPolled(events);
      if (events.taken + events.quarantined > 0) log.info(events, 'events were polled');
    },
    accessClosed: (seconds) => metrics.accessClosed('poll', seconds),
    notApplied: (error, eventId) =>
      log.error({ err: error, eventId }, 'an event could not be applied; it is in quarantine'),
  };
}
