import type { Store } from '../platform/mongo/store.ts';
import { inTransaction } from '../platform/mongo/transaction.ts';
import type { IntakeRules } from './applied.ts';
import { ensureDirectory } from './apply-directory.ts';
import type { Origin } from './telling.ts';

/** The directories that this process has met or is writing down right now, by store. */
const met = new WeakMap<Store, Map<string, Promise<void>>>();

/**
 * Writes a directory down at its first mention, before anything is told of its people. A first sync sends
 * many events at once, and the transactions that all made the same directory and organization would make
 * each other fail until WorkOS was answered 503. Between processes the unique ids decide, as for everything.
 *
 * @throws StoreUnavailable
 */
export async function knowDirectory(
  store: Store,
  origin: Origin,
  { file, timeoutMs }: IntakeRules & { timeoutMs: number },
): Promise<void> {
  const known = met.get(store) ?? new Map<string, Promise<void>>();
  met.set(store, known);
  const { directoryId } = origin;
  const meeting =
    known.get(directoryId) ??
    inTransaction(store, async (tx) => void (await ensureDirectory(tx, origin, file)), {
      timeoutMs,
    });
  known.set(directoryId, meeting);
  try {
    await meeting;
  } catch (error) {
    known.delete(directoryId);
    throw error;
  }
}
