import { setTimeout as pause } from 'node:timers/promises';

import type { Client } from '@temporalio/client';

import type { Membership } from '../../domain/membership.ts';
import type { BenchTenure } from './stack.ts';

/** Waits until a test holds. Throws after `timeoutMs`. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  pollMs: number,
  test: () => Promise<T | null>,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await test();
    if (found !== null) return found;
    if (performance.now() > deadline) throw new Error(`Waited in vain for ${what}.`);
    await pause(pollMs);
  }
}

/** Waits until every lifecycle rests: nothing is pending and no run does anything more. */
export async function untilSettled({ store }: BenchTenure, timeoutMs: number): Promise<void> {
  await until('every lifecycle to rest', timeoutMs, 100, async () =>
    (await store.collections.memberships.findOne(
      { resting: false },
      { projection: { _id: 1 } },
    )) === null
      ? true
      : null,
  );
}

/** How many lifecycles (or runs of the floor) of a task queue are in this state, by Temporal's visibility. */
export async function countRuns(
  client: Client,
  queue: string,
  status: 'Completed' | 'Running',
): Promise<number> {
  const { count } = await client.workflow.count(
    `TaskQueue = '${queue}' AND ExecutionStatus = '${status}' AND WorkflowType IN ('userLifecycle', 'floor')`,
  );
  return count;
}

/** The membership of a directory user, once it is as wanted. */
export async function untilMembership(
  { store }: BenchTenure,
  directoryUserId: string,
  test: (membership: Membership) => boolean,
  { timeoutMs = 60_000, pollMs = 10 } = {},
): Promise<Membership> {
  const membershipId = await until(
    `${directoryUserId} in the mirror`,
    timeoutMs,
    pollMs,
    async () => {
      const mirror = await store.collections.directoryUsers.findOne({
        'records.id': directoryUserId,
      });
      return mirror?.membershipId ?? null;
    },
  );
  return until(membershipId, timeoutMs, pollMs, async () => {
    const found = await store.collections.memberships.findOne({ _id: membershipId });
    return found !== null && test(found) ? found : null;
  });
}
