import { z } from 'zod';

import type { HoldDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { holdKinds } from '../../domain/words.ts';
import { placeHold } from '../../transitions/holds/place-hold.ts';
import { releaseHold } from '../../transitions/holds/release-hold.ts';
import type { ApiDeps } from '../deps.ts';
import { holdReason, id } from '../fields.ts';
import { afterId, pageById, pageOf, pageQuery } from '../paging.ts';
import { defineRoute, noBody, nothing, oneId } from '../route.ts';
import { holdScope, holdShape, presentHold } from '../shapes/hold.ts';
import { readReasons } from './read-people.ts';

/** `GET /v1/holds` */
export const listHoldsRoute = defineRoute({
  method: 'get',
  path: '/v1/holds',
  summary: 'List holds, also released ones',
  auth: 'admin',
  request: {
    params: nothing,
    query: z.strictObject({
      ...pageQuery,
      userId: id.optional(),
      organizationId: id.optional(),
      state: z.enum(['active', 'released']).optional(),
    }),
    body: noBody,
  },
  responses: { 200: pageOf(holdShape) },
  async handler({ query: { userId, organizationId, state, limit, cursor } }, { store }) {
    const found = store().collections.holds.find({
      ...(userId === undefined ? {} : { 'scope.userId': userId }),
      ...(organizationId === undefined ? {} : { 'scope.organizationId': organizationId }),
      ...(state === undefined ? {} : { releasedAt: state === 'active' ? null : { $ne: null } }),
      ...afterId(cursor),
    });
    const { entries, next } = await pageById(found, limit);
    return { status: 200, body: { data: await presentHolds(store(), entries), next } };
  },
});

/** `POST /v1/holds` */
export const placeHoldRoute = defineRoute({
  method: 'post',
  path: '/v1/holds',
  summary:
    'Place a legal, audit or investigation hold: nothing irreversible happens to what it covers',
  description:
    'It never stops a revocation. After the commit point of an erasure: 409 erasureStarted.',
  auth: 'admin',
  request: {
    params: nothing,
    query: nothing,
    body: z.strictObject({ scope: holdScope, kind: z.enum(holdKinds), reason: holdReason }),
  },
  responses: { 201: holdShape },
  async handler({ body, caller }, deps) {
    const hold = await placeHold(deps.store(), {
      scope: body.scope,
      kind: body.kind,
      reason: body.reason ?? null,
      by: caller.actor,
    });
    return { status: 201, body: await afterChange(hold, deps) };
  },
});

/** `POST /v1/holds/{id}/release` */
export const releaseHoldRoute = defineRoute({
  method: 'post',
  path: '/v1/holds/{id}/release',
  summary: 'Release a hold; what it blocked goes on',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: z.strictObject({ reason: holdReason }) },
  responses: { 200: holdShape },
  async handler({ params, body, caller }, deps) {
    const hold = await releaseHold(deps.store(), {
      holdId: params.id,
      by: caller.actor,
      reason: body.reason ?? null,
    });
    return { status: 200, body: await afterChange(hold, deps) };
  },
});

/**
 * Signals the few lifecycles of a person at once. A whole organization's are raised by the dispatchers;
 * whose a resource is, the check before an erasure asks the host application.
 */
async function afterChange(
  hold: HoldDocument,
  { store, signals }: ApiDeps,
): Promise<z.input<typeof holdShape>> {
  if ('userId' in hold.scope) {
    const concerned = await store()
      .collections.memberships.find({ userId: hold.scope.userId })
      .limit(100)
      .project<{ _id: string; organizationId: string }>({ organizationId: 1 })
      .toArray();
    signals.lookAgain(
      concerned.map(({ _id, organizationId }) => ({ membershipId: _id, organizationId })),
    );
  }
  return presentHold(hold, await readReasons(store(), [hold.reasonId]));
}

async function presentHolds(
  store: Store,
  holds: HoldDocument[],
): Promise<z.input<typeof holdShape>[]> {
  const reasonText = await readReasons(
    store,
    holds.map(({ reasonId }) => reasonId),
  );
  return holds.map((hold) => presentHold(hold, reasonText));
}
