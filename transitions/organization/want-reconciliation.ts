import { Refusal } from '../../domain/errors.ts';
import type { DirectoryDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { keepReason } from '../reasons.ts';

/**
 * Asks for a full comparison of a directory with WorkOS. A standing fact: a worker starts the run, also if
 * Temporal is down now, and a request that comes while a run is under way is answered by the next one.
 *
 * @throws Refusal `notFound`, `directoryDeleted`
 */
export async function wantReconciliation(
  store: Store,
  directoryId: string,
  { by, reason }: { by: string; reason: string | null },
): Promise<DirectoryDocument> {
  return inTransaction(store, async (tx) => {
    const { session, at } = tx;
    const { directories } = tx.collections;
    const directory = await directories.findOne({ _id: directoryId }, { session });
    if (directory === null) {
      throw new Refusal('notFound', 'There is no such directory.');
    }
    if (directory.deletedAt !== null) {
      throw new Refusal('directoryDeleted', 'The directory was deleted; there is nothing to read.');
    }
    const wanted = {
      reconcileWantedAt: at,
      reconcileAsked: { by, at, reasonId: await keepReason(tx, reason, null) },
    };
    await directories.updateOne({ _id: directoryId }, { $set: wanted }, { session });
    return { ...directory, ...wanted };
  });
}

const spreadPerDirectoryMs = 2000;
const longestSpreadMs = 60 * 60 * 1000;

/**
 * Asks for a comparison of every directory that is not deleted and waits for none yet: spread over two
 * seconds each, an hour at most, so that one which an admin asks for does not queue behind thousands.
 * Returns how many were asked for.
 */
export async function wantAllReconciliations(store: Store): Promise<number> {
  const { directories } = store.collections;
  const waiting = { deletedAt: null, reconcileWantedAt: { $exists: false } };
  const count = await directories.countDocuments(waiting);
  const spreadMs = Math.min(count * spreadPerDirectoryMs, longestSpreadMs);
  const { modifiedCount } = await directories.updateMany(waiting, [
    {
      $set: { reconcileWantedAt: { $add: [new Date(), { $multiply: [{ $rand: {} }, spreadMs] }] } },
    },
  ]);
  return modifiedCount;
}
