import { commitErasure, type CommitRequest } from '../transitions/commit-erasure.ts';
import type { ActivityDeps } from './deps.ts';

/** The commit point. Idempotent: after it, the same call commits nothing and the next look says `erase`. */
export function createCommit(deps: ActivityDeps) {
  return async (input: CommitRequest): Promise<boolean> =>
    commitErasure(deps.store, deps.file, input);
}
