import {
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
import * as profiles from './activity-options.ts';
import { handleCommands } from './commands.ts';
import { inWords, showDetails, showWaiting } from './visibility.ts';

const { look, open, commit } = proxyLocalActivities<Activities>(profiles.shortTransaction);
const { projectUser, transferOwnership, returnOwnership, checkConditions } =
  proxyActivities<Activities>(profiles.callingOut);

/** "Something about the membership changed": level, not edge. It carries nothing; the look reads everything. */
export const lookAgainSignal = defineSignal(lookAgainSignalName);

/** What a step means for the loop. */
type Then = 'lookAgain' | 'rest' | { waitMs: number } | { waitUntilMs: number };

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
  const queues = taskQueuesBeside(workflowInfo().taskQueue);
  const { revokeSessions } = proxyActivities<Activities>({
    ...profiles.revocation,
    taskQueue: queues.revocation,
  });
  const { erasePerson } = proxyActivities<Activities>({
    ...profiles.erasure,
    taskQueue: queues.erasure,
  });
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
    let then: Then;
    try {
      const seen = await look({ membershipId, nowMs: Date.now() });
      if (seen === null) return;
      maxPauseMs = seen.maxPauseMs;
      showDetails(seen);
      then = await doStep(seen, input, failures);
      failures = then === 'lookAgain' ? 0 : failures;
      if (typeof then === 'object' && 'waitMs' in then) failures += 1;
    } catch (error) {
      if (isCancellation(error)) throw error;
      then = { waitMs: pause(failures, maxPauseMs) };
      failures += 1;
      log.warn('A step failed; it is tried again.', { membershipId, failures });
    }
    if (then === 'lookAgain') continue;
    if (then === 'rest') {
      await condition(allHandlersFinished);
      // No await between this test and the end: what came in meanwhile would be lost.
      if (!changed) return;
      continue;
    }
    await wait(then, () => changed);
    if (workflowInfo().continueAsNewSuggested && !changed) {
      await condition(allHandlersFinished);
      if (!changed) await continueAsNew<typeof userLifecycle>(input);
    }
  }

  /** Waits for the time, or for a change. The loop looks again either way and never trusts which one it was. */
  async function wait(
    until: { waitMs: number } | { waitUntilMs: number },
    test: () => boolean,
  ): Promise<void> {
    const ms = 'waitMs' in until ? until.waitMs : until.waitUntilMs - Date.now();
    const summary = 'waitMs' in until ? 'trying again' : coolingOffSummary(until.waitUntilMs);
    if (ms > 0) await condition(test, ms, { summary });
  }

  async function doStep(seen: LookResult, from: LifecycleInput, failed: number): Promise<Then> {
    const { step, generation } = seen;
    switch (step.do) {
      case 'rest':
        if (seen.phase === 'blocked') showWaiting(seen);
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
        await open({ membershipId, revision: seen.revision });
        return 'lookAgain';
      case 'transfer':
        await transferOwnership({ membershipId, generation, time: step.time });
        return 'lookAgain';
      case 'coolOff':
        return coolOff(seen, step.untilMs, from);
      case 'checkConditions': {
        const clear = await checkConditions({ membershipId, generation, nowMs: Date.now() });
        return clear ? 'lookAgain' : { waitMs: pause(failed, seen.maxPauseMs) };
      }
      case 'commit':
        await commit({
          membershipId,
          generation,
          revision: seen.revision,
          nowMs: Date.now(),
        });
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
   * a handful of events, whatever came before. The later of both due times counts.
   */
  async function coolOff(seen: LookResult, untilMs: number, from: LifecycleInput): Promise<Then> {
    showWaiting(seen);
    if (from.waitsUntilMs === undefined) {
      await condition(allHandlersFinished);
      if (changed) return 'lookAgain';
      await continueAsNew<typeof userLifecycle>({ ...from, waitsUntilMs: untilMs });
    }
    return { waitUntilMs: untilMs };
  }
}

/** Growing pauses between tries, for ever: from one second to the configured longest one. */
function pause(failures: number, maxPauseMs: number): number {
  return Math.min(1000 * 2 ** Math.min(failures, 20), maxPauseMs);
}

function coolingOffSummary(untilMs: number): string {
  return inWords({ phase: 'coolingOff', blockedBy: [], dueAtMs: untilMs });
}
