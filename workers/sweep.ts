import type { Store } from '../platform/mongo/store.ts';
import { raiseAll } from '../transitions/membership/raise-memberships.ts';
import { reviveDecidedGuards } from '../transitions/guards/withdraw-guards.ts';

/** A due time, or a step, is this long past before the sweep takes it for forgotten. */
const overdueMs = 10 * 60 * 1000;

/**
 * The daily sweep: what no event reports. Blocked lifecycles check their conditions again, a run that
 * somebody ended by hand is opened again once its due time passed, and bodies in the inbox that nothing
 * was done with go at the end of their time. Returns how many memberships were raised.
 */
export async function sweep(store: Store): Promise<number> {
  const past = new Date(Date.now() - overdueMs);
  await store.collections.inbox.updateMany(
    { bodyExpiresAt: { $lte: new Date() } },
    { $unset: { body: '', bodyExpiresAt: '' } },
  );
  await reviveDecidedGuards(store);
  const blocked = await raiseAll(store, { phase: 'blocked' });
  const forgotten = await raiseAll(store, {
    resting: false,
    $or: [
      { phase: 'coolingOff', dueAt: { $lte: past } },
      // Also `settled`: the revocation of somebody who was disabled, or a profile to be told.
      { phase: { $ne: 'coolingOff' }, updatedAt: { $lte: past } },
    ],
  });
  return blocked + forgotten;
}
