import { z } from 'zod';

import { createWorkos, type WorkosAccess } from './client.ts';
import { refusalIn, refusingFetch } from './http-refusal.ts';

/** What is read: everything that Tenure applies. A name that is missing here only ever arrives by webhook. */
export const polledEvents = [
  'dsync.activated',
  'dsync.deleted',
  'dsync.user.created',
  'dsync.user.updated',
  'dsync.user.deleted',
  'dsync.group.created',
  'dsync.group.updated',
  'dsync.group.deleted',
  'dsync.group.user_added',
  'dsync.group.user_removed',
  'organization.deleted',
] as const;

/** The largest page that WorkOS gives. */
export const pageSize = 100;

/**
 * Where a page begins: after an event, or with the first event of a span of 30 days at most. Never both,
 * which WorkOS refuses.
 */
export type Position = { after: string } | { rangeStart: Date; rangeEnd: Date };

/** What the Events API answered. */
export type EventsAnswer =
  /** Oldest first. `next` is the position that WorkOS names for the next page; null at the end. */
  | { answer: 'page'; items: readonly unknown[]; next: string | null }
  /** 400, 404, 410 or 422: the position is unknown, or older than what WorkOS keeps. */
  | { answer: 'positionRefused' }
  /** 401 or 403. */
  | { answer: 'keyRefused' }
  | { answer: 'rateLimited'; retryAfterMs: number | null }
  /** Anything else: 5xx, no answer in time, no JSON, another shape. */
  | { answer: 'uncertain'; retryAfterMs: number | null };

export interface EventsApi {
  /** One page of at most {@link pageSize} events as they are on the wire. Never throws. */
  page(position: Position): Promise<EventsAnswer>;
}

const list = z.object({
  data: z.array(z.unknown()),
  list_metadata: z.object({ after: z.string().nullish() }).nullish(),
});

/**
 * The Events API through the real WorkOS client. `order` is never sent: the service answers oldest first
 * whatever it says, although its description names newest first as the default.
 */
export function createEventsApi(access: WorkosAccess): EventsApi {
  const workos = createWorkos(access, { fetchFn: refusingFetch });
  return {
    async page(position) {
      const query = { events: polledEvents.join(','), limit: pageSize, ...placeOf(position) };
      try {
        // The plain call keeps the wire shape, which is what a webhook carries too.
        const { data } = await workos.get('/events', { query });
        const parsed = list.safeParse(data);
        if (!parsed.success) return { answer: 'uncertain', retryAfterMs: null };
        const next = parsed.data.list_metadata?.after;
        return {
          answer: 'page',
          items: parsed.data.data,
          next: next === undefined || next === '' ? null : next,
        };
      } catch (error) {
        return answerOf(error);
      }
    },
  };
}

function placeOf(position: Position): Record<string, string> {
  if ('after' in position) return { after: position.after };
  return {
    range_start: position.rangeStart.toISOString(),
    range_end: position.rangeEnd.toISOString(),
  };
}

function answerOf(error: unknown): EventsAnswer {
  const { status = 0, retryAfterMs = null } = refusalIn(error) ?? {};
  switch (status) {
    case 400:
    case 404:
    case 410:
    case 422:
      return { answer: 'positionRefused' };
    case 401:
    case 403:
      return { answer: 'keyRefused' };
    case 429:
      return { answer: 'rateLimited', retryAfterMs };
    default:
      return { answer: 'uncertain', retryAfterMs };
  }
}
