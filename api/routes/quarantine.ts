import { z } from 'zod';

import { retryEvent } from '../../intake/retry-event.ts';
import type { InboxDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { discardEvent } from '../../transitions/discard-event.ts';
import { id, time, timeText } from '../fields.ts';
import { before, newestFirst, pageOf, pageQuery } from '../paging.ts';
import { defineRoute, noBody, nothing, oneId, onlyReason } from '../route.ts';
import type { ReasonText } from '../shapes/reason.ts';
import { repairOf, repairOfProblem } from '../shapes/repair.ts';
import { readReasons } from './read-people.ts';

/** How long a retry may take: nobody's webhook waits for it. */
const retryTimeoutMs = 10_000;

const outcomes = ['applied', 'stale', 'recorded', 'stored', 'quarantined', 'discarded'] as const;

const quarantined = z
  .strictObject({
    id,
    event: z.string(),
    organizationId: z.nullable(id),
    eventAt: z.nullable(time),
    receivedAt: time,
    outcome: z.enum(outcomes),
    problems: z.array(z.strictObject({ path: z.string(), code: z.string(), repair: z.string() })),
    bodyExpiresAt: z.nullable(time),
    repair: z.string(),
    handledBy: z.nullable(z.string()),
    handledAt: z.nullable(time),
    reason: z.nullable(z.string()),
  })
  .meta({ id: 'QuarantinedEvent' });

/** `GET /v1/quarantine` */
export const listQuarantineRoute = defineRoute({
  method: 'get',
  path: '/v1/quarantine',
  summary: 'List events that were stored but could not be applied',
  description: 'Paths and codes of what did not fit, each with its repair; never the values.',
  auth: 'admin',
  request: { params: nothing, query: z.strictObject(pageQuery), body: noBody },
  responses: { 200: pageOf(quarantined) },
  async handler({ query: { limit, cursor } }, { store }) {
    const found = store().collections.inbox.find(
      { outcome: 'quarantined', ...before('receivedAt', cursor) },
      { projection: { body: 0 } },
    );
    const { entries, next } = await newestFirst(found, 'receivedAt', limit);
    const reasonText = await readReasons(store(), entries.map(reasonIdOf));
    const data = entries.map((entry) => present(entry, reasonText));
    return { status: 200, body: { data, next } };
  },
});

/** `POST /v1/quarantine/{id}/retry` */
export const retryQuarantinedRoute = defineRoute({
  method: 'post',
  path: '/v1/quarantine/{id}/retry',
  summary: 'Take a stored event through the intake again, after its repair or an upgrade',
  description:
    'It keeps its own time, so whatever newer was told meanwhile stays. 409 notQuarantined where it was ' +
    'applied or discarded before; bodyGone where its body is not kept any more; stillQuarantined where it ' +
    'still cannot be applied; unknownType where this version does not know its type.',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: onlyReason },
  responses: { 200: quarantined },
  async handler(given, { store, signals, hostFile, newUserId, settings }) {
    const { applied, entry } = await retryEvent(
      store(),
      {
        eventId: given.params.id,
        by: given.caller.actor,
        reason: given.body.reason ?? null,
      },
      {
        file: hostFile,
        newUserId,
        bodyDays: settings.inboxBodyDays,
        timeoutMs: retryTimeoutMs,
      },
    );
    const { organizationId } = applied;
    signals.lookAgain(applied.urgent.map((membershipId) => ({ membershipId, organizationId })));
    return { status: 200, body: await presentOne(store(), entry) };
  },
});

/** `POST /v1/quarantine/{id}/discard` */
export const discardQuarantinedRoute = defineRoute({
  method: 'post',
  path: '/v1/quarantine/{id}/discard',
  summary: 'Give up an event that could not be applied: its body goes, that it came stays known',
  description: '409 notQuarantined where it was applied or discarded before.',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: onlyReason },
  responses: { 200: quarantined },
  async handler(given, { store }) {
    const entry = await discardEvent(store(), {
      eventId: given.params.id,
      by: given.caller.actor,
      reason: given.body.reason ?? null,
    });
    return { status: 200, body: await presentOne(store(), entry) };
  },
});

async function presentOne(
  store: Store,
  entry: InboxDocument,
): Promise<z.input<typeof quarantined>> {
  return present(entry, await readReasons(store, [reasonIdOf(entry)]));
}

function reasonIdOf({ handled }: InboxDocument): string | null {
  return handled?.reasonId ?? null;
}

function present(entry: InboxDocument, reasonText: ReasonText): z.input<typeof quarantined> {
  const problems = entry.problems ?? [];
  return {
    id: entry._id,
    event: entry.event,
    organizationId: entry.organizationId,
    eventAt: timeText(entry.eventAt),
    receivedAt: entry.receivedAt.toISOString(),
    outcome: entry.outcome,
    problems: problems.map(({ path, code }) => ({
      path,
      code,
      repair: repairOfProblem({ path, code }),
    })),
    bodyExpiresAt: timeText(entry.bodyExpiresAt ?? null),
    repair: repairOf(problems),
    handledBy: entry.handled?.by ?? null,
    handledAt: timeText(entry.handled?.at ?? null),
    reason: reasonText(reasonIdOf(entry)),
  };
}
