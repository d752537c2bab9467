import { widenMembership } from '../transitions/membership/widen-membership.ts';
import type { ActivityDeps } from './deps.ts';
import type { LookRequest } from './look.ts';

/** Gives what the directory gives, if nothing changed since the look. Idempotent. */
export function createWiden(deps: ActivityDeps) {
  return async (input: LookRequest & { revision: number }): Promise<void> => {
    await widenMembership(deps.store, input.membershipId, input.revision);
  };
}
