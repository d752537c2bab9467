import type { Client } from '@temporalio/client';

import { taskQueuesOf } from '../../domain/messages.ts';
import {
  deliverySignalName,
  deliveryWorkflowId,
  deliveryWorkflowType,
  type DeliveryInput,
} from '../../domain/notifications.ts';

/** How delivery to the endpoints of one user begins. */
export interface NotificationSignals {
  /** Wakes the run, starting one if none is open. Rejects if Temporal did not take it in time. */
  signal(userId: string): Promise<void>;
  /**
   * Wakes several and never throws nor waits: what fails is repeated by a chore, since what is to be told is
   * written down. At most a hundred are under way.
   */
  wake(userIds: readonly string[]): void;
}

const mostUnderWay = 100;

/** Signals through a Temporal client, each call within `deadlineMs`. */
export function createNotificationSignals(
  client: Client,
  { queuePrefix, deadlineMs = 1000 }: { queuePrefix: string; deadlineMs?: number },
): NotificationSignals {
  let underWay = 0;
  const signal = async (userId: string): Promise<void> => {
    await client.withDeadline(Date.now() + deadlineMs, async () =>
      client.workflow.signalWithStart(deliveryWorkflowType, startOptions(userId, queuePrefix)),
    );
  };
  return {
    signal,
    wake(userIds) {
      for (const userId of userIds) {
        if (underWay >= mostUnderWay) return;
        underWay += 1;
        signal(userId)
          .catch(() => undefined)
          .finally(() => {
            underWay -= 1;
          });
      }
    },
  };
}

function startOptions(userId: string, queuePrefix: string) {
  const input: DeliveryInput = { userId };
  const args: [DeliveryInput] = [input];
  return {
    workflowId: deliveryWorkflowId(userId),
    // Not the lifecycles' one: an outage of an endpoint must not keep a closing of access waiting for its turn.
    taskQueue: taskQueuesOf(queuePrefix).notifications,
    args,
    signal: deliverySignalName,
    workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
    priority: { priorityKey: 3 },
    staticSummary: 'Tells the endpoints of the host application what happens to one user',
  };
}
