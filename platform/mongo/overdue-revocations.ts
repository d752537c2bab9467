import type { Store } from './store.ts';

/**
 * How many closings of access are older than `overdueMs` and not verified empty yet: the alarm of revocation.
 */
export async function countOverdueRevocations(store: Store, overdueMs: number): Promise<number> {
  return store.collections.memberships.countDocuments({
    resting: false,
    closedReceivedAt: { $lte: new Date(Date.now() - overdueMs) },
    $expr: { $gt: ['$closings', '$revokedClosings'] },
  });
}
