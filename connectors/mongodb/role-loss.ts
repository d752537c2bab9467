import type { Document, Filter } from 'mongodb';

import { mongodbSessions, type Marking, type MongodbSessions } from '../../domain/host-file.ts';
import type { Beat, HostMembership, RevocationReport } from '../host-application.ts';
import type { RevocationPolicy } from '../revocation.ts';
import { credentialsOf, endBatch, notYetRevoked, revocation, type Task } from './credentials.ts';
import { hostCollection, type HostDocument, type MongoHost } from './host-collections.ts';
import { pause } from './pacing.ts';

/** One call, with what is known of it so far. */
interface Pass {
  host: MongoHost;
  tasks: Task[];
  report: RevocationReport;
  /** Reports progress; throws when the activity is cancelled. */
  beat: () => void;
  /** Whether the time of this call is over. */
  isOver: () => boolean;
}

/**
 * Somebody stays in with fewer roles: revokes or marks the credentials of the kinds for which the host file
 * says so, those that a leaving from this organization would end. Reads again as a revocation does, since a
 * sign-in under way may still write a session with the roles of before.
 */
export async function answerRoleLoss(
  host: MongoHost,
  membership: HostMembership,
  policy: RevocationPolicy,
  beat: Beat,
): Promise<RevocationReport> {
  const beganAt = new Date();
  const tasks = mongodbSessions(host.file).flatMap((source) => {
    const { onRoleLoss } = source;
    if (onRoleLoss === 'none') return [];
    if (onRoleLoss === 'revoke') return revocation(host, source, membership) ?? [];
    return refreshment(host, { source, marks: onRoleLoss, membership, beganAt }) ?? [];
  });
  return untilNoneIsLeft(host, tasks, policy, beat);
}

/** What is revoked already needs no refresh; what was marked before this loss needs another one. */
function refreshment(
  host: MongoHost,
  refresh: { source: MongodbSessions; marks: Marking; membership: HostMembership; beganAt: Date },
): Task | null {
  const { source, marks, beganAt } = refresh;
  const belongs = credentialsOf(source, refresh.membership);
  if (belongs === null) return null;
  return {
    source,
    belongs,
    open: (now) => ({ $and: [notYetRevoked(source, now), notYetMarked(marks, beganAt)] }),
    end: async (filter) => {
      const collection = hostCollection(host, source.collection);
      const update = [{ $set: fieldsOf(marks, new Date()) }];
      return (await collection.updateMany(filter, update)).modifiedCount;
    },
  };
}

async function untilNoneIsLeft(
  host: MongoHost,
  tasks: Task[],
  policy: RevocationPolicy,
  beat: Beat,
): Promise<RevocationReport> {
  const giveUpAt = performance.now() + policy.giveUpAfterMs;
  const report: RevocationReport = { found: {}, revoked: {}, verifiedEmpty: false };
  const pass: Pass = {
    host,
    tasks,
    report,
    beat: () => beat({ done: total(report.revoked) }),
    isOver: () => performance.now() >= giveUpAt,
  };
  let emptyReads = 0;
  while (emptyReads < 2) {
    emptyReads = (await readAll(pass)) === 0 ? emptyReads + 1 : 0;
    if (emptyReads === 2) report.verifiedEmpty = true;
    else if (pass.isOver()) break;
    else await pause(policy.readBackPauseMs);
  }
  return report;
}

/** Reads every source once and does what is to be done. Returns how many it found. */
async function readAll(pass: Pass): Promise<number> {
  let found = 0;
  for (const task of pass.tasks) {
    pass.report.found[task.source.kind] ??= 0;
    pass.report.revoked[task.source.kind] ??= 0;
    found += await endOpenOnes(pass, task);
    pass.beat();
  }
  return found;
}

async function endOpenOnes(pass: Pass, task: Task): Promise<number> {
  const { kind } = task.source;
  let all = 0;
  for (;;) {
    const { found, ended } = await endBatch(pass.host, task);
    if (found === 0) return all;
    all += found;
    count(pass.report.found, kind, found);
    count(pass.report.revoked, kind, ended);
    pass.beat();
    // Nothing changed: another pass after the pause, instead of spinning on what cannot be changed.
    if (ended === 0 || pass.isOver()) return all;
  }
}

/** What does not carry the marking, or carries it from before. A text or number in a time's field is no mark. */
function notYetMarked({ set }: Marking, beganAt: Date): Filter<HostDocument> {
  const open = Object.entries(set).map(([field, value]): Filter<HostDocument> =>
    value === 'now' ? { [field]: { $not: { $gte: beganAt } } } : { [field]: { $ne: value } },
  );
  return { $or: open };
}

function fieldsOf({ set }: Marking, now: Date): Document {
  const fields = Object.entries(set).map(([field, value]) => [
    field,
    value === 'now' ? now : { $literal: value },
  ]);
  return Object.fromEntries(fields);
}

function count(counts: Record<string, number>, kind: string, more: number): void {
  counts[kind] = (counts[kind] ?? 0) + more;
}

function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, each) => sum + each, 0);
}
