import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/activity';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';

import type { StepDone } from '../../activities/reconcile-directory.ts';
import { taskQueuesOf } from '../../domain/messages.ts';
import {
  firstPlace,
  reconcileScheduleId,
  reconcileWorkflowId,
  reconcileWorkflowType,
} from '../../domain/reconciliation.ts';
import { keepReconcileSchedule } from '../../workers/reconcile-schedule.ts';
import { quietTemporal } from '../support/quiet-temporal.ts';
import { testServers } from '../support/servers.ts';
import { eventually } from '../support/time-skipping.ts';

/** The workflow of reconciliation on a real Temporal, with steps that come to what a test says. */
describe('the workflow that compares a directory', () => {
  let native: NativeConnection;
  let connection: Connection;
  let client: Client;
  const ending: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    quietTemporal();
    const address = testServers().temporalAddress;
    native = await NativeConnection.connect({ address });
    connection = await Connection.connect({ address });
    client = new Client({ connection, namespace: 'default' });
  });

  afterEach(async () => {
    for (const end of ending.splice(0).toReversed()) await end();
  });

  afterAll(async () => {
    await connection.close();
    await native.close();
  });

  /** A deployment whose steps do what `step` says; it gets the number of the step and its input. */
  async function deployment(step: (nth: number, input: any) => StepDone | Promise<StepDone>) {
    const prefix = `reconcile-${randomUUID()}`;
    const directoryId = `directory_${randomUUID()}`;
    const queues = taskQueuesOf(prefix);
    const finished: any[] = [];
    const steps: any[] = [];
    const common = { connection: native, namespace: 'default' };
    const workers = [
      await Worker.create({
        ...common,
        taskQueue: queues.lifecycle,
        workflowBundle: { codePath: testServers().workflowBundle ?? '' },
        activities: {
          beginReconciliation: async () => ({ place: firstPlace, maxPauseMs: 1 }),
          finishReconciliation: async (input: any) => void finished.push(input),
        },
      }),
      await Worker.create({
        ...common,
        taskQueue: queues.reconciliation,
        activities: {
          reconcileStep: async (input: any) => {
            steps.push(input);
            return step(steps.length, input);
          },
        },
      }),
    ];
    const running = workers.map(async (worker) => worker.run());
    ending.push(async () => {
      for (const worker of workers) worker.shutdown();
      return Promise.all(running);
    });
    const handle = await client.workflow.start(reconcileWorkflowType, {
      workflowId: reconcileWorkflowId(directoryId),
      taskQueue: queues.lifecycle,
      args: [{ directoryId }],
    });
    return { directoryId, handle, steps, finished };
  }

  const away = (): never => {
    // As the activity's own retries would end.
    throw ApplicationFailure.create({ type: 'ListingFailed', nonRetryable: true });
  };

  it('hands each step the place that the one before came to', async () => {
    const second = { ...firstPlace, after: 'cursor' };
    const { handle, steps, finished, directoryId } = await deployment((nth) =>
      nth === 1 ? { place: second, waitMs: 1 } : { place: null, waitMs: 0 },
    );
    await handle.result();
    expect(steps.map(({ place }) => place)).toEqual([firstPlace, second]);
    expect(new Set(steps.map(({ runId }) => runId)).size).toBe(1);
    expect(finished).toEqual([{ runId: steps[0].runId, directoryId, stopped: null }]);
  });

  it('tries a step that fails again, at its place, and goes on', async () => {
    const { handle, steps, finished } = await deployment((nth) =>
      nth < 4 ? away() : { place: null, waitMs: 0 },
    );
    await handle.result();
    expect(steps).toHaveLength(4);
    expect(finished).toMatchObject([{ stopped: null }]);
  });

  it.each([
    ['WorkOS is away', 'ListingFailed', 'unavailable'],
    ['Tenure cannot do it', 'StoreUnavailable', 'failed'],
  ])('stops at last where %s for good, and says so', async (_what, type, stopped) => {
    const { handle, steps, finished } = await deployment(() => {
      throw ApplicationFailure.create({ type, nonRetryable: true });
    });
    await handle.result();
    expect(steps).toHaveLength(12);
    expect(finished).toMatchObject([{ stopped }]);
  });

  it('counts failures in a row only', async () => {
    const { handle, finished } = await deployment((nth) => {
      if (nth === 23) return { place: null, waitMs: 0 };
      return nth === 11 ? { place: { ...firstPlace, after: 'x' }, waitMs: 0 } : away();
    });
    await handle.result();
    expect(finished).toMatchObject([{ stopped: null }]);
  });

  it('ends with the reason of a step that cannot be done', async () => {
    const { handle, finished } = await deployment(() => ({ stopped: 'refused' }));
    await handle.result();
    expect(finished).toMatchObject([{ stopped: 'refused' }]);
  });

  it('says that it was cancelled', async () => {
    const { handle, steps, finished } = await deployment(() => ({
      place: firstPlace,
      waitMs: 60_000,
    }));
    await eventually(() => steps.length === 1, 'a step');
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(/cancelled/i);
    expect(finished).toMatchObject([{ stopped: 'cancelled' }]);
  });

  it('is scheduled once, by the interval of the configuration', async () => {
    const prefix = `schedule-${randomUUID()}`;
    const handle = client.schedule.getHandle(reconcileScheduleId(prefix));
    ending.push(async () => handle.delete());
    const both = await Promise.all([
      keepReconcileSchedule(client, prefix, 3_600_000),
      keepReconcileSchedule(client, prefix, 3_600_000),
    ]);
    expect(both).toHaveLength(2);
    expect(both).toEqual(expect.arrayContaining(['created', null]));
    expect(await keepReconcileSchedule(client, prefix, 3_600_000)).toBeNull();
    expect(await keepReconcileSchedule(client, prefix, 7_200_000)).toBe('changed');
    const { spec, policies } = await handle.describe();
    expect(spec.intervals?.map(({ every }) => every)).toEqual([7_200_000]);
    expect(policies.overlap).toBe('SKIP');
    expect(await keepReconcileSchedule(client, prefix, 7_200_000)).toBeNull();
  });
});
