import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type Client,
} from '@temporalio/client';

import { pollerWorkflowId, pollerWorkflowType, taskQueuesOf } from '../domain/messages.ts';

/**
 * Starts the poller of the Events API where polling is on and it does not run, and ends it where polling is
 * off. Every worker does; the workflow's id lets only one poller run for a deployment.
 *
 * Returns what was done; null if all was as it should be. Throws if Temporal does not answer.
 */
export async function keepPoller(
  client: Client,
  queuePrefix: string,
  polls: boolean,
): Promise<'started' | 'ended' | null> {
  const runs = await isRunning(client, queuePrefix);
  if (runs === polls) return null;
  return polls ? start(client, queuePrefix) : end(client, queuePrefix);
}

async function isRunning(client: Client, queuePrefix: string): Promise<boolean> {
  try {
    const { status } = await client.workflow.getHandle(pollerWorkflowId(queuePrefix)).describe();
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

async function start(client: Client, queuePrefix: string): Promise<'started' | null> {
  try {
    await client.workflow.start(pollerWorkflowType, {
      workflowId: pollerWorkflowId(queuePrefix),
      taskQueue: taskQueuesOf(queuePrefix).lifecycle,
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      staticSummary: 'Reads the Events API of WorkOS, one poll after another',
    });
    return 'started';
  } catch (error) {
    // Another worker was faster.
    if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
    throw error;
  }
}

/** Cancelled, not terminated: a page that is being taken in stops between two events. */
async function end(client: Client, queuePrefix: string): Promise<'ended' | null> {
  try {
    await client.workflow.getHandle(pollerWorkflowId(queuePrefix)).cancel();
    return 'ended';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}
