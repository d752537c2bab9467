import type { CountDocumentsOptions, Filter } from 'mongodb';

import type { Membership } from '../../domain/membership.ts';
import type { Store } from './store.ts';

/** Closings of access that are older than `overdueMs` and not verified empty yet: the alarm of revocation. */
export function overdueRevocations(overdueMs: number): Filter<Membership> {
  return {
    resting: false,
    closedReceivedAt: { $lte: new Date(Date.now() - overdueMs) },
    $expr: { $gt: ['$closings', '$revokedClosings'] },
  };
}

export async function countOverdueRevocations(
  store: Store,
  overdueMs: number,
  options: CountDocumentsOptions = {},
): Promise<number> {
  return store.collections.memberships.countDocuments(overdueRevocations(overdueMs), options);
}
