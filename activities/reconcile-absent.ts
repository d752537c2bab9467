import type { ReconcilePlace } from '../domain/reconciliation.ts';
import type { Version } from '../domain/versions.ts';
import { raiseMembersFloor } from '../intake/confirm-versions.ts';
import { versionOfAnswer } from '../intake/take-in-answer.ts';
import { nextGroupItem, noteItems, seenAmong } from '../platform/mongo/reconciled-items.ts';
import type { ReconciledItemDocument } from '../platform/mongo/reconciliation-documents.ts';
import type { Onward, Reconciling } from './reconcile-listed.ts';

/**
 * What the mirror has and no page showed. It is only noted here: a listing that shifted while it was read, or
 * left something out, must not make anybody leave. What is newer than the run was not missed by it.
 */

const batchSize = 500;
/** So long one step goes on, milliseconds: then it says where it is. */
const budgetMs = 5_000;

/** Notes the people who are in and were not listed. */
export async function noteAbsentUsers(
  run: Reconciling,
  { after }: Pick<ReconcilePlace, 'after'>,
): Promise<Onward> {
  const startedAtMs = await startedAt(run);
  return inBatches(after, async (from) => {
    const mirrors = await run.store.collections.directoryUsers
      .find({ directoryId: run.directoryId, ...(from === null ? {} : { _id: { $gt: from } }) })
      .sort({ _id: 1 })
      .limit(batchSize)
      .project<MirrorPart>({ 'records.id': 1, 'records.state': 1, 'records.version': 1 })
      .toArray();
    const known = mirrors
      .flatMap(({ records }) => records)
      .filter(({ state }) => state === 'active' || state === 'suspended')
      .filter(({ version }) => version.eventAtMs < startedAtMs)
      .map(({ id }) => id);
    const seen = await seenAmong(run.store, run.runId, 'user', known);
    await noteMissed(
      run,
      'user',
      known.filter((id) => !seen.has(id)),
    );
    return mirrors.length < batchSize ? null : (mirrors.at(-1)?._id ?? null);
  });
}

interface MirrorPart {
  _id: string;
  records: { id: string; state: string; version: Version }[];
}

/** Notes the groups that were not listed. */
export async function noteAbsentGroups(
  run: Reconciling,
  { after }: Pick<ReconcilePlace, 'after'>,
): Promise<Onward> {
  const startedAtMs = await startedAt(run);
  return inBatches(after, async (from) => {
    const groups = await run.store.collections.directoryGroups
      .find({ directoryId: run.directoryId, ...(from === null ? {} : { _id: { $gt: from } }) })
      .sort({ _id: 1 })
      .limit(batchSize)
      .toArray();
    const known = groups
      .filter(({ state }) => state === 'active')
      .filter(({ version }) => version === null || version.eventAtMs < startedAtMs)
      .map(({ _id }) => _id);
    const seen = await seenAmong(run.store, run.runId, 'group', known);
    await noteMissed(
      run,
      'group',
      known.filter((id) => !seen.has(id)),
    );
    return groups.length < batchSize ? null : (groups.at(-1)?._id ?? null);
  });
}

/**
 * Notes the people of one group whose membership was not listed, after no older telling about the group's
 * members counts any more: nothing outdated may slip in behind the comparison. What is just being written by
 * a transaction that began before that is left to the next one.
 */
export async function noteAbsentMembers(
  run: Reconciling,
  place: Pick<ReconcilePlace, 'groupId' | 'after'>,
): Promise<Onward> {
  if (place.groupId === null) await raiseAllFloors(run);
  const deadline = Date.now() + budgetMs;
  let group =
    place.groupId === null ? await nextRead(run, null) : await groupItem(run, place.groupId);
  let { after } = place;
  while (group !== null) {
    const { id } = group;
    after = await noteMissedMembers(run, group, after);
    if (after === null) group = await nextRead(run, id);
    if (Date.now() > deadline && group !== null) return { groupId: group.id, after };
  }
  return null;
}

type ReadGroup = ReconciledItemDocument & { membersAsOfMs: number };

/** One batch of a group's edges. Returns where to go on; null: the group is done. */
async function noteMissedMembers(
  run: Reconciling,
  { id: groupId, membersAsOfMs }: ReadGroup,
  after: string | null,
): Promise<string | null> {
  const edges = await run.store.collections.directoryEdges
    .find({ groupId, ...(after === null ? {} : { _id: { $gt: after } }) })
    .sort({ _id: 1 })
    .limit(batchSize)
    .toArray();
  const known = edges.filter(
    ({ present, version }) => present && version.eventAtMs < membersAsOfMs,
  );
  const seen = await seenAmong(
    run.store,
    run.runId,
    'edge',
    known.map(({ _id }) => _id),
  );
  const missed = known.filter(({ _id }) => !seen.has(_id));
  await noteMissed(
    run,
    'person',
    missed.map(({ directoryUserId }) => directoryUserId),
  );
  return edges.length < batchSize ? null : (edges.at(-1)?._id ?? null);
}

async function raiseAllFloors(run: Reconciling): Promise<void> {
  for (
    let group = await nextRead(run, null);
    group !== null;
    group = await nextRead(run, group.id)
  ) {
    await raiseMembersFloor(run.store, group.id, versionOfAnswer(group.membersAsOfMs));
  }
}

/** The next group whose members were read whole. */
async function nextRead(run: Reconciling, after: string | null): Promise<ReadGroup | null> {
  for (let from = after; ;) {
    const item = await nextGroupItem(run.store, run.runId, from);
    if (item === null) return null;
    if (wasRead(item)) return item;
    from = item.id;
  }
}

async function groupItem(run: Reconciling, groupId: string): Promise<ReadGroup | null> {
  const item = await run.store.collections.reconciledItems.findOne({
    runId: run.runId,
    kind: 'group',
    id: groupId,
  });
  return item !== null && wasRead(item) ? item : null;
}

function wasRead(item: ReconciledItemDocument): item is ReadGroup {
  return item.membersAsOfMs !== undefined;
}

async function noteMissed(
  { store, runId }: Reconciling,
  kind: ReconciledItemDocument['kind'],
  ids: readonly string[],
): Promise<void> {
  await noteItems(
    store,
    runId,
    [...new Set(ids)].map((id) => ({ kind, id, found: null, confirm: true as const })),
  );
}

/** Goes on until the time is up; null: everything was gone through. */
async function inBatches(
  after: string | null,
  batch: (after: string | null) => Promise<string | null>,
): Promise<Onward> {
  const deadline = Date.now() + budgetMs;
  for (let from = after; ;) {
    from = await batch(from);
    if (from === null) return null;
    if (Date.now() > deadline) return { groupId: null, after: from };
  }
}

async function startedAt({ store, runId }: Reconciling): Promise<number> {
  const run = await store.collections.reconciliations.findOne({ _id: runId });
  return run?.startedAt.getTime() ?? Number.NEGATIVE_INFINITY;
}
