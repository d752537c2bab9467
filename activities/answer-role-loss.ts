import { recordRoleLossAnswered } from '../transitions/record-role-loss-answered.ts';
import type { ActivityDeps } from './deps.ts';
import type { LookRequest } from './look.ts';

/** Answers the loss of a role where the person's sessions carry roles of their own. */
export function createAnswerRoleLoss(deps: ActivityDeps) {
  return async (input: LookRequest): Promise<void> => {
    const { memberships } = deps.store.collections;
    const membership = await memberships.findOne({ _id: input.membershipId });
    if (membership === null) return;
    await recordRoleLossAnswered(deps.store, membership._id, membership.narrowings);
  };
}
