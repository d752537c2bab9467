import type { Document, Filter } from 'mongodb';

import type { SessionSource } from '../../domain/host-file.ts';
import type { Beat, HostMembership, RevocationReport } from '../host-application.ts';
import type { RevocationPolicy } from '../revocation.ts';
import {
  documentsOf,
  hostCollection,
  type HostDocument,
  type MongoHost,
} from './host-collections.ts';
import { pause } from './pacing.ts';

/** One call of `revokeSessions`. */
interface Pass {
  host: MongoHost;
  membership: HostMembership;
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
  const giveUpAt = performance.now() + policy.giveUpAfterMs;
  const report: RevocationReport = { found: {}, revoked: {}, verifiedEmpty: false };
  const pass: Pass = {
    host,
    membership,
    report,
    beat: () => beat({ done: total(report.revoked) }),
    isOver: () => performance.now() >= giveUpAt,
  };
  let emptyReads = 0;
  while (emptyReads < 2) {
    emptyReads = (await readAndRevoke(pass)) === 0 ? emptyReads + 1 : 0;
    if (emptyReads === 2) report.verifiedEmpty = true;
    else if (pass.isOver()) break;
    else await pause(policy.readBackPauseMs);
  }
  return report;
}

/** Reads every source once and revokes what it finds. Returns how many it found. */
async function readAndRevoke(pass: Pass): Promise<number> {
  let found = 0;
  for (const source of pass.host.file.sessions) {
    const live = credentialsOf(source, pass.membership);
    if (live === null) continue;
    pass.report.found[source.kind] ??= 0;
    pass.report.revoked[source.kind] ??= 0;
    found += await revokeSource(pass, source, live);
    pass.beat();
  }
  return found;
}

async function revokeSource(
  pass: Pass,
  source: SessionSource,
  belongs: Filter<HostDocument>,
): Promise<number> {
  const collection = hostCollection(pass.host, source.collection);
  const { pacer } = pass.host;
  let found = 0;
  for (;;) {
    const filter = { $and: [belongs, notYetRevoked(source, new Date())] };
    const batch = await collection
      .find(filter, { projection: { _id: 1 }, limit: pacer.batchSize })
      .toArray();
    if (batch.length === 0) return found;
    found += batch.length;
    count(pass.report.found, source.kind, batch.length);
    await pacer.turn(batch.length);
    const revoked = await revokeBatch(pass.host, source, {
      $and: [{ _id: { $in: batch.map((document) => document._id) } }, belongs],
    });
    count(pass.report.revoked, source.kind, revoked);
    pass.beat();
    // Nothing changed: another pass after the pause, instead of spinning on what cannot be revoked.
    if (revoked === 0 || pass.isOver()) return found;
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

async function revokeBatch(
  host: MongoHost,
  source: SessionSource,
  filter: Filter<HostDocument>,
): Promise<number> {
  const collection = hostCollection(host, source.collection);
  if (source.revoke === 'delete') return (await collection.deleteMany(filter)).deletedCount;
  const update = [{ $set: marking(source.revoke.set, new Date()) }];
  return (await collection.updateMany(filter, update)).modifiedCount;
}

/** The marking. A time that has come already stays: it says when the credential really ended. */
function marking(set: Record<string, string | number | boolean>, now: Date): Document {
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
