import { heartbeat } from '@temporalio/activity';

import { recordGivenBack } from '../transitions/lifecycle/record-given-back.ts';
import { isObserving, type ActivityDeps } from './deps.ts';
import type { LookRequest } from './look.ts';

/**
 * Gives a returning person back what was transferred from them: only what its receiver still owns. What
 * was handed on since, or deleted, stays as it is. Idempotent: a move is forgotten once it is undone.
 */
export function createReturnOwnership(deps: ActivityDeps) {
  return async (input: LookRequest): Promise<void> => {
    const { ownershipMoves } = deps.store.collections;
    let returned = 0;
    for await (const move of ownershipMoves.find({ membershipId: input.membershipId })) {
      returned +=
        (await deps.host?.changeOwner({
          resources: [{ kind: move.kind, resourceId: move.resourceId }],
          from: move.toOwner,
          to: move.fromOwner,
        })) ?? 0;
      // What was moved before Tenure observed is given back once it is live again.
      if (!isObserving(deps)) await ownershipMoves.deleteOne({ _id: move._id });
      heartbeat({ returned });
    }
    await recordGivenBack(deps.store, input.membershipId, returned, isObserving(deps));
  };
}
