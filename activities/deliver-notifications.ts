import { randomInt } from 'node:crypto';

import type { NotificationDocument } from '../platform/mongo/notification-document.ts';
import type { Store } from '../platform/mongo/store.ts';
import type { Notifier } from '../platform/outgoing/notifier.ts';
import {
  nextPending,
  pendingEndpoints,
  waitsUntil,
} from '../transitions/notifications/read-pending.ts';
import { recordDelivered, recordFailed } from '../transitions/notifications/record-delivery.ts';
import type { ActivityDeps } from './deps.ts';

/** Whom to tell of whom, and the workflow's time in milliseconds. Ids and times only. */
export interface DeliverRequest {
  userId: string;
  endpoint: string;
  nowMs: number;
}

/** One call goes on for so long; the rest is delivered by the next one. */
const longestCallMs = 30_000;
/** So many requests to one endpoint are under way at once from one process. */
const mostAtOnce = 20;
/** Those who found no place come back one after another, and none so late that it would look forgotten. */
const turns = { everyMs: 50, notBeforeMs: 12_500, notAfterMs: 50_000 };
/** While Tenure only observes, nobody is told: what is left waits until it is live. */
const idlePauseMs = 10 * 60 * 1000;

/** The endpoints that have to be told something of the user. */
export function createPendingEndpoints({ store }: ActivityDeps) {
  return async ({ userId }: { userId: string }): Promise<string[]> =>
    pendingEndpoints(store, userId);
}

/**
 * Tells one endpoint what it was not told yet of one user, in order, and stops at the first that it does not
 * take. Delivery is at least once: what was told and not written down is told again, with the same id.
 *
 * Returns when to go on, by the workflow's time in milliseconds; null: the endpoint was told everything.
 *
 * An endpoint that is slow for everybody must not take every place of the process: beyond a number of requests
 * it is asked again 10 to 60 seconds later, the later the more wait for it, which counts as no try.
 */
export function createDeliver(deps: ActivityDeps) {
  const underWay = new Map<string, number>();
  const nextTurn = createTurns();
  return async ({ userId, endpoint, nowMs }: DeliverRequest): Promise<number | null> => {
    const { store, notifier } = deps;
    if (notifier === undefined) return pausedUntil(store, userId, endpoint, nowMs + idlePauseMs);
    const busy = underWay.get(endpoint) ?? 0;
    if (busy >= mostAtOnce) {
      return pausedUntil(store, userId, endpoint, nowMs + nextTurn(endpoint));
    }
    underWay.set(endpoint, busy + 1);
    try {
      return await deliverAll(deps, notifier, { userId, endpoint, nowMs });
    } finally {
      underWay.set(endpoint, (underWay.get(endpoint) ?? 1) - 1);
    }
  };
}

/**
 * How long whoever found no place waits: a turn of its own behind those who found none before, give or take a
 * fifth. With one short wait for everybody, ten thousand users of a slow endpoint would ask some thousand times
 * a second, and each time in vain.
 */
function createTurns(): (endpoint: string) => number {
  const lastTurns = new Map<string, number>();
  return (endpoint) => {
    const now = performance.now();
    const behind = (lastTurns.get(endpoint) ?? 0) + turns.everyMs - now;
    const waitMs = Math.min(turns.notAfterMs, Math.max(turns.notBeforeMs, behind));
    lastTurns.set(endpoint, now + waitMs);
    return Math.round((waitMs * randomInt(80, 121)) / 100);
  };
}

async function deliverAll(
  deps: ActivityDeps,
  notifier: Notifier,
  { userId, endpoint, nowMs }: DeliverRequest,
): Promise<number | null> {
  const { store } = deps;
  const begunAt = performance.now();
  for (;;) {
    const next = await nextPending(store, userId, endpoint);
    if (next === null) return null;
    const passedMs = Math.floor(performance.now() - begunAt);
    if (passedMs > longestCallMs) return nowMs + passedMs;
    if (next.nextAt !== null && next.nextAt.getTime() > nowMs + passedMs) {
      return pausedUntil(store, userId, endpoint, next.nextAt.getTime());
    }
    const retryAtMs = await deliverOne(deps, notifier, next, nowMs + passedMs);
    if (retryAtMs !== null) return pausedUntil(store, userId, endpoint, retryAtMs);
  }
}

/** Returns when it is tried again; null: it was delivered, or is not tried any more. */
async function deliverOne(
  { store, file, onTold }: ActivityDeps,
  notifier: Notifier,
  notification: NotificationDocument,
  nowMs: number,
): Promise<number | null> {
  const { _id, endpoint, type } = notification;
  const outcome = await notifier.tell(endpoint, _id, await payloadOf(store, notification));
  if (outcome.delivered) {
    // Only the answer to this one says who the user is to the host application.
    const hostUserId = type === 'user.provisioned' ? outcome.hostUserId : null;
    await recordDelivered(store, file, notification, { nowMs, status: outcome.status, hostUserId });
    onTold?.('delivered');
    return null;
  }
  const { isDead, retryAtMs } = await recordFailed(store, notification, { nowMs, ...outcome });
  onTold?.(isDead ? 'dead' : 'failed');
  return retryAtMs;
}

async function pausedUntil(
  store: Store,
  userId: string,
  endpoint: string,
  untilMs: number,
): Promise<number> {
  await waitsUntil(store, { userId, endpoint }, untilMs);
  return untilMs;
}

/** Standard Webhooks' payload. Whoever wants to know more than ids and enums asks the API. */
async function payloadOf(store: Store, notification: NotificationDocument): Promise<object> {
  const { type, at, userId, organizationId, membershipId, sequence, data } = notification;
  const user = await store.collections.users.findOne(
    { _id: userId },
    { projection: { hostUserId: 1 } },
  );
  const hostUserId = user?.hostUserId ?? notification.hostUserId ?? null;
  return {
    type,
    timestamp: at.toISOString(),
    data: { userId, hostUserId, organizationId, membershipId, sequence, ...data },
  };
}
