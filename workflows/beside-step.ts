import { condition, isCancellation, patched, TemporalFailure } from '@temporalio/workflow';

import { growingPauseMs } from './growing-pause.ts';

/** What the lifecycle does while a step that calls out is under way. */
export interface Beside {
  /** Whether something changed since the last look. */
  hasChanged: () => boolean;
  /** Looks, and ends what has to be ended at once. `leave`: the run goes on afresh, whatever the step does. */
  lookAndRevoke: () => Promise<'goOn' | 'tryAgain' | 'leave'>;
  maxPauseMs: number;
}

/**
 * Whether this run knows of it: runs that had begun before do again as they did. Asked only where it makes a
 * difference, since the first answer is written into the run's history and costs an action.
 */
export function isBesideStep(): boolean {
  return patched('besideStep');
}

/**
 * Waits for a step that calls WorkOS or the host application, which may take minutes where nobody answers, and looks
 * at every change meanwhile: a closing of access is followed by its revocation at once, beside the step. Without it
 * sessions would live for as long as an outage of something that has nothing to do with them.
 *
 * The step is not given up: it is idempotent, writes facts, and nothing but a revocation is done beside it, so that no
 * two steps of a membership meet which would not have met before. A revocation that failed is tried again after
 * pauses that grow, while the step is under way; after it, the lifecycle does so.
 *
 * Returns what the step saw at its end, or undefined if something newer may have been seen: look first.
 */
export async function besideStep<T>(
  step: Promise<T>,
  { hasChanged, lookAndRevoke, maxPauseMs }: Beside,
): Promise<T | undefined> {
  let underWay = true;
  const ended = (): void => {
    underWay = false;
  };
  step.then(ended, ended);
  let looked = false;
  let failures = 0;
  for (;;) {
    if (failures === 0) await condition(() => !underWay || hasChanged());
    else await condition(() => !underWay, growingPauseMs(failures - 1, maxPauseMs));
    if (!underWay || (!looked && !isBesideStep())) break;
    looked = true;
    const then = await lookAndRevoke().catch(afterFailure);
    if (then === 'leave') return undefined;
    failures = then === 'goOn' ? 0 : failures + 1;
  }
  const seen = await step;
  return looked ? undefined : seen;
}

/** What an activity could not do is tried again; a cancellation and a mistake end the wait. */
function afterFailure(error: unknown): 'tryAgain' {
  if (!(error instanceof TemporalFailure) || isCancellation(error)) throw error;
  return 'tryAgain';
}
