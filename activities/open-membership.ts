import { openMembership } from '../transitions/membership/open-membership.ts';
import type { ActivityDeps } from './deps.ts';
import type { LookRequest } from './look.ts';

/** Opens access if nothing changed since the look. Idempotent: an open membership stays open. */
export function createOpen(deps: ActivityDeps) {
  return async (input: LookRequest & { revision: number }): Promise<boolean> =>
    (await openMembership(deps.store, input.membershipId, input.revision)) !== null;
}
