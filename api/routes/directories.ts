import { z } from 'zod';

import { reconcileStops } from '../../domain/reconciliation.ts';
import type { DirectoryDocument } from '../../platform/mongo/documents.ts';
import type { ReconciliationDocument } from '../../platform/mongo/reconciliation-documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { wantReconciliation } from '../../transitions/organization/want-reconciliation.ts';
import { id, standingReason, time, timeText } from '../fields.ts';
import { afterId, pageById, pageOf, pageQuery } from '../paging.ts';
import { defineRoute, noBody, nothing, oneId } from '../route.ts';

const tally = z
  .strictObject({ seen: z.int(), added: z.int(), changed: z.int(), absent: z.int() })
  .meta({ id: 'ReconciliationTally' });

const reconciliationShape = z
  .strictObject({
    id,
    startedAt: time,
    finishedAt: z.nullable(time),
    outcome: z.enum(['running', 'complete', 'stopped']),
    stopped: z.nullable(z.enum(reconcileStops)).meta({
      description: 'Why it stopped before its end; nothing was taken for absent then.',
    }),
    counts: z.nullable(
      z.strictObject({
        users: tally,
        groups: tally,
        edges: tally,
        unreadable: z.int(),
        newer: z.int(),
      }),
    ),
  })
  .meta({ id: 'Reconciliation' });

const directoryShape = z
  .strictObject({
    id,
    organizationId: id,
    type: z.nullable(z.string()),
    name: z.nullable(z.string()),
    state: z.string().meta({
      description:
        'As WorkOS tells it; `unannounced` where people came before the directory, `deleted` after its end.',
    }),
    directoryUsers: z.int().meta({ description: 'People known from it, in whatever state.' }),
    lastAnnouncedAt: z.nullable(time),
    createdAt: time,
    deletedAt: z.nullable(time),
    reconcileWantedAt: z.nullable(time).meta({
      description:
        'A full comparison with WorkOS is to begin then, or as soon as the one under way is over.',
    }),
    lastReconciliation: z.nullable(reconciliationShape),
  })
  .meta({ id: 'Directory' });

/** `GET /v1/directories` */
export const listDirectoriesRoute = defineRoute({
  method: 'get',
  path: '/v1/directories',
  summary: 'List the connected directories and how they fare',
  auth: 'admin',
  request: {
    params: nothing,
    query: z.strictObject({ ...pageQuery, organizationId: id.optional() }),
    body: noBody,
  },
  responses: { 200: pageOf(directoryShape) },
  async handler({ query: { organizationId, limit, cursor } }, { store }) {
    const found = store().collections.directories.find({
      ...(organizationId === undefined ? {} : { organizationId }),
      ...afterId(cursor),
    });
    const { entries, next } = await pageById(found, limit);
    const data = await Promise.all(entries.map(async (entry) => present(store(), entry)));
    return { status: 200, body: { data, next } };
  },
});

/** `POST /v1/directories/{id}/reconcile` */
export const reconcileDirectoryRoute = defineRoute({
  method: 'post',
  path: '/v1/directories/{id}/reconcile',
  summary: 'Compare a whole directory with WorkOS, and repair what differs',
  description:
    'Works while Temporal is down: it begins as soon as a worker can start it, and after one that is under way. ' +
    'What it found is the `lastReconciliation` of the directory.',
  auth: 'admin',
  request: {
    params: oneId,
    query: nothing,
    body: z.strictObject({ reason: standingReason }),
  },
  responses: { 202: directoryShape },
  async handler({ params, body, caller }, { store }) {
    const directory = await wantReconciliation(store(), params.id, {
      by: caller.actor,
      reason: body.reason ?? null,
    });
    return { status: 202, body: await present(store(), directory) };
  },
});

async function present(
  store: Store,
  directory: DirectoryDocument,
): Promise<z.input<typeof directoryShape>> {
  return {
    id: directory._id,
    organizationId: directory.organizationId,
    type: directory.type,
    name: directory.name,
    state: directory.state,
    // The type test makes the count eligible for the partial index; forgotten people have no `idpId`.
    directoryUsers: await store.collections.directoryUsers.countDocuments({
      directoryId: directory._id,
      idpId: { $type: 'string' },
    }),
    lastAnnouncedAt: directory.eventAtMs === 0 ? null : timeText(new Date(directory.eventAtMs)),
    createdAt: directory.createdAt.toISOString(),
    deletedAt: timeText(directory.deletedAt),
    reconcileWantedAt: timeText(directory.reconcileWantedAt ?? null),
    lastReconciliation: presentRun(
      await store.collections.reconciliations.findOne(
        { directoryId: directory._id },
        { sort: { startedAt: -1 } },
      ),
    ),
  };
}

function presentRun(
  run: ReconciliationDocument | null,
): z.input<typeof reconciliationShape> | null {
  if (run === null) return null;
  const { _id, startedAt, finishedAt, outcome, stopped, counts } = run;
  return {
    id: _id,
    startedAt: startedAt.toISOString(),
    finishedAt: timeText(finishedAt),
    outcome,
    stopped,
    counts: counts === null ? null : { ...counts },
  };
}
