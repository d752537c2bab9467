import type { Filter } from 'mongodb';

import type { GuardDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { waitingAt } from './wait-at-guard.ts';

/**
 * Withdraws guards at which nobody waits any more, since everybody came back: there is nothing to decide.
 * Whoever joins at this very moment is found by the spreading and counted afresh.
 */
export async function withdrawEmptyGuards(store: Store): Promise<number> {
  const open = await settledGuards(store, { state: 'open' });
  let withdrawn = 0;
  for (const guard of open) {
    if (await isAwaited(store, guard._id)) continue;
    const { modifiedCount } = await store.collections.guards.updateOne(
      { _id: guard._id, state: 'open' },
      { $set: { state: 'withdrawn', spreading: true, spreadSince: new Date() } },
    );
    withdrawn += modifiedCount;
  }
  return withdrawn;
}

/**
 * For the daily sweep: a guard that was decided, and at which somebody waits all the same, is brought to its
 * people once more. Nothing is known to leave anybody behind; nobody would ever hear of it if it did.
 */
export async function reviveDecidedGuards(store: Store): Promise<number> {
  const decided = await settledGuards(store, { state: { $ne: 'open' } });
  let revived = 0;
  for (const { _id } of decided) {
    if (!(await isAwaited(store, _id))) continue;
    await store.collections.guards.updateOne(
      { _id },
      { $set: { spreading: true, spreadSince: new Date() } },
    );
    revived += 1;
  }
  return revived;
}

async function settledGuards(
  store: Store,
  filter: Filter<GuardDocument>,
): Promise<{ _id: string }[]> {
  return store.collections.guards
    .find({ ...filter, spreading: { $exists: false } })
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
}

async function isAwaited(store: Store, guardId: string): Promise<boolean> {
  const waiting = await store.collections.memberships.findOne(waitingAt(guardId), {
    projection: { _id: 1 },
  });
  return waiting !== null;
}
