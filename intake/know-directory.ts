import type { Store } from '../platform/mongo/store.ts';
import { inTransaction } from '../platform/mongo/transaction.ts';
import type { IntakeRules } from './applied.ts';
import { ensureDirectory } from './apply-directory.ts';
import type { Origin } from './telling.ts';

/** The organizations of the directories that this process has met or is writing down right now, by store. */
const met = new WeakMap<Store, Map<string, Promise<string>>>();

/**
 * Writes a directory down at its first mention, before anything is told of its people. A first sync sends
 * many events at once, and the transactions that all made the same directory and organization would make
 * each other fail until WorkOS was answered 503. Between processes the unique ids decide, as for everything.
 *
 * Returns the organization that it belonged to when this process met it; it may have moved since.
 *
 * @throws StoreUnavailable
 */
export async function knowDirectory(
  store: Store,
  origin: Origin,
  { file, timeoutMs }: IntakeRules & { timeoutMs: number },
): Promise<string> {
  const known = met.get(store) ?? new Map<string, Promise<string>>();
  met.set(store, known);
  const { directoryId } = origin;
  const meeting =
    known.get(directoryId) ??
    inTransaction(store, async (tx) => (await ensureDirectory(tx, origin, file)).organization._id, {
      timeoutMs,
    });
  known.set(directoryId, meeting);
  try {
    return await meeting;
  } catch (error) {
    known.delete(directoryId);
    throw error;
  }
}
