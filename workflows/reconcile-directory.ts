import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  continueAsNew,
  isCancellation,
  log,
  proxyActivities,
  setCurrentDetails,
  sleep,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';

import type { Activities, StepDone } from '../activities/index.ts';
import { taskQueuesBeside } from '../domain/messages.ts';
import type { ReconcileInput, ReconcilePlace, ReconcileStop } from '../domain/reconciliation.ts';
import { reconciling, untilStored } from './activity-options.ts';

const {
  beginReconciliation,
  finishReconciliation,
  wantReconciliations: want,
} = proxyActivities<Activities>(untilStored);

/** A step that fails so often in a row, with growing pauses, ends the run: another one comes later. */
const mostFailures = 12;

/**
 * Compares one directory with WorkOS, step by step; where it is stays in the workflow, so that it goes on
 * there after a crash. What it saw is in MongoDB. A step that cannot be done for good ends the run, and then
 * nothing is taken for absent.
 */
export async function reconcileDirectory(input: ReconcileInput): Promise<void> {
  const { directoryId } = input;
  const run = input.run ?? (await begin(directoryId));
  if (run === null) return;
  const { runId, maxPauseMs } = run;
  const { reconcileStep } = proxyActivities<Activities>({
    ...reconciling,
    taskQueue: taskQueuesBeside(workflowInfo().taskQueue).reconciliation,
  });
  let place: ReconcilePlace | null = run.place;
  let failures = 0;
  let stopped: ReconcileStop | null = null;
  try {
    while (place !== null && stopped === null) {
      setCurrentDetails(`reading: ${place.phase}`);
      const done: StepDone | ReconcileStop = await tryStep(place);
      if (typeof done === 'string') {
        failures += 1;
        if (failures >= mostFailures) stopped = done;
        else await sleep(Math.min(1000 * 2 ** (failures - 1), maxPauseMs));
      } else if ('stopped' in done) {
        stopped = done.stopped;
      } else {
        failures = 0;
        place = done.place;
        if (done.waitMs > 0) await sleep(done.waitMs);
      }
      if (place !== null && stopped === null && workflowInfo().continueAsNewSuggested) {
        await continueAsNew<typeof reconcileDirectory>({
          directoryId,
          run: { runId, place, maxPauseMs },
        });
      }
    }
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await CancellationScope.nonCancellable(async () =>
      finishReconciliation({ runId, directoryId, stopped: 'cancelled' }),
    );
    throw error;
  }
  await finishReconciliation({ runId, directoryId, stopped });

  /** What the step came to, or why it failed. */
  async function tryStep(at: ReconcilePlace): Promise<StepDone | ReconcileStop> {
    try {
      return await reconcileStep({ runId, directoryId, place: at });
    } catch (error) {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      log.warn('A step of a reconciliation failed; it is tried again.', { directoryId, failures });
      const { cause } = error;
      const isWorkos = cause instanceof ApplicationFailure && cause.type === 'ListingFailed';
      return isWorkos ? 'unavailable' : 'failed';
    }
  }
}

async function begin(directoryId: string): Promise<NonNullable<ReconcileInput['run']> | null> {
  const runId = uuid4();
  const begun = await beginReconciliation({ runId, directoryId });
  return begun === null ? null : { runId, ...begun };
}

/** What the daily schedule runs: it asks for a comparison of every directory, and the workers start them. */
export async function wantReconciliations(): Promise<number> {
  return want();
}
