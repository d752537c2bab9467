import { commitErasure, type CommitRequest } from '../transitions/erasure/commit-erasure.ts';
import { recordOnlyObserved } from '../transitions/lifecycle/record-only-observed.ts';
import { isObserving, type ActivityDeps } from './deps.ts';

/** The commit point. Idempotent: after it, the same call commits nothing and the next look says `erase`. */
export function createCommit(deps: ActivityDeps) {
  return async (input: CommitRequest): Promise<boolean> => {
    if (!isObserving(deps)) return commitErasure(deps.store, deps.file, input);
    // The conditions were checked by a live Tenure a moment ago. The next look says `blocked`.
    await recordOnlyObserved(deps.store, input.membershipId);
    return false;
  };
}
