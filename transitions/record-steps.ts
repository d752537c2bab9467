import type { ConditionsFound, Membership } from '../domain/membership.ts';
import type { Store } from '../platform/mongo/store.ts';
import { inTransaction } from '../platform/mongo/transaction.ts';
import { changeMembership, type Note } from './change-membership.ts';

/**
 * The lifecycle writes down what a step did. These are facts: they hold whatever happened meanwhile, so
 * they need no compare-and-set on the revision, and what happened meanwhile stays to be looked at.
 */
async function record(
  store: Store,
  membershipId: string,
  change: (membership: Membership, note: Note) => void,
): Promise<Membership | null> {
  return inTransaction(store, async (tx) =>
    changeMembership(tx, membershipId, { actor: 'lifecycle', own: true }, change),
  );
}

/** Every session, token and key was revoked and read back empty, for every closing up to `closing`. */
export async function recordRevoked(
  store: Store,
  membershipId: string,
  revoked: { closing: number; counts: Record<string, number> },
): Promise<Membership | null> {
  return record(store, membershipId, (membership, note) => {
    if (membership.revokedClosings >= revoked.closing) return;
    membership.revokedClosings = revoked.closing;
    note('sessionsVerifiedEmpty', revoked.counts);
  });
}

/** The host application was told everything up to the counter `projected`. */
export async function recordProjected(
  store: Store,
  membershipId: string,
  projected: number,
): Promise<Membership | null> {
  return record(store, membershipId, (membership, note) => {
    if (membership.projection.done >= projected) return;
    if (membership.projection.done === 0) note('provisioned');
    membership.projection.done = projected;
  });
}

/** The resources of one time of the policy were handed over. */
export async function recordTransferred(
  store: Store,
  membershipId: string,
  transferred: { generation: number; time: 'onDeprovision' | 'beforeAnonymization'; moved: number },
): Promise<Membership | null> {
  return record(store, membershipId, (membership, note) => {
    if (membership.generation !== transferred.generation) return;
    const progress =
      membership.transfer?.generation === transferred.generation
        ? membership.transfer
        : { generation: transferred.generation, done: [], moved: 0 };
    if (progress.done.includes(transferred.time)) return;
    membership.transfer = {
      generation: progress.generation,
      done: [...progress.done, transferred.time],
      moved: progress.moved + transferred.moved,
    };
    // What was found before the hand-over says nothing any more of what is left.
    membership.conditions = null;
    note('ownershipTransferred', { time: transferred.time, moved: transferred.moved });
  });
}

/** What had been transferred was given back after a return. */
export async function recordGivenBack(
  store: Store,
  membershipId: string,
  returned: number,
): Promise<Membership | null> {
  return record(store, membershipId, (membership, note) => {
    if (!membership.giveBack) return;
    membership.giveBack = false;
    note('ownershipReturned', { returned });
  });
}

/** What the last look, and the count of what is left without an owner, found. */
export async function recordConditions(
  store: Store,
  membershipId: string,
  found: ConditionsFound,
): Promise<Membership | null> {
  return record(store, membershipId, (membership, note) => {
    if (membership.generation !== found.generation) return;
    const before = membership.conditions;
    membership.conditions = found;
    // An outage of WorkOS must not fill the timeline with the same line for days.
    if (before?.lastLook !== found.lastLook || before.ownedLeft !== found.ownedLeft) {
      note('conditionsChecked', { lastLook: found.lastLook, ownedLeft: found.ownedLeft });
    }
  });
}
