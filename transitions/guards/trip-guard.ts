import type { Filter } from 'mongodb';

import { allowedLeavers, countLeaving, windowMsOf } from '../../domain/guard-rule.ts';
import type { HostFile } from '../../domain/host-file.ts';
import { guardOf, hasLeft, isCommitted, type Membership } from '../../domain/membership.ts';
import type { Policy } from '../../domain/policy.ts';
import type { GuardDocument } from '../../platform/mongo/documents.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { openGuardFor } from './open-guard.ts';
import { policyInForce } from '../organization/policy-in-force.ts';
import { recordGuardPassed } from './record-guard-passed.ts';
import { waitAtGuard } from './wait-at-guard.ts';

/** A closing that is counted: whose, of which directory's people, when. */
interface Closing {
  membershipId: string;
  organizationId: string;
  generation: number;
  directoryId: string;
  at: Date;
}

/**
 * Counts a leaving at the guard against mass changes: it passes as one of few, or waits with everybody of
 * its window for a decision. By an index over the closings and never by a counter that the intake would
 * have to keep, which would make everybody who leaves wait for one document.
 *
 * Nobody slips through between two that count at once: whoever closed last counts last, sees everybody
 * before, and the guard that they open gathers those who had passed (`spread-guards.ts`).
 * Idempotent: a leaving that was counted is not counted again.
 */
export async function countAtGuard(
  store: Store,
  file: Pick<HostFile, 'defaults'>,
  { membershipId, generation }: { membershipId: string; generation: number },
): Promise<void> {
  const membership = await store.collections.memberships.findOne({ _id: membershipId });
  if (membership === null || !isToBeCounted(membership, generation)) return;
  const { organizationId, leftFrom, disabledAt } = membership;
  // Who counted among no directory's people, an imported user say, is nobody's mass.
  if (leftFrom === null || disabledAt === null) {
    await recordGuardPassed(store, membershipId, generation);
    return;
  }
  const closing = {
    membershipId,
    organizationId,
    generation,
    directoryId: leftFrom,
    at: disabledAt,
  };
  const policy = await policyInForce(store, file, organizationId);
  while (!(await countOnce(store, policy, closing)));
}

/** Returns false where a guard was decided meanwhile: then the leaving is counted afresh. */
async function countOnce(store: Store, policy: Policy, closing: Closing): Promise<boolean> {
  const open = await openGuards(store, closing.directoryId);
  const around = open.find(({ window }) => isWithin(closing.at, window));
  if (around !== undefined) return joinGuard(store, closing, around._id);
  const range = await tooManyAround(store, policy, closing, open);
  if (range === null) {
    await recordGuardPassed(store, closing.membershipId, closing.generation);
    return true;
  }
  await openOrWiden(store, closing, range, windowMsOf(policy.guard));
  return true;
}

function isToBeCounted(membership: Membership, generation: number): boolean {
  return (
    membership.generation === generation &&
    hasLeft(membership) &&
    !isCommitted(membership) &&
    guardOf(membership) === null
  );
}

/** The undecided guards over the people of a directory. There is rarely one, and hardly ever two. */
async function openGuards(
  store: Store,
  directoryId: string,
  tx?: Transaction,
): Promise<GuardDocument[]> {
  const options = tx === undefined ? {} : { session: tx.session };
  return store.collections.guards
    .find({ directoryId, kind: 'mass', state: 'open' }, options)
    .sort({ openedAt: 1, _id: 1 })
    .toArray();
}

type Range = NonNullable<GuardDocument['window']>;

function isWithin(at: Date, window: Range | null): boolean {
  return window !== null && at >= window.from && at <= window.until;
}

/**
 * The stretch of time around a closing in which too many people of its directory left; null: it is one of
 * few. Cheap questions first: nearly always there are fewer closings than any policy minds.
 */
async function tooManyAround(
  store: Store,
  { guard }: Policy,
  { directoryId, at }: Closing,
  open: GuardDocument[],
): Promise<Range | null> {
  const windowMs = windowMsOf(guard);
  const counted: Filter<Membership> = {
    leftFrom: directoryId,
    disabledAt: {
      $gte: new Date(at.getTime() - windowMs),
      $lte: new Date(at.getTime() + windowMs),
    },
    backed: false,
    ...undecided(open),
  };
  const { memberships } = store.collections;
  const few = await memberships.countDocuments(counted, { limit: guard.maxUsers + 1 });
  if (few <= guard.maxUsers) return null;
  const closings = await memberships
    .find(counted)
    .sort({ disabledAt: 1 })
    .project<{ disabledAt: Date }>({ _id: 0, disabledAt: 1 })
    .toArray();
  const times = closings.map(({ disabledAt }) => disabledAt.getTime());
  const own = at.getTime();
  const { most } = countLeaving(times, own, windowMs, guard.maxUsers);
  if (most <= guard.maxUsers) return null;
  const allowed = allowedLeavers(guard, await peopleOf(store, directoryId, most, guard.maxPercent));
  const { tooMany } = countLeaving(times, own, windowMs, allowed);
  if (tooMany === null) return null;
  return { from: new Date(tooMany.fromMs), until: new Date(tooMany.untilMs) };
}

/**
 * Whom nobody decided on yet. Those under a decided guard are an admin's word already; those whom a change
 * of configuration or a teardown ended wait at a guard of their own, however few, and are nobody's mass.
 */
function undecided(open: GuardDocument[]): Filter<Membership> {
  const ids = open.map(({ _id }) => _id);
  return {
    $or: [{ guard: null }, { 'guard.state': 'passed' }, { 'guard.id': { $in: ids } }],
  };
}

/**
 * How many people a directory has, whoever left within the window (`left`) among them. Counts no further
 * than to where `left` is within the percentage: how many more there are changes nothing.
 */
async function peopleOf(
  store: Store,
  directoryId: string,
  left: number,
  maxPercent: number,
): Promise<number> {
  const enough = maxPercent === 0 ? 1 : Math.ceil((left * 100) / maxPercent);
  const active = await store.collections.directoryUsers.countDocuments(
    { directoryId, 'records.state': 'active' },
    { limit: enough },
  );
  return active + left;
}

async function joinGuard(store: Store, closing: Closing, guardId: string): Promise<boolean> {
  return inTransaction(store, async (tx) => {
    const guard = await tx.collections.guards.findOne(
      { _id: guardId, state: 'open' },
      { session: tx.session },
    );
    if (guard === null) return false;
    await waitAtGuard(tx, closing.membershipId, { guard, generation: closing.generation });
    return true;
  });
}

/**
 * Waits at the guard of this mass, which the first one opens. The fence comes before the look for an open
 * one: of two lifecycles that would each open a guard, the second sees that of the first.
 */
async function openOrWiden(
  store: Store,
  closing: Closing,
  range: Range,
  windowMs: number,
): Promise<void> {
  const { directoryId, organizationId, membershipId, generation } = closing;
  await inTransaction(store, async (tx) => {
    await tx.store.fences.keys(tx, [`guard/${directoryId}`]);
    const open = await openGuards(store, directoryId, tx);
    const near = open.find(({ window }) => isNear(range, window, windowMs));
    const guardId =
      near?._id ??
      (await openGuardFor(tx, {
        organizationId,
        kind: 'mass',
        directoryId,
        restores: null,
        window: range,
      }));
    if (near !== undefined) await widen(tx, near._id, range);
    await waitAtGuard(tx, membershipId, { guard: { _id: guardId }, generation });
  });
}

/** Whether a stretch of time goes on from that of a guard: no window's length lies between them. */
function isNear(range: Range, window: Range | null, windowMs: number): boolean {
  if (window === null) return false;
  const gap = Math.max(
    range.from.getTime() - window.until.getTime(),
    window.from.getTime() - range.until.getTime(),
  );
  return gap <= windowMs;
}

/** The guard covers those too who left later, or whom nobody had counted yet. */
async function widen(tx: Transaction, guardId: string, { from, until }: Range): Promise<void> {
  await tx.collections.guards.updateOne(
    { _id: guardId },
    {
      $min: { 'window.from': from },
      $max: { 'window.until': until },
      $set: { spreading: true, spreadSince: tx.at },
    },
    { session: tx.session },
  );
}
