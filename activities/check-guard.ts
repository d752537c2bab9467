import { recordGuardPassed } from '../transitions/record-guard-passed.ts';
import type { ActivityDeps } from './deps.ts';
import type { LookRequest } from './look.ts';

/** Counts a leaving at the guard against mass changes. */
export function createCheckGuard(deps: ActivityDeps) {
  return async (input: LookRequest & { generation: number }): Promise<void> => {
    await recordGuardPassed(deps.store, input.membershipId, input.generation);
  };
}
