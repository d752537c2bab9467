import type { Client } from '@temporalio/client';

import { taskQueuesOf } from '../domain/messages.ts';
import {
  reconcileWorkflowId,
  reconcileWorkflowType,
  type ReconcileInput,
} from '../domain/reconciliation.ts';
import type { Store } from '../platform/mongo/store.ts';

/** Each is one call; the rest gets its turn in the next round. */
const mostInARound = 100;

/**
 * Starts the comparison of every directory for which one is wanted. The request stays until the run has begun,
 * which takes it away; a run that is under way already leaves it for the one after. The workflow's id lets
 * only one run of a directory go on at a time.
 *
 * Returns how many were started or found running. Throws if Temporal does not answer.
 */
export async function startReconciliations(
  store: Store,
  client: Client,
  queuePrefix: string,
): Promise<number> {
  const wanted = await store.collections.directories
    .find({ reconcileWantedAt: { $lte: new Date() } })
    .sort({ reconcileWantedAt: 1 })
    .limit(mostInARound)
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
  for (const { _id: directoryId } of wanted) await start(client, queuePrefix, directoryId);
  return wanted.length;
}

async function start(client: Client, queuePrefix: string, directoryId: string): Promise<void> {
  const input: ReconcileInput = { directoryId };
  const args: [ReconcileInput] = [input];
  await client.workflow.start(reconcileWorkflowType, {
    workflowId: reconcileWorkflowId(directoryId),
    taskQueue: taskQueuesOf(queuePrefix).lifecycle,
    args,
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
    priority: { priorityKey: 5 },
    staticSummary: 'Compares one directory with WorkOS as a whole',
  });
}
