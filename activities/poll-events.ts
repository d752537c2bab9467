import { ApplicationFailure, Context } from '@temporalio/activity';

import { parseWorkosTime } from '../domain/versions.ts';
import { takeInPage, type PageTaken } from '../intake/take-in-page.ts';
import type { PollOutcome } from '../platform/metrics.ts';
import {
  beginAtEventCursor,
  loseEventCursor,
  moveEventCursor,
  type EventCursor,
} from '../platform/mongo/event-cursor.ts';
import type { LifecycleSignals } from '../platform/temporal/lifecycle-signals.ts';
import {
  pageSize,
  type EventsAnswer,
  type EventsApi,
  type Position,
} from '../platform/workos/events-api.ts';
import type { ActivityDeps } from './deps.ts';

/** What polling needs beside the intake. */
export interface Polling {
  api: EventsApi;
  /** The pause between two polls, and between two tries of what repeating alone does not mend, milliseconds. */
  intervalMs: number;
  /** As for webhooks: how long bodies are kept that still wait for something, days. */
  bodyDays: number;
  signals: Pick<LifecycleSignals, 'lookAgain'>;
  reports: PollReports;
}

/** What the worker counts and logs. Closed words, counts and ids only. */
export interface PollReports {
  answered(outcome: PollOutcome): void;
  tookIn(counts: Counts): void;
  /** An event closed access; seconds from the page's arrival to the commit. */
  accessClosed(seconds: number): void;
  /** An event could not be applied and went to quarantine: a defect of Tenure. */
  notApplied(error: unknown, eventId: string): void;
}

/** Events by what became of them. */
export type Counts = Omit<PageTaken, 'last'>;

/** What one poll came to. Counts and times only: Temporal keeps them. */
export type PollResult =
  | { polls: false }
  | ({ polls: true; more: boolean; pauseMs: number } & Counts);

const day = 24 * 3600 * 1000;
/** WorkOS keeps events for 30 days at least, and answers no longer span. A little less: clocks differ. */
const spanMs = 30 * day - 5 * 60 * 1000;
/** An activity reads so long at most, so that a long history shows its progress and is no one's whole day. */
const budgetMs = 60_000;
/** A cursor that is refused again so soon was not the trouble: clearing it again would only read in circles. */
const lostAgainMs = 10 * 60 * 1000;
/** Order is judged by times further apart than those of events that merely came close together. */
const orderSlackMs = 5 * 60 * 1000;
const intakeTimeoutMs = 10_000;
const rateLimitedPauseMs = 10_000;

/**
 * Reads the Events API from the cursor on, oldest first, takes every event in as a webhook's and moves the
 * cursor behind each page. Idempotent: what a killed worker had stored of a page is known when it is read again.
 */
export function createPollEvents(deps: ActivityDeps) {
  return async (): Promise<PollResult> => {
    const { polling } = deps;
    // Switched off: the workflow ends.
    if (polling === null) return { polls: false };
    return pollEvents({ ...deps, polling }, Context.current().cancellationSignal);
  };
}

type PollDeps = Pick<ActivityDeps, 'store' | 'file' | 'newUserId'> & { polling: Polling };

/** One poll. `signal`: stops between two events. */
export async function pollEvents(deps: PollDeps, signal: AbortSignal): Promise<PollResult> {
  const { store, polling } = deps;
  const startedAt = Date.now();
  const counts: Counts = { taken: 0, known: 0, quarantined: 0 };
  for (;;) {
    signal.throwIfAborted();
    const read = await readPage(deps, await beginAtEventCursor(store), signal);
    for (const name of ['taken', 'known', 'quarantined'] as const)
      counts[name] += read.counts[name];
    const { more } = read;
    if (!more || Date.now() - startedAt > budgetMs) {
      return { polls: true, more, pauseMs: polling.intervalMs, ...counts };
    }
  }
}

async function readPage(
  deps: PollDeps,
  cursor: EventCursor,
  signal: AbortSignal,
): Promise<{ more: boolean; counts: Counts }> {
  const { store, polling } = deps;
  const askedAt = new Date();
  const position = positionOf(cursor, askedAt);
  const answer = await polling.api.page(position);
  if (answer.answer !== 'page') {
    await afterRefusal(deps, cursor, answer);
    return { more: true, counts: { taken: 0, known: 0, quarantined: 0 } };
  }
  const { last, ...counts } = await takeIn(deps, answer.items, signal);
  polling.reports.tookIn(counts);
  if (isNewestFirst(answer.items)) {
    throw trouble(polling, 'unordered', 'The Events API answers newest first', polling.intervalMs);
  }
  // The place that the list names stands in only where no event of the page has an id.
  const place = last?.id ?? answer.next;
  const isFull = answer.next !== null || answer.items.length >= pageSize;
  // A page that leads nowhere would be read for ever.
  const more = isFull && place !== null && place !== cursor.after;
  const moved = await moveEventCursor(store, cursor, {
    position: place === null ? null : { after: place, eventAt: last?.at ?? null },
    rangeStart: 'after' in position ? cursor.rangeStart : position.rangeStart,
    counts,
    polledAt: more ? null : askedAt,
  });
  polling.reports.answered('read');
  // Not moved: another poller is further, and goes on by itself.
  return { more: more && moved, counts };
}

function positionOf({ after }: EventCursor, now: Date): Position {
  if (after !== null) return { after };
  return { rangeStart: new Date(now.getTime() - spanMs), rangeEnd: now };
}

async function takeIn(
  { store, polling, file, newUserId }: PollDeps,
  items: readonly unknown[],
  signal: AbortSignal,
): Promise<PageTaken> {
  const { reports, signals, bodyDays } = polling;
  const receivedAt = new Date();
  return takeInPage(
    store,
    items,
    { transport: 'poll', receivedAt },
    {
      intake: { file, newUserId, bodyDays, timeoutMs: intakeTimeoutMs },
      signal,
      onFailed: (error, eventId) => reports.notApplied(error, eventId),
      onTaken({ urgent, organizationId }) {
        if (urgent.length === 0) return;
        reports.accessClosed((Date.now() - receivedAt.getTime()) / 1000);
        signals.lookAgain(urgent.map((membershipId) => ({ membershipId, organizationId })));
      },
    },
  );
}

/** Clears a cursor that expired; throws for everything else, to be tried again in time. */
async function afterRefusal(
  { store, polling }: PollDeps,
  cursor: EventCursor,
  refused: Exclude<EventsAnswer, { answer: 'page' }>,
): Promise<void> {
  const { intervalMs, reports } = polling;
  switch (refused.answer) {
    case 'positionRefused': {
      const now = Date.now();
      const isAgain = cursor.lostAt !== null && now - cursor.lostAt.getTime() < lostAgainMs;
      if (cursor.after === null || isAgain) {
        throw trouble(polling, 'requestRefused', 'WorkOS refuses the request', intervalMs);
      }
      const isLost = await loseEventCursor(store, cursor, new Date(now));
      // Not lost: another poller is further than the place that was refused here.
      if (isLost) reports.answered('cursorLost');
      return;
    }
    case 'keyRefused':
      throw trouble(polling, 'keyRefused', 'WorkOS refuses the API key', intervalMs);
    case 'rateLimited': {
      const pauseMs = Math.max(refused.retryAfterMs ?? rateLimitedPauseMs, 1000);
      throw trouble(polling, 'rateLimited', 'WorkOS asks for patience', pauseMs);
    }
    case 'uncertain':
      throw trouble(polling, 'uncertain', 'WorkOS gave no clear answer', refused.retryAfterMs);
  }
}

/** Whether an error was reported already, as what WorkOS answered. */
export function isTold(error: unknown): boolean {
  return error instanceof ApplicationFailure;
}

/** A failure that Temporal tries again: after `pauseMs`, or with the growing pauses of the profile. */
function trouble(
  { reports }: Polling,
  outcome: PollOutcome,
  message: string,
  pauseMs: number | null,
): ApplicationFailure {
  reports.answered(outcome);
  return ApplicationFailure.create({
    type: outcome,
    message,
    ...(pauseMs === null ? {} : { nextRetryDelay: pauseMs }),
  });
}

/**
 * Whether a page goes backwards through time. Reading on behind it would lead into the past and never to what
 * comes, so then the events count and the cursor stays.
 */
function isNewestFirst(items: readonly unknown[]): boolean {
  const times = items.map(timeOf).filter((ms) => ms !== null);
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  return first - last > orderSlackMs && times.every((ms, at) => ms <= (times[at - 1] ?? ms));
}

function timeOf(item: unknown): number | null {
  if (typeof item !== 'object' || item === null || !('created_at' in item)) return null;
  return typeof item.created_at === 'string' ? parseWorkosTime(item.created_at) : null;
}
