import { recordReminded } from '../transitions/lifecycle/record-reminded.ts';
import type { ActivityDeps } from './deps.ts';
import type { LookRequest } from './look.ts';

/** Says that the deletion comes soon, once for each leaving. */
export function createRemind({ store }: ActivityDeps) {
  return async (input: LookRequest & { generation: number }): Promise<void> => {
    await recordReminded(store, input.membershipId, input.generation);
  };
}
