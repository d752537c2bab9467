import { recordReadAfresh } from '../transitions/record-read-afresh.ts';
import type { ActivityDeps } from './deps.ts';
import type { LookRequest } from './look.ts';

/** Asks WorkOS afresh about a person, whose events do not tell everything. */
export function createReadAfresh(deps: ActivityDeps) {
  return async (input: LookRequest): Promise<void> => {
    const { memberships } = deps.store.collections;
    const membership = await memberships.findOne({ _id: input.membershipId });
    if (membership === null) return;
    await recordReadAfresh(deps.store, membership._id, membership.readAfresh.wanted);
  };
}
