import type { ReconcileCounts, ReconcileTally } from '../../domain/reconciliation.ts';
import type { ReconciledItemDocument, ReconciledKind } from './reconciliation-documents.ts';
import type { Store } from './store.ts';

/* What a run of reconciliation saw and what it misses: in MongoDB, since Temporal keeps what it is given. */

/** What is noted of one thing. */
export type Noted = Pick<ReconciledItemDocument, 'kind' | 'id' | 'found'> &
  Partial<Pick<ReconciledItemDocument, 'confirm'>>;

function itemId(runId: string, kind: ReconciledKind, id: string): string {
  return `${runId}/${kind}/${id}`;
}

/**
 * Notes what was found. What differed once stays so: a step that is repeated after a crash finds the same as
 * what it took in itself before.
 */
export async function noteItems(
  store: Store,
  runId: string,
  items: readonly Noted[],
): Promise<void> {
  if (items.length === 0) return;
  const at = new Date();
  await store.collections.reconciledItems.bulkWrite(
    items.map(({ kind, id, found, confirm }) => {
      const isNews = found !== null && found !== 'same';
      const set = { ...(isNews ? { found } : {}), ...(confirm === true ? { confirm } : {}) };
      return {
        updateOne: {
          filter: { _id: itemId(runId, kind, id) },
          update: {
            $setOnInsert: { runId, kind, id, at, ...(isNews ? {} : { found }) },
            ...(Object.keys(set).length === 0 ? {} : { $set: set }),
          },
          upsert: true,
        },
      };
    }),
    { ordered: false },
  );
}

/** Which of these the run has seen listed. */
export async function seenAmong(
  store: Store,
  runId: string,
  kind: ReconciledKind,
  ids: readonly string[],
): Promise<Set<string>> {
  const found = await store.collections.reconciledItems
    .find({ _id: { $in: ids.map((id) => itemId(runId, kind, id)) } })
    .project<{ id: string }>({ id: 1 })
    .toArray();
  return new Set(found.map(({ id }) => id));
}

/** The next group that the run has seen, or misses, in the order of ids. */
export async function nextGroupItem(
  store: Store,
  runId: string,
  after: string | null,
): Promise<ReconciledItemDocument | null> {
  return store.collections.reconciledItems.findOne(
    {
      _id: { $gt: itemId(runId, 'group', after ?? ''), $lt: itemId(runId, 'group', '\uffff') },
      found: { $ne: 'unreadable' },
    },
    { sort: { _id: 1 } },
  );
}

/** When the members of a group began to be read: what is newer than that, the listing does not tell. */
export async function noteMembersAsked(
  store: Store,
  runId: string,
  groupId: string,
  asOfMs: number,
): Promise<void> {
  await store.collections.reconciledItems.updateOne(
    { _id: itemId(runId, 'group', groupId) },
    { $set: { membersAsOfMs: asOfMs } },
  );
}

/** Those that are to be asked about by their id, in order. */
export async function itemsToConfirm(
  store: Store,
  runId: string,
  after: string | null,
  limit: number,
): Promise<ReconciledItemDocument[]> {
  return store.collections.reconciledItems
    .find({ runId, confirm: true, ...(after === null ? {} : { _id: { $gt: after } }) })
    .sort({ _id: 1 })
    .limit(limit)
    .toArray();
}

/** An item was asked about: what came of it. */
export async function settleItem(
  store: Store,
  { _id }: Pick<ReconciledItemDocument, '_id'>,
  found: ReconciledItemDocument['found'],
): Promise<void> {
  await store.collections.reconciledItems.updateOne(
    { _id },
    { $set: { found }, $unset: { confirm: '' } },
  );
}

/** Counts what a run found. */
export async function countItems(store: Store, runId: string): Promise<ReconcileCounts> {
  const rows = await store.collections.reconciledItems
    .aggregate<{ _id: Pick<ReconciledItemDocument, 'kind' | 'found'>; count: number }>([
      { $match: { runId } },
      { $group: { _id: { kind: '$kind', found: '$found' }, count: { $sum: 1 } } },
    ])
    .toArray();
  const count = (kind: ReconciledKind | null, found: ReconciledItemDocument['found']): number =>
    rows
      .filter(({ _id }) => _id.found === found && (kind === null || _id.kind === kind))
      .reduce((sum, row) => sum + row.count, 0);
  const tally = (kind: ReconciledKind): ReconcileTally => {
    const [added, changed] = [count(kind, 'added'), count(kind, 'changed')];
    return {
      seen: count(kind, 'same') + added + changed,
      added,
      changed,
      absent: count(kind, 'absent'),
    };
  };
  return {
    users: tally('user'),
    groups: tally('group'),
    edges: tally('edge'),
    unreadable: count(null, 'unreadable'),
    newer: count(null, 'newer'),
  };
}
