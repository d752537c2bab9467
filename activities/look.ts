import type { RevokeElsewhere } from '../domain/messages.ts';
import type { Decision } from '../domain/next-step.ts';
import { recordLook } from '../transitions/lifecycle/record-look.ts';
import type { ActivityDeps } from './deps.ts';
import { stillElsewhere } from './revoked-elsewhere.ts';

/** Which membership is looked at, and the workflow's time in milliseconds. */
export interface LookRequest {
  membershipId: string;
  nowMs: number;
}

/** What the lifecycle does next, and what it was decided from. Ids, enums, counts and times only. */
export interface LookResult extends Decision {
  revision: number;
  generation: number;
  dueAtMs: number | null;
  /** The step must not be done before this time; 0: at once. */
  notBeforeMs: number;
  maxPauseMs: number;
  /** What activities of the host application have to revoke in this step; absent: nothing. */
  elsewhere?: RevokeElsewhere;
}

/**
 * Looks at the membership and everything around it, and decides the next step by the workflow's time.
 * Idempotent: looking twice decides the same. null for a membership that does not exist.
 */
export function createLook(deps: ActivityDeps) {
  return async (input: LookRequest): Promise<LookResult | null> => {
    const seen = await recordLook(deps.store, deps.file, input.membershipId, input.nowMs);
    if (seen === null) return null;
    const elsewhere =
      seen.step.do === 'revoke' ? await stillElsewhere(deps, input.membershipId) : null;
    return {
      step: seen.step,
      phase: seen.phase,
      blockedBy: seen.blockedBy,
      revision: seen.revision,
      generation: seen.generation,
      dueAtMs: seen.dueAtMs,
      // People who leave together are counted together.
      notBeforeMs: seen.step.do === 'checkGuard' ? (seen.closedAtMs ?? 0) + deps.guardSettleMs : 0,
      maxPauseMs: deps.maxPauseMs,
      ...(elsewhere === null ? {} : { elsewhere }),
    };
  };
}
