import { createAnswerRoleLoss } from './answer-role-loss.ts';
import { createApplyCommand } from './apply-command.ts';
import { beating } from './beating.ts';
import { createCheckConditions } from './check-conditions.ts';
import { createCheckGuard } from './check-guard.ts';
import { createCommit } from './commit-erasure.ts';
import { createDeliver, createPendingEndpoints } from './deliver-notifications.ts';
import type { ActivityDeps } from './deps.ts';
import { createErasePerson } from './erase-person.ts';
import { guarded } from './failures.ts';
import { createLook, type LookRequest, type LookResult } from './look.ts';
import { createOpen } from './open-membership.ts';
import { createPollEvents, isTold } from './poll-events.ts';
import { createProjectUser } from './project-user.ts';
import { createReadAfresh } from './read-afresh.ts';
import {
  createBeginReconciliation,
  createFinishReconciliation,
  createReconcileStep,
  createWantReconciliations,
} from './reconcile-directory.ts';
import { createRemind } from './remind.ts';
import { createReturnOwnership } from './return-ownership.ts';
import { createRecordRevokedElsewhere, createRevokeSessions } from './revoke-sessions.ts';
import { createTransferOwnership } from './transfer-ownership.ts';
import { createWiden } from './widen-membership.ts';

export type { ActivityDeps } from './deps.ts';
export type { LookResult } from './look.ts';
export type { StepDone } from './reconcile-directory.ts';

/**
 * All activities over their dependencies. The workflows see them by this type only. Every step ends with a
 * look and returns what it saw: the workflow needs no task of its own to find out what comes next.
 */
export function createActivities(deps: ActivityDeps, onError: (error: unknown) => void) {
  const look = createLook(deps);
  const step = <I extends LookRequest>(activity: (input: I) => Promise<unknown>) =>
    guarded(async (input: I): Promise<LookResult | null> => {
      await activity(input);
      return look({ membershipId: input.membershipId, nowMs: input.nowMs });
    }, onError);
  const poll = guarded(beating(createPollEvents(deps)), (error) => {
    if (!isTold(error)) onError(error);
  });
  const wantReconciliations = guarded(createWantReconciliations(deps), onError);
  return {
    pollEvents: async () => poll(undefined),
    look: guarded(look, onError),
    open: step(createOpen(deps)),
    widen: step(createWiden(deps)),
    checkGuard: step(createCheckGuard(deps)),
    remind: step(createRemind(deps)),
    commit: step(createCommit(deps)),
    applyCommandActivity: guarded(createApplyCommand(deps), onError),
    projectUser: step(createProjectUser(deps)),
    revokeSessions: step(beating(createRevokeSessions(deps))),
    recordRevokedElsewhere: guarded(createRecordRevokedElsewhere(deps), onError),
    readAfresh: step(beating(createReadAfresh(deps))),
    answerRoleLoss: step(beating(createAnswerRoleLoss(deps))),
    transferOwnership: step(beating(createTransferOwnership(deps))),
    returnOwnership: step(beating(createReturnOwnership(deps))),
    checkConditions: step(beating(createCheckConditions(deps))),
    erasePerson: step(beating(createErasePerson(deps))),
    beginReconciliation: guarded(createBeginReconciliation(deps), onError),
    reconcileStep: guarded(beating(createReconcileStep(deps, onError)), onError),
    finishReconciliation: guarded(createFinishReconciliation(deps), onError),
    wantReconciliations: async () => wantReconciliations(undefined),
    pendingEndpoints: guarded(createPendingEndpoints(deps), onError),
    deliver: guarded(beating(createDeliver(deps)), onError),
  };
}

export type Activities = ReturnType<typeof createActivities>;
