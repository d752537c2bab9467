import type { Worker } from '@temporalio/worker';

import type { Store } from '../platform/mongo/store.ts';

/**
 * Writes down that this process polls: the API's readiness answers from it. Only while every worker runs;
 * a process that is up but polls nothing is not ready for anybody. `hostFindings`: what of the host file does
 * not fit to the host application's database, counted by code.
 */
export async function beat(
  store: Store,
  processId: string,
  workers: Worker[],
  hostFindings: Record<string, number>,
): Promise<void> {
  if (!workers.every((worker) => worker.getState() === 'RUNNING')) return;
  await store.collections.heartbeats.updateOne(
    { _id: processId },
    { $set: { role: 'worker', hostFindings }, $currentDate: { at: true } },
    { upsert: true },
  );
}

/** Takes the heartbeat back at a clean stop, so that nobody counts on this process for another few seconds. */
export async function stopBeating(store: Store, processId: string): Promise<void> {
  await store.collections.heartbeats.deleteOne({ _id: processId });
}
