import {
  ActivityFailure,
  condition,
  isCancellation,
  patched,
  proxyActivities,
  sleep,
  TimeoutFailure,
  workflowInfo,
} from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';
import type {
  HostRevocation,
  HostRevocationAnswer,
  RevokedElsewhere,
  RevokeElsewhere,
} from '../domain/messages.ts';
import { hostActivity, untilStored } from './activity-options.ts';
import { growingPauseMs } from './growing-pause.ts';

const { recordRevokedElsewhere } = proxyActivities<Activities>(untilStored);

type Source = RevokeElsewhere['sources'][number];
type Came = Pick<RevokedElsewhere, 'revoked' | 'code'>;

/** Calls of one activity in one pass, and the longest pause between two of them. */
const mostCalls = 10;
const longestPauseMs = 5_000;

/** Runs that began before a kind was tried again by itself do as they did. */
const byItself = 'elsewhereByItself';

/**
 * Lets the host application end credentials in activities of its own, on its own task queues, all at the same
 * time, while Tenure's own activity (`here`) ends the others. Each is called until nothing is left twice in a
 * row, and written down as soon as it is known, whatever the others do. One that failed is tried again by itself,
 * after pauses that grow, as long as anything else is still under way: `here` is tried for ever, and a kind must
 * not stay alive because an endpoint elsewhere is down. Once nothing else is under way, the lifecycle tries again.
 *
 * `goOn`: all is done, or the run has become so long that a fresh one has to go on with it.
 */
export async function revokeElsewhere(
  elsewhere: RevokeElsewhere,
  here: Promise<unknown>,
  maxPauseMs: number,
): Promise<'goOn' | 'tryAgain'> {
  const { membershipId, closing, sources } = elsewhere;
  let underWay = sources.length + 1;
  let tooLong = false;
  const ended = (): void => {
    underWay -= 1;
  };
  here.then(ended, ended);
  const isDone = async (source: Source): Promise<boolean> => {
    for (let failures = 0; ; failures += 1) {
      const came = await revokeIn(source, elsewhere);
      await recordRevokedElsewhere({ membershipId, closing, kind: source.kind, ...came });
      ended();
      if (came.code === null) return true;
      if (underWay === 0 || !patched(byItself)) return false;
      tooLong ||= workflowInfo().continueAsNewSuggested;
      if (tooLong) return false;
      const nothingElse = (): boolean => underWay === 0;
      if (await condition(nothingElse, growingPauseMs(failures, maxPauseMs))) return false;
      underWay += 1;
    }
  };
  const [done] = await Promise.all([
    Promise.all(sources.map(isDone)),
    // What is under way here is begun anew by the fresh run, and finds what it did done.
    Promise.race([here, condition(() => tooLong)]),
  ]);
  return done.every(Boolean) || tooLong ? 'goOn' : 'tryAgain';
}

async function revokeIn(source: Source, elsewhere: RevokeElsewhere): Promise<Came> {
  const { userId, organizationId, last, closing } = elsewhere;
  const request: HostRevocation = {
    kind: source.kind,
    userId,
    organizationId,
    last,
    closing,
    reason: elsewhere.reason ?? 'leaving',
  };
  const call = activityOf(source);
  let revoked = 0;
  let emptyReads = 0;
  try {
    for (let calls = 0; calls < mostCalls; calls += 1) {
      const answer = await call(request);
      if (!isAnswer(answer)) return { revoked, code: 'malformed' };
      revoked += answer.revoked;
      emptyReads = answer.left === 0 ? emptyReads + 1 : 0;
      if (emptyReads === 2) return { revoked, code: null };
      if (answer.left > 0) await sleep(Math.min(250 * 2 ** calls, longestPauseMs));
    }
    return { revoked, code: 'notEmpty' };
  } catch (error) {
    if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    return { revoked, code: codeOf(error) };
  }
}

function activityOf({
  taskQueue,
  activityType,
}: Source): (request: HostRevocation) => Promise<unknown> {
  const activities = proxyActivities<Record<string, (request: HostRevocation) => Promise<unknown>>>(
    {
      ...hostActivity,
      taskQueue,
    },
  );
  const activity = activities[activityType];
  if (activity === undefined) throw new TypeError('Every name is an activity of the proxy.');
  return activity;
}

/** The host application may be written in anything: what it returns is believed only where it is two counts. */
function isAnswer(answer: unknown): answer is HostRevocationAnswer {
  if (typeof answer !== 'object' || answer === null) return false;
  return 'revoked' in answer && isCount(answer.revoked) && 'left' in answer && isCount(answer.left);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function codeOf({ cause }: ActivityFailure): string {
  if (!(cause instanceof TimeoutFailure)) return 'activityFailed';
  return cause.timeoutType === 'SCHEDULE_TO_START' ? 'nobodyPolls' : 'timeout';
}
