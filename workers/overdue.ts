import type { Store } from '../platform/mongo/store.ts';

/** How many closings of access are older than `overdueMs` and not verified empty yet: the alarm of revocation. */
export async function countOverdueRevocations(store: Store, overdueMs: number): Promise<number> {
  const late = await store.collections.memberships
    .find({
      resting: false,
      closedReceivedAt: { $lte: new Date(Date.now() - overdueMs) },
    })
    .project<{ closings: number; revokedClosings: number }>({ closings: 1, revokedClosings: 1 })
    .toArray();
  return late.filter(({ closings, revokedClosings }) => revokedClosings < closings).length;
}
