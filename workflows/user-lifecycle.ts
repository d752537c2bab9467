import {
  ActivityFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  defineSignal,
  isCancellation,
  log,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';

import type { Activities, LookResult } from '../activities/index.ts';
import { assertNever } from '../domain/errors.ts';
import { lookAgainSignalName, taskQueuesBeside, type LifecycleInput } from '../domain/messages.ts';
import type { Step } from '../domain/next-step.ts';
import * as profiles from './activity-options.ts';
import { handleCommands } from './commands.ts';
import { inWords, showDetails, showPhase } from './visibility.ts';

const { look, open, commit } = proxyLocalActivities<Activities>(profiles.shortTransaction);
const { projectUser, transferOwnership, returnOwnership, checkConditions } =
  proxyActivities<Activities>(profiles.callingOut);

/** "Something about the membership changed": level, not edge. It carries nothing; the look reads everything. */
export const lookAgainSignal = defineSignal(lookAgainSignalName);

/** What comes after a look and its step: look at once, end the run, pause and try again, or wait for a time. */
type Then = 'lookAgain' | 'rest' | 'tryAgain' | { untilMs: number };

/**
 * The lifecycle of one membership: look at everything, do the next step, wait, look again. Which step is
 * next is decided by the pure function `domain/next-step.ts` inside the activity `look`, which writes the
 * decision down with the revision that it was made from; this workflow only does it.
 *
 * A run is open only while something is pending. It ends when there is nothing to do; whatever gives it
 * something to do starts the next run.
 */
export async function userLifecycle(input: LifecycleInput): Promise<void> {
  const { membershipId } = input;
  const { revokeSessions, erasePerson } = activitiesOfOtherQueues();
  let { waiting } = input;
  let changed = false;
  let failures = 0;
  let maxPauseMs = 300_000;
  const onChange = (): void => {
    changed = true;
  };
  setHandler(lookAgainSignal, onChange);
  handleCommands(membershipId, onChange);

  for (;;) {
    changed = false;
    const then = await lookAndStep();
    if (then === 'rest') {
      await condition(() => changed || allHandlersFinished());
      // No await between this test and the end: what came in meanwhile would be lost.
      if (!changed) return;
    } else if (then === 'tryAgain') {
      await wait(pause(failures, maxPauseMs), 'trying again');
      failures += 1;
    } else if (then !== 'lookAgain') {
      await wait(then.untilMs - Date.now(), coolingOffSummary(then.untilMs));
    }
    if (workflowInfo().continueAsNewSuggested) await goOnInFreshRun();
  }

  async function lookAndStep(): Promise<Then> {
    try {
      const seen = await look({ membershipId, nowMs: Date.now() });
      if (seen === null) return 'rest';
      maxPauseMs = seen.maxPauseMs;
      showDetails(seen);
      const then = await doStep(seen);
      if (then !== 'tryAgain') failures = 0;
      return then;
    } catch (error) {
      // Only what an activity could not do is tried again. A cancellation and a continue-as-new end the run;
      // anything else is a step or a mistake that this code does not know: the task fails, nothing of it
      // enters the history, and it is repeated until a worker can do it.
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      log.warn('A step failed; it is tried again.', { membershipId, failures });
      return 'tryAgain';
    }
  }

  async function doStep(seen: LookResult): Promise<Then> {
    const { step, generation, revision } = seen;
    const notBeforeMs = waiting?.generation === generation ? waiting.untilMs : 0;
    if (followsDueTime(step) && Date.now() < notBeforeMs) return coolOff(seen, notBeforeMs);
    switch (step.do) {
      case 'rest':
        showPhase(seen.phase === 'blocked' ? seen : { ...seen, dueAtMs: null });
        return 'rest';
      case 'revoke':
        await revokeSessions({ membershipId, closing: step.closing });
        return 'lookAgain';
      case 'project':
        await projectUser({ membershipId });
        return 'lookAgain';
      case 'giveBack':
        await returnOwnership({ membershipId });
        return 'lookAgain';
      case 'open':
        await open({ membershipId, revision });
        return 'lookAgain';
      case 'transfer':
        await transferOwnership({ membershipId, generation, time: step.time });
        return 'lookAgain';
      case 'coolOff':
        return coolOff(seen, Math.max(step.untilMs, notBeforeMs));
      case 'checkConditions': {
        const clear = await checkConditions({ membershipId, generation, nowMs: Date.now() });
        return clear ? 'lookAgain' : 'tryAgain';
      }
      case 'commit':
        await commit({ membershipId, generation, revision, nowMs: Date.now() });
        return 'lookAgain';
      case 'erase':
        await erasePerson({ membershipId });
        return 'lookAgain';
      default:
        return assertNever(step);
    }
  }

  /**
   * Begins to wait in a fresh run: months of waiting are the longest part of a lifecycle, and so they cost
   * a handful of events, whatever came before. The later of the workflow's and MongoDB's due time counts.
   */
  async function coolOff(seen: LookResult, untilMs: number): Promise<Then> {
    showPhase({ ...seen, phase: 'coolingOff', dueAtMs: untilMs });
    waiting = { generation: seen.generation, untilMs };
    if (input.waiting === undefined) await goOnInFreshRun();
    return { untilMs };
  }

  /** Loses nothing that came in meanwhile: a run begins by looking at everything. */
  async function goOnInFreshRun(): Promise<void> {
    await condition(allHandlersFinished);
    await continueAsNew<typeof userLifecycle>({
      ...input,
      ...(waiting === undefined ? {} : { waiting }),
    });
  }

  /** Waits for the time, or for a change. The loop looks again either way and never trusts which one it was. */
  async function wait(ms: number, summary: string): Promise<void> {
    if (ms > 0 && !changed) await condition(() => changed, ms, { summary });
  }
}

/** The activities that have task queues of their own, beside the run's. */
function activitiesOfOtherQueues(): Pick<Activities, 'revokeSessions' | 'erasePerson'> {
  const queues = taskQueuesBeside(workflowInfo().taskQueue);
  const { revokeSessions } = proxyActivities<Activities>({
    ...profiles.revocation,
    taskQueue: queues.revocation,
  });
  const { erasePerson } = proxyActivities<Activities>({
    ...profiles.erasure,
    taskQueue: queues.erasure,
  });
  return { revokeSessions, erasePerson };
}

/** Whether a step may only be done once the due time has passed. */
function followsDueTime(step: Step): boolean {
  if (step.do === 'transfer') return step.time === 'beforeAnonymization';
  return step.do === 'checkConditions' || step.do === 'commit';
}

/** Growing pauses between tries, for ever: from one second to the configured longest one. */
function pause(failures: number, maxPauseMs: number): number {
  return Math.min(1000 * 2 ** Math.min(failures, 20), maxPauseMs);
}

function coolingOffSummary(untilMs: number): string {
  return inWords({ phase: 'coolingOff', blockedBy: [], dueAtMs: untilMs });
}
