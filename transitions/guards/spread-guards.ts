import type { Filter } from 'mongodb';

import type { Membership } from '../../domain/membership.ts';
import type { GuardDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { carryDecision, type GuardRules } from './carry-decision.ts';
import { finishGuard } from './finish-guard.ts';
import { inTurns, reasonsOf, throwAll } from '../in-turns.ts';
import { noticeGuard } from './notice-guard.ts';
import { lateCommitMs } from '../organization/spread-facts.ts';
import { waitAtGuard, waitingAt } from './wait-at-guard.ts';

/** How many people one batch reaches. */
const batchSize = 200;

/**
 * Brings guards to their people, one batch for each guard a call: an open one gathers those of its window
 * who had passed before, a decided one carries the decision to everybody who waits. Each person is a small
 * transaction and says by itself whether they were reached, so it goes on after a crash where it stood.
 *
 * It ends only when the longest transaction that read the guard from before the change has ended: a leaver
 * who joins while an admin decides is decided on with the others. Returns whether there may be more to do.
 */
export async function spreadGuards(store: Store, rules: GuardRules): Promise<boolean> {
  const guards = await store.collections.guards
    .find({ spreading: true })
    .sort({ _id: 1 })
    .toArray();
  const rounds = await Promise.allSettled(
    guards.map(async (guard) => spreadGuard(store, guard, rules)),
  );
  throwAll(reasonsOf(rounds));
  return rounds.some((round) => round.status === 'fulfilled' && round.value);
}

async function spreadGuard(
  store: Store,
  guard: GuardDocument,
  rules: GuardRules,
): Promise<boolean> {
  const reached = await reachBatch(store, guard, rules);
  if (reached > 0) return true;
  if (Date.now() - guard.spreadSince.getTime() >= lateCommitMs) await finishGuard(store, guard._id);
  return false;
}

/** Returns how many people were reached; 0: nobody is left whom the guard concerns now. */
async function reachBatch(store: Store, guard: GuardDocument, rules: GuardRules): Promise<number> {
  if (guard.state !== 'open') {
    return eachOf(store, waitingAt(guard._id), async (id) =>
      carryDecision(store, guard, id, rules),
    );
  }
  if (guard.window !== null) {
    return eachOf(store, passedIn(guard, guard.window), async (id, generation) =>
      gather(store, guard, id, generation),
    );
  }
  if (!guard.shown) await showIfAwaited(store, guard._id);
  return 0;
}

/** Those who left with the others and had been counted as few, before the others left. */
function passedIn(
  { directoryId }: GuardDocument,
  { from, until }: NonNullable<GuardDocument['window']>,
): Filter<Membership> {
  return {
    leftFrom: directoryId,
    disabledAt: { $gte: from, $lte: until },
    backed: false,
    'guard.state': 'passed',
    erasure: null,
    // A leaving that was undone waits at nothing, and would be found here for ever.
    $expr: { $gt: ['$generation', '$readmitted'] },
  };
}

async function eachOf(
  store: Store,
  filter: Filter<Membership>,
  reach: (membershipId: string, generation: number) => Promise<void>,
): Promise<number> {
  const found = await store.collections.memberships
    .find(filter)
    .limit(batchSize)
    .project<{ _id: string; generation: number }>({ _id: 1, generation: 1 })
    .toArray();
  throwAll(await inTurns(found, async ({ _id, generation }) => reach(_id, generation)));
  return found.length;
}

async function gather(
  store: Store,
  guard: GuardDocument,
  membershipId: string,
  generation: number,
): Promise<void> {
  await inTransaction(store, async (tx) => {
    // Decided or withdrawn meanwhile: whoever had passed by then has passed.
    const open = await tx.collections.guards.findOne(
      { _id: guard._id, state: 'open' },
      { session: tx.session, projection: { _id: 1 } },
    );
    if (open === null) return;
    await waitAtGuard(tx, membershipId, { guard, generation, instead: ['passed'], gathered: true });
  });
}

/** A guard of configuration is one once it holds somebody up. */
async function showIfAwaited(store: Store, guardId: string): Promise<void> {
  const waiting = await store.collections.memberships.findOne(waitingAt(guardId), {
    projection: { _id: 1 },
  });
  if (waiting === null) return;
  await inTransaction(store, async (tx) => {
    const guard = await tx.collections.guards.findOneAndUpdate(
      { _id: guardId, shown: false },
      { $set: { shown: true } },
      { session: tx.session, returnDocument: 'after' },
    );
    if (guard !== null) await noticeGuard(tx, guard);
  });
}
