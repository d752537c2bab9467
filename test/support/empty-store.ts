import type { Store } from '../../platform/mongo/store.ts';

/**
 * Empties a store between two tests that need it to themselves. Making its collections and indexes anew takes
 * many times as long, and the version of its shape stays.
 */
export async function emptyStore({ collections }: Store): Promise<void> {
  const { fences, ...others } = collections;
  await Promise.all(Object.values(others).map(async (each) => each.deleteMany({})));
  await fences.deleteMany({ _id: { $ne: 'schema' } });
}
