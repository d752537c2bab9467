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
  TemporalFailure,
  workflowInfo,
} from '@temporalio/workflow';

import type { Activities, LookResult } from '../activities/index.ts';
import { assertNever } from '../domain/errors.ts';
import { lookAgainSignalName, taskQueuesBeside, type LifecycleInput } from '../domain/messages.ts';
import type { Step } from '../domain/next-step.ts';
import * as profiles from './activity-options.ts';
import { besideStep, isBesideStep } from './beside-step.ts';
import { handleCommands } from './commands.ts';
import { growingPauseMs } from './growing-pause.ts';
import { revokeElsewhere } from './revoke-elsewhere.ts';
import { inWords, showDetails, showPhase } from './visibility.ts';

const { look, open, widen, checkGuard, remind, commit } = proxyLocalActivities<Activities>(
  profiles.shortTransaction,
);
const { projectUser } = proxyLocalActivities<Activities>(profiles.projection);
const { projectUser: projectSlowly } = proxyActivities<Activities>(profiles.slowProjection);
const { readAfresh, answerRoleLoss, transferOwnership, returnOwnership, checkConditions } =
  proxyActivities<Activities>(profiles.callingOut);

/** "Something about the membership changed": level, not edge. It carries nothing; the look reads everything. */
export const lookAgainSignal = defineSignal(lookAgainSignalName);

/** What comes after a step: the next one, the end of the run, a pause and another try, or a wait for a time. */
type Then = 'goOn' | 'rest' | 'tryAgain' | Waiting;

interface Waiting {
  untilMs: number;
  summary: string;
}

/** The longest pause between two tries until a look has said what is configured. */
const defaultMaxPauseMs = 300_000;

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
  /** What was seen last; undefined: look first. */
  let seen: LookResult | null | undefined;
  /** Something changed since the last look, or since the step began at whose end it was looked again. */
  let changed = false;
  let failures = 0;
  const onChange = (): void => {
    changed = true;
  };
  setHandler(lookAgainSignal, onChange);
  handleCommands(membershipId, onChange);

  for (;;) {
    const then = await lookAndStep();
    if (then === 'rest') {
      await condition(() => changed || allHandlersFinished());
      // No await between this test and the end: what came in meanwhile would be lost.
      if (!changed) return;
    } else if (then === 'tryAgain') {
      await wait(growingPauseMs(failures, seen?.maxPauseMs ?? defaultMaxPauseMs), 'trying again');
      failures += 1;
    } else if (then !== 'goOn') {
      await wait(then.untilMs - Date.now(), then.summary);
    }
    if (workflowInfo().continueAsNewSuggested) await goOnInFreshRun();
  }

  async function lookAndStep(): Promise<Then> {
    try {
      const now = await lookUnlessSeen();
      if (now === null) return 'rest';
      showDetails(now);
      const then = await doStep(now);
      if (then !== 'tryAgain') failures = 0;
      return then;
    } catch (error) {
      // Only what an activity could not do is tried again. A cancellation and a continue-as-new end the run;
      // anything else is a step or a mistake that this code does not know: the task fails, nothing of it
      // enters the history, and it is repeated until a worker can do it.
      // A local activity's failure comes as it was thrown, without the `ActivityFailure` around it.
      if (!(error instanceof TemporalFailure) || isCancellation(error)) throw error;
      log.warn('A step failed; it is tried again.', { membershipId, failures });
      seen = undefined;
      return 'tryAgain';
    }
  }

  async function lookUnlessSeen(): Promise<LookResult | null> {
    if (seen !== undefined && !changed) return seen;
    changed = false;
    seen = await look({ membershipId, nowMs: Date.now() });
    return seen;
  }

  /** Does one step. Each activity looks again at its end and returns what it saw, which saves a look of its own. */
  async function doStep(now: LookResult): Promise<Then> {
    const { step, generation, revision } = now;
    const notBeforeMs = waiting?.generation === generation ? waiting.untilMs : 0;
    if (followsDueTime(step) && Date.now() < notBeforeMs) return coolOff(now, notBeforeMs);
    if (step.do === 'rest') {
      showPhase(now.phase === 'blocked' ? now : { ...now, dueAtMs: null });
      return 'rest';
    }
    // A history from before this field was recorded has none.
    if (now.notBeforeMs > Date.now())
      return { untilMs: now.notBeforeMs, summary: 'counting who leaves' };
    if (step.do === 'coolOff') {
      const then = await coolOff(now, Math.max(step.untilMs, notBeforeMs));
      return { ...then, untilMs: Math.min(then.untilMs, step.remindAtMs ?? then.untilMs) };
    }
    // The step ends with a look: only what changes from here on may come after it.
    changed = false;
    const at = { membershipId, nowMs: Date.now() };
    switch (step.do) {
      case 'revoke': {
        const here = revokeSessions({ ...at, closing: step.closing });
        if (now.elsewhere === undefined) {
          seen = await here;
          return 'goOn';
        }
        const then = await revokeElsewhere(now.elsewhere, here, now.maxPauseMs);
        seen = undefined;
        return then;
      }
      case 'project':
        seen =
          failures > 0 && isBesideStep()
            ? await beside(() => projectSlowly(at))
            : await projectUser(at);
        return 'goOn';
      case 'readAfresh':
        seen = await beside(() => readAfresh(at));
        return 'goOn';
      case 'answerRoleLoss':
        seen = await beside(() => answerRoleLoss(at));
        return 'goOn';
      case 'widen':
        seen = await widen({ ...at, revision });
        return 'goOn';
      case 'checkGuard':
        seen = await checkGuard({ ...at, generation });
        return 'goOn';
      case 'giveBack':
        seen = await beside(() => returnOwnership(at));
        return 'goOn';
      case 'open':
        seen = await open({ ...at, revision });
        return 'goOn';
      case 'transfer': {
        const { time } = step;
        seen = await beside(() => transferOwnership({ ...at, generation, time }));
        return 'goOn';
      }
      case 'remind':
        seen = await remind({ ...at, generation });
        return 'goOn';
      case 'checkConditions':
        seen = await beside(() => checkConditions({ ...at, generation }));
        // The same step once more: the answers were not clear, so ask again, but not at once.
        return seen?.step.do === 'checkConditions' ? 'tryAgain' : 'goOn';
      case 'commit':
        seen = await commit({ ...at, generation, revision });
        return 'goOn';
      case 'erase':
        seen = await erasePerson(at);
        return 'goOn';
      default:
        return assertNever(step);
    }
  }

  /** Does a step that calls out, and beside it the revocation of what closes meanwhile. */
  function beside(step: () => Promise<LookResult | null>): Promise<LookResult | null | undefined> {
    return besideStep(step(), {
      hasChanged: () => changed,
      lookAndRevoke,
      maxPauseMs: seen?.maxPauseMs ?? defaultMaxPauseMs,
    });
  }

  async function lookAndRevoke(): Promise<'goOn' | 'tryAgain' | 'leave'> {
    changed = false;
    const now = await look({ membershipId, nowMs: Date.now() });
    if (now?.step.do !== 'revoke') return 'goOn';
    showDetails(now);
    const then = await doStep(now);
    // It may have ended with Tenure's own part still under way, which the fresh run begins anew.
    if (now.elsewhere !== undefined && workflowInfo().continueAsNewSuggested) return 'leave';
    return then === 'tryAgain' ? then : 'goOn';
  }

  /**
   * Begins to wait in a fresh run: months of waiting are the longest part of a lifecycle, and so they cost
   * a handful of events, whatever came before. The later of the workflow's and MongoDB's due time counts.
   */
  async function coolOff(now: LookResult, untilMs: number): Promise<Waiting> {
    showPhase({ ...now, phase: 'coolingOff', dueAtMs: untilMs });
    waiting = { generation: now.generation, untilMs };
    if (input.waiting === undefined) await goOnInFreshRun();
    return { untilMs, summary: coolingOffSummary(untilMs) };
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
    seen = undefined;
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

function coolingOffSummary(untilMs: number): string {
  return inWords({ phase: 'coolingOff', blockedBy: [], dueAtMs: untilMs });
}
