import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  type Client,
  type ScheduleOptions,
} from '@temporalio/client';

import { taskQueuesOf } from '../domain/messages.ts';
import { reconcileScheduleId, wantReconciliationsWorkflowType } from '../domain/reconciliation.ts';

/**
 * Keeps the schedule by which every directory is compared once in a while: makes it where it is missing, also
 * after Temporal's memory was lost, and sets another interval where the configuration says so. Every worker
 * does. Throws if Temporal does not answer.
 */
export async function keepReconcileSchedule(
  client: Client,
  queuePrefix: string,
  everyMs: number,
): Promise<'created' | 'changed' | null> {
  const scheduleId = reconcileScheduleId(queuePrefix);
  const handle = client.schedule.getHandle(scheduleId);
  try {
    const { spec } = await handle.describe();
    const every = spec.intervals?.map((interval) => interval.every) ?? [];
    if (every.length === 1 && every[0] === everyMs) return null;
    await handle.update((previous) => ({ ...previous, ...optionsOf(queuePrefix, everyMs) }));
    return 'changed';
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
  try {
    await client.schedule.create({ scheduleId, ...optionsOf(queuePrefix, everyMs) });
    return 'created';
  } catch (error) {
    // Another worker was faster.
    if (error instanceof ScheduleAlreadyRunning) return null;
    throw error;
  }
}

function optionsOf(
  queuePrefix: string,
  everyMs: number,
): Pick<ScheduleOptions, 'spec' | 'policies'> & {
  action: ScheduleOptions['action'] & { workflowId: string };
} {
  return {
    spec: { intervals: [{ every: everyMs }] },
    action: {
      type: 'startWorkflow',
      workflowType: wantReconciliationsWorkflowType,
      workflowId: `${reconcileScheduleId(queuePrefix)}-run`,
      taskQueue: taskQueuesOf(queuePrefix).lifecycle,
      staticSummary: 'Asks for a comparison of every directory',
    },
    // One that was missed during an outage is made up for once, not several times.
    policies: { overlap: 'SKIP', catchupWindow: '1 hour' },
  };
}
