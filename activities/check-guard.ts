import { countAtGuard } from '../transitions/guards/trip-guard.ts';
import type { ActivityDeps } from './deps.ts';
import type { LookRequest } from './look.ts';

/** Counts a leaving at the guard against mass changes: it passes, or it waits with the others. Idempotent. */
export function createCheckGuard(deps: ActivityDeps) {
  return async (input: LookRequest & { generation: number }): Promise<void> =>
    countAtGuard(deps.store, deps.file, input);
}
