import type { Filter } from 'mongodb';

import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';

/** How many memberships one batch raises: small enough to be a second's work, and to be repeated. */
const batchSize = 500;

/**
 * Makes every membership look again that `filter` finds, in batches. For the daily sweep and for the loss
 * of Temporal's memory. Returns how many were raised.
 */
export async function raiseAll(store: Store, filter: Filter<Membership>): Promise<number> {
  let raised = 0;
  let after: string | null = null;
  for (;;) {
    const ids = await nextIds(store, filter, after);
    if (ids.length === 0) return raised;
    await raise(store, ids);
    raised += ids.length;
    after = ids.at(-1) ?? null;
  }
}

async function nextIds(
  store: Store,
  filter: Filter<Membership>,
  after: string | null,
): Promise<string[]> {
  const found = await store.collections.memberships
    .find(after === null ? filter : { $and: [filter, { _id: { $gt: after } }] })
    .sort({ _id: 1 })
    .limit(batchSize)
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
  return found.map(({ _id }) => _id);
}

async function raise(store: Store, ids: string[]): Promise<void> {
  await store.collections.memberships.updateMany({ _id: { $in: ids } }, [
    {
      $set: {
        revision: { $add: ['$revision', 1] },
        resting: false,
        // A revocation that is still owed goes before everything else, also after an outage.
        urgent: { $or: ['$urgent', { $gt: ['$closings', '$revokedClosings'] }] },
        pendingSince: { $ifNull: ['$pendingSince', '$$NOW'] },
      },
    },
  ]);
}
