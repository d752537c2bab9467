import type { Document, Filter } from 'mongodb';

import type { Marking, SessionSource } from '../../domain/host-file.ts';
import type { Beat, HostMembership, RevocationReport } from '../host-application.ts';
import type { RevocationPolicy } from '../revocation.ts';
import {
  documentsOf,
  hostCollection,
  type HostDocument,
  type MongoHost,
} from './host-collections.ts';
import { pause } from './pacing.ts';

/** What one call does to the credentials of one source. */
interface Task {
  source: SessionSource;
  /** The credentials that it is about. */
  belongs: Filter<HostDocument>;
  /** Those of them that it is not done with. */
  open: (now: Date) => Filter<HostDocument>;
  /** Does it to so many of them. Returns how many changed. */
  end: (filter: Filter<HostDocument>) => Promise<number>;
}

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
 * Revokes every credential of the membership, then reads all sources again until two consecutive reads find
 * none. A sign-in that was under way when access closed may still write its session a moment later; one empty
 * read would miss it.
 */
export async function revokeSessions(
  host: MongoHost,
  membership: HostMembership,
  policy: RevocationPolicy,
  beat: Beat,
): Promise<RevocationReport> {
  const tasks = host.file.sessions.flatMap((source) => revocation(host, source, membership) ?? []);
  return untilNoneIsLeft(host, tasks, policy, beat);
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
  const tasks = host.file.sessions.flatMap((source) => {
    const { onRoleLoss } = source;
    if (onRoleLoss === 'none') return [];
    if (onRoleLoss === 'revoke') return revocation(host, source, membership) ?? [];
    return refreshment(host, { source, marks: onRoleLoss, membership, beganAt }) ?? [];
  });
  return untilNoneIsLeft(host, tasks, policy, beat);
}

/** How many credentials a revocation would end now, by kind. Reads only. */
export async function countSessions(
  host: MongoHost,
  membership: HostMembership,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const source of host.file.sessions) {
    const task = revocation(host, source, membership);
    if (task === null) continue;
    const filter = { $and: [task.belongs, task.open(new Date())] };
    count(
      counts,
      source.kind,
      await hostCollection(host, source.collection).countDocuments(filter),
    );
  }
  return counts;
}

function revocation(
  host: MongoHost,
  source: SessionSource,
  membership: HostMembership,
): Task | null {
  const belongs = credentialsOf(source, membership);
  if (belongs === null) return null;
  return {
    source,
    belongs,
    open: (now) => notYetRevoked(source, now),
    end: (filter) => revokeBatch(host, source, filter),
  };
}

/** What is revoked already needs no refresh; what was marked before this loss needs another one. */
function refreshment(
  host: MongoHost,
  refresh: { source: SessionSource; marks: Marking; membership: HostMembership; beganAt: Date },
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

async function endOpenOnes(pass: Pass, { source, belongs, open, end }: Task): Promise<number> {
  const collection = hostCollection(pass.host, source.collection);
  const { pacer } = pass.host;
  let found = 0;
  for (;;) {
    const batch = await collection
      .find(
        { $and: [belongs, open(new Date())] },
        { projection: { _id: 1 }, limit: pacer.batchSize },
      )
      .toArray();
    if (batch.length === 0) return found;
    found += batch.length;
    count(pass.report.found, source.kind, batch.length);
    await pacer.turn(batch.length);
    const ended = await end({
      $and: [{ _id: { $in: batch.map((document) => document._id) } }, belongs],
    });
    count(pass.report.revoked, source.kind, ended);
    pass.beat();
    // Nothing changed: another pass after the pause, instead of spinning on what cannot be changed.
    if (ended === 0 || pass.isOver()) return found;
  }
}

/**
 * The credentials that this leaving ends. Those without an organization let the person in everywhere: a
 * session is made anew at the next sign-in, so it goes at any leaving; a key does not come back, so it stays
 * while the person is still in somewhere.
 */
function credentialsOf(
  source: SessionSource,
  membership: HostMembership,
): Filter<HostDocument> | null {
  return documentsOf(source, membership, !source.isKey || membership.last);
}

/**
 * What still lets somebody in. A time that is set counts as revoked once it has come: with
 * `{ set: { expiresAt: now } }` every live session carries a time, but a later one.
 */
function notYetRevoked(source: SessionSource, now: Date): Filter<HostDocument> {
  if (source.revoke === 'delete') return {};
  const open: Filter<HostDocument>[] = [];
  for (const [field, value] of Object.entries(source.revoke.set)) {
    if (value === 'now') open.push({ [field]: { $eq: null } }, { [field]: { $gt: now } });
    else open.push({ [field]: { $ne: value } });
  }
  return open.length === 0 ? {} : { $or: open };
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

async function revokeBatch(
  host: MongoHost,
  source: SessionSource,
  filter: Filter<HostDocument>,
): Promise<number> {
  const collection = hostCollection(host, source.collection);
  if (source.revoke === 'delete') return (await collection.deleteMany(filter)).deletedCount;
  const update = [{ $set: revokedFields(source.revoke, new Date()) }];
  return (await collection.updateMany(filter, update)).modifiedCount;
}

/** The marking. A time that has come already stays: it says when the credential really ended. */
function revokedFields({ set }: Marking, now: Date): Document {
  const fields: Document = {};
  for (const [field, value] of Object.entries(set)) {
    const current = `$${field}`;
    const open = { $or: [{ $lte: [current, null] }, { $gt: [current, now] }] };
    fields[field] = value === 'now' ? { $cond: [open, now, current] } : { $literal: value };
  }
  return fields;
}

function count(counts: Record<string, number>, kind: string, more: number): void {
  counts[kind] = (counts[kind] ?? 0) + more;
}

function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, each) => sum + each, 0);
}
