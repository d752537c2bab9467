import {
  condition,
  continueAsNew,
  defineSignal,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';
import { taskQueuesBeside } from '../domain/messages.ts';
import { deliverySignalName, type DeliveryInput } from '../domain/notifications.ts';
import { notifying, untilStored } from './activity-options.ts';

/** "There is something new to tell": level, not edge. It carries nothing; what there is, is in MongoDB. */
export const deliverNowSignal = defineSignal(deliverySignalName);

/**
 * Tells the host application's endpoints what happens to one user, each endpoint in a lane of its own: in order,
 * and at its own pace. An endpoint that does not answer holds up nobody but itself.
 *
 * What there is to tell, how often it was tried and when it is tried again stands in MongoDB, so that a run may
 * be lost and started again at any time. A run ends when everything was told.
 */
export async function deliverNotifications(input: DeliveryInput): Promise<void> {
  const { userId } = input;
  const taskQueue = taskQueuesBeside(workflowInfo().taskQueue).notifications;
  const { pendingEndpoints } = proxyActivities<Activities>({ ...untilStored, taskQueue });
  const { deliver } = proxyActivities<Activities>({ ...notifying, taskQueue });
  const lanes = new Set<string>();
  let woken = 0;
  let calls = 0;
  setHandler(deliverNowSignal, () => {
    woken += 1;
  });

  for (;;) {
    const seen = woken;
    for (const endpoint of await pendingEndpoints({ userId })) {
      if (lanes.has(endpoint)) continue;
      lanes.add(endpoint);
      const leave = (): boolean => lanes.delete(endpoint);
      // A lane that ends by a cancellation leaves its rest to the next run.
      tell(endpoint).then(leave, leave);
    }
    await condition(() => woken !== seen || lanes.size === 0 || isLong());
    if (isLong()) {
      // What is under way ends in this run: the next one would send the same beside it.
      await condition(() => calls === 0);
      await continueAsNew<typeof deliverNotifications>(input);
    }
    // No await between this test and the end: what came in meanwhile would be lost.
    if (woken === seen) return;
  }

  /** Goes on until the endpoint was told everything. */
  async function tell(endpoint: string): Promise<void> {
    while (!isLong()) {
      const seen = woken;
      const nextAtMs = await call(endpoint);
      if (nextAtMs !== null) {
        await condition(() => woken !== seen || isLong(), Math.max(1, nextAtMs - Date.now()));
      } else if (woken === seen) {
        return;
      }
    }
  }

  async function call(endpoint: string): Promise<number | null> {
    calls += 1;
    try {
      return await deliver({ userId, endpoint, nowMs: Date.now() });
    } finally {
      calls -= 1;
    }
  }
}

/** A history that grows for days is continued in a fresh one. */
function isLong(): boolean {
  return workflowInfo().continueAsNewSuggested;
}
