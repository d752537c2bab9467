import type {
  ConditionsFound,
  HandOverTime,
  Membership,
  TransferProgress,
} from '../domain/membership.ts';
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

export interface HandOver {
  generation: number;
  time: HandOverTime | 'reassignment';
  /** For a reassignment: to whom. A newer one, given meanwhile, still waits. */
  toUserId?: string;
  moved: number;
}

/** The resources of one time of the policy, or of an admin's word, were handed over. */
export async function recordTransferred(
  store: Store,
  membershipId: string,
  handOver: HandOver,
): Promise<Membership | null> {
  return record(store, membershipId, (membership, note) => {
    if (membership.generation !== handOver.generation) return;
    // What was found before the hand-over says nothing any more of what is left.
    membership.conditions = null;
    const { time, moved } = handOver;
    if (time === 'reassignment') {
      const current = membership.reassign?.toUserId === handOver.toUserId;
      if (membership.reassign === null || !current) return;
      membership.reassign.done = true;
    } else {
      const before = progressOf(membership);
      if (before.done.includes(time)) return;
      membership.transfer = {
        ...before,
        done: [...before.done, time],
        moved: before.moved + moved,
      };
    }
    note('ownershipTransferred', { time, moved });
  });
}

function progressOf({ transfer, generation }: Membership): TransferProgress {
  return transfer?.generation === generation ? transfer : { generation, done: [], moved: 0 };
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
