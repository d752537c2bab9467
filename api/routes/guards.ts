import { z } from 'zod';

import { Refusal } from '../../domain/errors.ts';
import type { GuardDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { approveGuard, rejectGuard } from '../../transitions/guards/decide-guard.ts';
import { standingAt, waitingAt } from '../../transitions/guards/wait-at-guard.ts';
import type { ApiDeps } from '../deps.ts';
import { id, standingReason, time, timeText } from '../fields.ts';
import { afterId, before, newestFirst, pageById, pageOf, pageQuery } from '../paging.ts';
import { defineRoute, noBody, nothing, oneId } from '../route.ts';
import type { ReasonText } from '../shapes/reason.ts';
import { readReasons } from './read-people.ts';

const states = ['open', 'approved', 'rejected', 'withdrawn'] as const;
const kinds = ['mass', 'configuration', 'teardown'] as const;

const guardShape = z
  .strictObject({
    id,
    organizationId: id,
    directoryId: z.nullable(id),
    kind: z.enum(kinds).meta({
      description:
        'mass: many people of one directory left within a window. configuration, teardown: the endings of one change, however few.',
    }),
    state: z
      .enum(states)
      .meta({ description: 'withdrawn: everybody came back before anybody decided.' }),
    changedBy: z.nullable(z.string()).meta({
      description:
        'Of configuration and teardown, who made the change: `admin:<key name>`, `hostFile` (its defaults), or `directory`.',
    }),
    openedAt: time,
    waiting: z.int().meta({ description: 'How many people wait at it now.' }),
    approvals: z
      .array(z.strictObject({ by: z.string(), at: time, reason: z.nullable(z.string()) }))
      .meta({ description: 'Who approved so far, when and why, in order.' }),
    decidedBy: z.nullable(z.string()),
    decidedAt: z.nullable(time),
    reason: z.nullable(z.string()),
  })
  .meta({ id: 'Guard' });

const decision = z.strictObject({ reason: standingReason });

/** `GET /v1/guards` */
export const listGuardsRoute = defineRoute({
  method: 'get',
  path: '/v1/guards',
  summary: 'List the mass changes that wait for a decision, and those that were decided',
  description: 'Newest first. A change that ends nobody’s access has no guard here.',
  auth: 'admin',
  request: {
    params: nothing,
    query: z.strictObject({
      ...pageQuery,
      organizationId: id.optional(),
      state: z.enum(states).optional(),
    }),
    body: noBody,
  },
  responses: { 200: pageOf(guardShape) },
  async handler({ query: { organizationId, state, limit, cursor } }, { store }) {
    const found = store().collections.guards.find({
      shown: true,
      ...(organizationId === undefined ? {} : { organizationId }),
      ...(state === undefined ? {} : { state }),
      ...before('openedAt', cursor),
    });
    const { entries, next } = await newestFirst(found, 'openedAt', limit);
    return { status: 200, body: { data: await presentAll(store(), entries), next } };
  },
});

/** `GET /v1/guards/{id}` */
export const getGuardRoute = defineRoute({
  method: 'get',
  path: '/v1/guards/{id}',
  summary: 'Read one guard',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: noBody },
  responses: { 200: guardShape },
  async handler({ params }, { store }) {
    const guard = await guardById(store(), params.id);
    return { status: 200, body: await presentOne(store(), guard) };
  },
});

const standings = ['waits', 'approved', 'rejected'] as const;

const standing = z.strictObject({ membershipId: id, userId: id }).meta({ id: 'GuardedMembership' });

/** `GET /v1/guards/{id}/memberships` */
export const listGuardedRoute = defineRoute({
  method: 'get',
  path: '/v1/guards/{id}/memberships',
  summary: 'List who waits at a guard, or whom its decision reached',
  description: 'Ids only. Whoever came back stands at no guard any more.',
  auth: 'admin',
  request: {
    params: oneId,
    query: z.strictObject({ ...pageQuery, state: z.enum(standings).default('waits') }),
    body: noBody,
  },
  responses: { 200: pageOf(standing) },
  async handler({ params, query: { state, limit, cursor } }, { store }) {
    const after = afterId(cursor);
    await guardById(store(), params.id);
    const found = store()
      .collections.memberships.find({ ...standingAt(params.id, state), ...after })
      .project<{ _id: string; userId: string }>({ userId: 1 });
    const { entries, next } = await pageById(found, limit);
    const data = entries.map(({ _id, userId }) => ({ membershipId: _id, userId }));
    return { status: 200, body: { data, next } };
  },
});

/** `POST /v1/guards/{id}/approve` */
export const approveGuardRoute = defineRoute({
  method: 'post',
  path: '/v1/guards/{id}/approve',
  summary: 'Approve: ownership transfer and cooling-off go on for everybody who waits',
  description:
    'Where two admin keys or more exist, two of them must approve: the first answer is 202. Nothing is due sooner than `graceDays` afterwards.',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: decision },
  responses: { 200: guardShape, 202: guardShape },
  async handler({ params, body, caller }, { store, settings }) {
    const guard = await approveGuard(store(), {
      guardId: params.id,
      by: caller.actor,
      reason: body.reason ?? null,
      admins: adminsOf(settings),
    });
    const shown = await presentOne(store(), guard);
    return guard.state === 'open' ? { status: 202, body: shown } : { status: 200, body: shown };
  },
});

/** `POST /v1/guards/{id}/reject` */
export const rejectGuardRoute = defineRoute({
  method: 'post',
  path: '/v1/guards/{id}/reject',
  summary: 'Reject: whom the directory still knows is restored, everybody else is retained',
  description: 'One admin is enough. Configuration is written back as it was before the change.',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: decision },
  responses: { 200: guardShape },
  async handler({ params, body, caller }, { store }) {
    const guard = await rejectGuard(store(), {
      guardId: params.id,
      by: caller.actor,
      reason: body.reason ?? null,
    });
    return { status: 200, body: await presentOne(store(), guard) };
  },
});

/** Several keys of one name are one admin, as while a key is rotated. */
function adminsOf({ keys }: ApiDeps['settings']): number {
  return new Set(keys.admin.map(({ name }) => name)).size;
}

async function guardById(store: Store, guardId: string): Promise<GuardDocument> {
  const guard = await store.collections.guards.findOne({ _id: guardId });
  if (guard === null) throw new Refusal('notFound', 'There is no such guard.');
  return guard;
}

async function presentAll(
  store: Store,
  guards: GuardDocument[],
): Promise<z.input<typeof guardShape>[]> {
  const reasonText = await readReasons(store, guards.flatMap(reasonIdsOf));
  return Promise.all(guards.map(async (guard) => present(store, guard, reasonText)));
}

async function presentOne(store: Store, guard: GuardDocument): Promise<z.input<typeof guardShape>> {
  return present(store, guard, await readReasons(store, reasonIdsOf(guard)));
}

function reasonIdsOf({ approvals, reasonId }: GuardDocument): (string | null)[] {
  return [...approvals.map((approval) => approval.reasonId), reasonId];
}

async function present(
  store: Store,
  guard: GuardDocument,
  reasonText: ReasonText,
): Promise<z.input<typeof guardShape>> {
  return {
    id: guard._id,
    organizationId: guard.organizationId,
    directoryId: guard.directoryId,
    kind: guard.kind,
    state: guard.state,
    changedBy: guard.changedBy ?? null,
    openedAt: guard.openedAt.toISOString(),
    waiting: await store.collections.memberships.countDocuments(waitingAt(guard._id)),
    approvals: guard.approvals.map(({ by, at, reasonId }) => ({
      by,
      at: at.toISOString(),
      reason: reasonText(reasonId),
    })),
    decidedBy: guard.decidedBy,
    decidedAt: timeText(guard.decidedAt),
    reason: reasonText(guard.reasonId),
  };
}
