import {
  differs,
  mayHeal,
  type ReconcileCounts,
  type ReconcileStop,
} from '../../domain/reconciliation.ts';
import { countItems } from '../../platform/mongo/reconciled-items.ts';
import type { ReconciliationDocument } from '../../platform/mongo/reconciliation-documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { notice } from '../notice.ts';

/** A run that stopped for something that may heal by itself is wanted again after this time. */
const againAfterMs = 15 * 60 * 1000;

export interface RunOf {
  runId: string;
  directoryId: string;
}

/**
 * Begins a run: writes it down, and takes the request for it away, unless another one came since. Safe to
 * repeat. Returns null for a directory that is not there, or not any more: then nothing is to be done.
 */
export async function beginReconciliation(
  store: Store,
  { runId, directoryId }: RunOf,
): Promise<ReconciliationDocument | null> {
  const { directories, reconciliations } = store.collections;
  const directory = await directories.findOne({ _id: directoryId });
  if (directory === null) return null;
  const { reconcileWantedAt, reconcileAsked } = directory;
  const begun =
    directory.deletedAt === null
      ? await reconciliations.findOneAndUpdate(
          { _id: runId },
          {
            $setOnInsert: {
              directoryId,
              organizationId: directory.organizationId,
              startedAt: new Date(),
              asked: reconcileAsked ?? null,
              finishedAt: null,
              outcome: 'running',
              stopped: null,
              counts: null,
            },
          },
          { upsert: true, returnDocument: 'after' },
        )
      : null;
  await abandonOthers(store, { runId, directoryId });
  if (reconcileWantedAt !== undefined) {
    await directories.updateOne(
      { _id: directoryId, reconcileWantedAt },
      { $unset: { reconcileWantedAt: '', reconcileAsked: '' } },
    );
  }
  return begun;
}

/** There is one run of a directory at a time: an older one that never said how it ended was ended by hand. */
async function abandonOthers(store: Store, { runId, directoryId }: RunOf): Promise<void> {
  await store.collections.reconciliations.updateMany(
    { directoryId, finishedAt: null, _id: { $ne: runId } },
    { $set: { finishedAt: new Date(), outcome: 'stopped', stopped: 'abandoned' } },
  );
}

/**
 * Writes down how a run ended and what it found, with a notice where anything differed or it stopped. Safe to
 * repeat. `stopped` null: it came to its end.
 */
export async function finishReconciliation(
  store: Store,
  { runId, directoryId, stopped }: RunOf & { stopped: ReconcileStop | null },
): Promise<ReconcileCounts | null> {
  const { reconciliations, reconciledItems } = store.collections;
  const run = await reconciliations.findOne({ _id: runId });
  if (run === null || run.finishedAt !== null) return null;
  const counts = await countItems(store, runId);
  await inTransaction(store, async (tx) => {
    const { modifiedCount } = await tx.collections.reconciliations.updateOne(
      { _id: runId, finishedAt: null },
      {
        $set: {
          finishedAt: tx.at,
          outcome: stopped === null ? 'complete' : 'stopped',
          stopped,
          counts,
        },
      },
      { session: tx.session },
    );
    if (modifiedCount === 0 || (stopped === null && !differs(counts))) return;
    const { organizationId } = run;
    await notice(tx, 'reconciled', { organizationId, directoryId, subjectId: runId });
  });
  // Most of what was seen; what differed stays for a while, by its id.
  await reconciledItems.deleteMany({ runId, found: 'same' });
  if (stopped !== null && mayHeal(stopped)) await wantLater(store, directoryId);
  return counts;
}

async function wantLater(store: Store, directoryId: string): Promise<void> {
  await store.collections.directories.updateOne(
    { _id: directoryId, deletedAt: null, reconcileWantedAt: { $exists: false } },
    { $set: { reconcileWantedAt: new Date(Date.now() + againAfterMs) } },
  );
}
