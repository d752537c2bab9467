import { randomUUID } from 'node:crypto';

import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import type { Client } from '@temporalio/client';

import { anchorWorkflowId, anchorWorkflowType, taskQueuesOf } from '../domain/messages.ts';
import type { Store } from '../platform/mongo/store.ts';
import { raiseAll } from '../transitions/membership/raise-memberships.ts';

const anchorKey = 'anchor';

/**
 * Notices that Temporal's memory was lost: its database deleted, restored from a backup, or another
 * cluster. The anchor workflow holds a random epoch that MongoDB holds too; missing or different means
 * lost. Then every membership whose run should be open is made to look again, and a new anchor is set only
 * after that, so that a crash in between repeats it.
 *
 * Returns how many memberships were raised; null if the anchor holds. Throws if Temporal does not answer.
 */
export async function keepAnchor(
  store: Store,
  client: Client,
  queuePrefix: string,
): Promise<number | null> {
  const held = await store.collections.fences.findOne({ _id: anchorKey });
  const found = await anchorEpoch(client, queuePrefix);
  if (found !== null && found === held?.epoch) return null;
  const raised = await raiseAll(store, { resting: false });
  const epoch = randomUUID();
  await store.collections.fences.updateOne(
    { _id: anchorKey },
    { $set: { epoch }, $inc: { revision: 1 } },
    { upsert: true },
  );
  await setAnchor(client, queuePrefix, epoch);
  return raised;
}

async function anchorEpoch(client: Client, queuePrefix: string): Promise<string | null> {
  try {
    const { memo, status } = await client.workflow
      .getHandle(anchorWorkflowId(queuePrefix))
      .describe();
    const epoch = memo?.['epoch'];
    return status.name === 'RUNNING' && typeof epoch === 'string' ? epoch : null;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

async function setAnchor(client: Client, queuePrefix: string, epoch: string): Promise<void> {
  try {
    await client.workflow.start(anchorWorkflowType, {
      workflowId: anchorWorkflowId(queuePrefix),
      taskQueue: taskQueuesOf(queuePrefix).lifecycle,
      memo: { epoch },
      workflowIdConflictPolicy: 'TERMINATE_EXISTING',
      staticSummary: 'Its existence tells that Temporal still remembers',
    });
  } catch (error) {
    // Another worker set its own meanwhile: the next check sees whose epoch MongoDB holds.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
