import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

import type { DecisionReason } from '../domain/decide-access.ts';
import type { ReconcileStop } from '../domain/reconciliation.ts';
import { phases, type Phase } from '../domain/words.ts';
import { notificationMetrics, type NotificationMetrics } from './notification-metrics.ts';

/** How an event arrived. */
export type Transport = 'webhook' | 'poll' | 'listing';

/** Why a dispatcher signals: access closes or a command waits, somebody joins, anything else, or once more. */
export type SignalKind = 'urgent' | 'join' | 'update' | 'repeat';

/**
 * What came of asking the Events API once: a page was read; the cursor expired, so that history is read again; WorkOS
 * refuses the key or the request, asks for patience, or gives no clear answer; or the events came newest first.
 */
export type PollOutcome =
  | 'read'
  | 'cursorLost'
  | 'keyRefused'
  | 'requestRefused'
  | 'rateLimited'
  | 'uncertain'
  | 'unordered';

/** Polled events: new here, brought by something else before, or put into quarantine. */
export type PolledEvents = Record<'taken' | 'known' | 'quarantined', number>;

/** One answered HTTP request. `route` is the template (`/v1/memberships/{id}`), never the path. */
export interface AnsweredRequest {
  method: string;
  /** null: no route matched. */
  route: string | null;
  status: number;
  seconds: number;
}

/** Memberships that somebody still has to look at (`revision > lookedRevision`). */
export interface Backlog {
  count: number;
  /** 0 where nothing waits. */
  oldestSeconds: number;
}

/**
 * What Tenure measures. The methods take closed words and numbers only, so that no id and nothing personal
 * can become a label: labels are kept for ever by whoever scrapes them, and each new value costs memory.
 */
export interface Metrics extends NotificationMetrics {
  /** An event closed access: from its receipt to the commit. */
  accessClosed(transport: Transport, seconds: number): void;
  /** From the receipt of the event to every session, token and key verified gone. */
  sessionsVerifiedEmpty(seconds: number): void;
  /** Phases that are absent count as 0. */
  setMemberships(counts: Partial<Record<Phase, number>>): void;
  setBacklog(backlog: Backlog): void;
  /** Guards that wait for a decision. */
  setOpenGuards(count: number): void;
  /** A webhook was answered. */
  webhookAnswered(status: number): void;
  signalled(kind: SignalKind, succeeded: boolean): void;
  polled(outcome: PollOutcome): void;
  eventsPolled(events: PolledEvents): void;
  /** A comparison of a directory ended; null: it came to its end. */
  reconciled(stopped: ReconcileStop | null): void;
  /** Since everything that WorkOS showed was read, and since the last event read so far; NaN where unknown. */
  setPoller(seconds: { lag: number; cursorAge: number }): void;
  /** While Tenure only observes: somebody was allowed whom it would have denied. */
  deniedInObservation(reason: DecisionReason): void;
  /** Closings of access whose sessions are not verified gone within the configured time. */
  setRevocationsOverdue(count: number): void;
  requestAnswered(request: AnsweredRequest): void;
  /** The text of `/metrics`. */
  render(): Promise<string>;
  contentType: string;
}

const fastBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30];
const slowBuckets = [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3_600, 21_600];

/**
 * What only the other kind of process measures, or counts at its scrape. Shown here it would be a zero that
 * is not true, and an alarm on it would never ring.
 */
const measuredElsewhere = {
  api: [
    'tenure_sessions_verified_empty_seconds',
    'tenure_dispatcher_signals_total',
    'tenure_polls_total',
    'tenure_polled_events_total',
    'tenure_reconciliations_total',
    'tenure_notifications_total',
  ],
  worker: [
    'tenure_poll_lag_seconds',
    'tenure_poll_cursor_age_seconds',
    'tenure_revocations_overdue',
    'tenure_memberships',
    'tenure_memberships_pending',
    'tenure_memberships_pending_oldest_seconds',
    'tenure_guards_open',
    'tenure_notifications_dead',
    'tenure_notifications_pending_oldest_seconds',
    'tenure_webhook_answers_total',
    'tenure_observed_denials_total',
    'tenure_http_request_duration_seconds',
  ],
} as const;

/** The metrics of one process, in a registry of their own: a global one would be shared by tests and copies. */
export function createMetrics(role: 'api' | 'worker'): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const closed = new Histogram({
    name: 'tenure_access_closed_seconds',
    help: 'From the receipt of an event to the commit that closed access.',
    labelNames: ['transport'],
    buckets: fastBuckets,
    registers,
  });
  const emptied = new Histogram({
    name: 'tenure_sessions_verified_empty_seconds',
    help: 'From the receipt of an event to all sessions, tokens and keys verified gone.',
    buckets: slowBuckets,
    registers,
  });
  const overdue = new Gauge({
    name: 'tenure_revocations_overdue',
    help: 'Closings of access whose sessions are not verified gone in time.',
    registers,
  });
  const metrics: Metrics = {
    accessClosed: (transport, seconds) => closed.observe({ transport }, seconds),
    sessionsVerifiedEmpty: (seconds) => emptied.observe(seconds),
    setRevocationsOverdue: (count) => overdue.set(count),
    ...membershipMetrics(registers),
    ...trafficMetrics(registers),
    ...pollMetrics(registers),
    ...notificationMetrics(registers),
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
  for (const name of measuredElsewhere[role]) registry.removeSingleMetric(name);
  return metrics;
}

function membershipMetrics(
  registers: Registry[],
): Pick<Metrics, 'setMemberships' | 'setBacklog' | 'setOpenGuards'> {
  const memberships = new Gauge({
    name: 'tenure_memberships',
    help: 'Memberships by phase.',
    labelNames: ['phase'],
    registers,
  });
  const pending = new Gauge({
    name: 'tenure_memberships_pending',
    help: 'Memberships whose revision the lifecycle has not looked at yet.',
    registers,
  });
  const oldest = new Gauge({
    name: 'tenure_memberships_pending_oldest_seconds',
    help: 'For how long the oldest of them has been waiting.',
    registers,
  });
  const guards = new Gauge({
    name: 'tenure_guards_open',
    help: 'Mass changes that wait for an admin to approve or reject them.',
    registers,
  });
  return {
    setMemberships(counts) {
      for (const phase of phases) memberships.set({ phase }, counts[phase] ?? 0);
    },
    setBacklog({ count, oldestSeconds }) {
      pending.set(count);
      oldest.set(Math.max(0, oldestSeconds));
    },
    setOpenGuards: (count) => guards.set(count),
  };
}

function trafficMetrics(
  registers: Registry[],
): Pick<Metrics, 'webhookAnswered' | 'signalled' | 'deniedInObservation' | 'requestAnswered'> {
  const webhooks = new Counter({
    name: 'tenure_webhook_answers_total',
    help: 'Answers to webhooks by HTTP status.',
    labelNames: ['status'],
    registers,
  });
  const signals = new Counter({
    name: 'tenure_dispatcher_signals_total',
    help: 'Signals of the dispatcher by kind and outcome.',
    labelNames: ['kind', 'outcome'],
    registers,
  });
  const observedDenials = new Counter({
    name: 'tenure_observed_denials_total',
    help: 'Access checks and logins that were allowed only because Tenure observes, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const requests = new Histogram({
    name: 'tenure_http_request_duration_seconds',
    help: 'Duration of HTTP requests by route template.',
    labelNames: ['method', 'route', 'status'],
    buckets: fastBuckets,
    registers,
  });
  return {
    webhookAnswered: (status) => webhooks.inc({ status }),
    signalled: (kind, succeeded) => signals.inc({ kind, outcome: succeeded ? 'sent' : 'failed' }),
    deniedInObservation: (reason) => observedDenials.inc({ reason }),
    requestAnswered({ method, route, status, seconds }) {
      requests.observe({ method: methodLabel(method), route: routeLabel(route), status }, seconds);
    },
  };
}

function pollMetrics(
  registers: Registry[],
): Pick<Metrics, 'polled' | 'eventsPolled' | 'setPoller' | 'reconciled'> {
  const reconciliations = new Counter({
    name: 'tenure_reconciliations_total',
    help: 'Comparisons of a directory with WorkOS by how they ended.',
    labelNames: ['outcome'],
    registers,
  });
  const polls = new Counter({
    name: 'tenure_polls_total',
    help: 'Requests to the Events API by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  const events = new Counter({
    name: 'tenure_polled_events_total',
    help: 'Events read from the Events API by what became of them.',
    labelNames: ['outcome'],
    registers,
  });
  const lag = new Gauge({
    name: 'tenure_poll_lag_seconds',
    help: 'Since everything that the Events API showed had been read.',
    registers,
  });
  const cursorAge = new Gauge({
    name: 'tenure_poll_cursor_age_seconds',
    help: 'Since the last event happened that was read from the Events API.',
    registers,
  });
  return {
    polled: (outcome) => polls.inc({ outcome }),
    reconciled: (stopped) => reconciliations.inc({ outcome: stopped ?? 'complete' }),
    eventsPolled({ taken, known, quarantined }) {
      events.inc({ outcome: 'taken' }, taken);
      events.inc({ outcome: 'known' }, known);
      events.inc({ outcome: 'quarantined' }, quarantined);
    },
    setPoller(seconds) {
      lag.set(seconds.lag);
      cursorAge.set(seconds.cursorAge);
    },
  };
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** The method is whatever a caller wrote. */
function methodLabel(method: string): string {
  return methods.includes(method) ? method : 'other';
}

/** Should a caller ever pass the path instead of the template, an id in it must not become a label. */
function routeLabel(route: string | null): string {
  if (route === null) return 'unmatched';
  const isTemplate = /^(\/([a-z][a-z-]*|v\d{1,2}|[a-z]+\.json|\{[a-zA-Z]+\}|:[a-zA-Z]+))*\/?$/.test(
    route,
  );
  return isTemplate ? route : 'unmatched';
}
