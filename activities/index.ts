import { createApplyCommand } from './apply-command.ts';
import { beating } from './beating.ts';
import { createCheckConditions } from './check-conditions.ts';
import type { ActivityDeps } from './deps.ts';
import { createErasePerson } from './erase-person.ts';
import { guarded } from './failures.ts';
import { createLook } from './look.ts';
import { createCommit, createOpen } from './open-and-commit.ts';
import { createProjectUser } from './project-user.ts';
import { createReturnOwnership } from './return-ownership.ts';
import { createRevokeSessions } from './revoke-sessions.ts';
import { createTransferOwnership } from './transfer-ownership.ts';

export type { ActivityDeps } from './deps.ts';
export type { LookResult } from './look.ts';

/** All activities over their dependencies. The workflows see them by this type only. */
export function createActivities(deps: ActivityDeps, onError: (error: unknown) => void) {
  return {
    look: guarded(createLook(deps), onError),
    open: guarded(createOpen(deps), onError),
    commit: guarded(createCommit(deps), onError),
    applyCommandActivity: guarded(createApplyCommand(deps), onError),
    projectUser: guarded(beating(createProjectUser(deps)), onError),
    revokeSessions: guarded(beating(createRevokeSessions(deps)), onError),
    transferOwnership: guarded(beating(createTransferOwnership(deps)), onError),
    returnOwnership: guarded(beating(createReturnOwnership(deps)), onError),
    checkConditions: guarded(beating(createCheckConditions(deps)), onError),
    erasePerson: guarded(beating(createErasePerson(deps)), onError),
  };
}

export type Activities = ReturnType<typeof createActivities>;
