import {
  ActivityFailure,
  isCancellation,
  proxyActivities,
  sleep,
  TimeoutFailure,
} from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';
import type {
  HostRevocation,
  HostRevocationAnswer,
  RevokedElsewhere,
  RevokeElsewhere,
} from '../domain/messages.ts';
import { hostActivity, untilStored } from './activity-options.ts';

const { recordRevokedElsewhere } = proxyActivities<Activities>(untilStored);

type Source = RevokeElsewhere['sources'][number];
type Came = Pick<RevokedElsewhere, 'revoked' | 'code'>;

/** Calls of one activity in one pass, and the longest pause between two of them. */
const mostCalls = 10;
const longestPauseMs = 5_000;

/**
 * Lets the host application end credentials in activities of its own, on its own task queues, all at the same
 * time. Each is called until nothing is left twice in a row, and written down as soon as it is known, whatever
 * the others do. Returns whether all of them are done; what is not is tried again by the lifecycle.
 */
export async function revokeElsewhere(elsewhere: RevokeElsewhere): Promise<boolean> {
  const { membershipId, closing, sources } = elsewhere;
  const done = await Promise.all(
    sources.map(async (source) => {
      const came = await revokeIn(source, elsewhere);
      await recordRevokedElsewhere({ membershipId, closing, kind: source.kind, ...came });
      return came.code === null;
    }),
  );
  return done.every(Boolean);
}

async function revokeIn(source: Source, elsewhere: RevokeElsewhere): Promise<Came> {
  const { userId, organizationId, last, closing } = elsewhere;
  const request: HostRevocation = {
    kind: source.kind,
    userId,
    organizationId,
    last,
    closing,
    reason: 'leaving',
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
