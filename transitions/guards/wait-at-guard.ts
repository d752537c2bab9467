import type { Filter } from 'mongodb';

import {
  guardOf,
  hasLeft,
  isCommitted,
  type GuardFact,
  type Membership,
} from '../../domain/membership.ts';
import type { GuardDocument } from '../../platform/mongo/documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { changeMembership } from '../membership/change-membership.ts';

/** A leaving that is made to wait at a guard. */
export interface Waiting {
  guard: Pick<GuardDocument, '_id'>;
  generation: number;
  /** Where it must stand with the guards until now; absent: it was not counted yet. */
  instead?: readonly GuardFact['state'][];
  /** Another one found the mass, so the lifecycle has to look again. */
  gathered?: boolean;
}

/**
 * Makes a leaving wait at a guard: the one that is being counted, or one that had passed as one of few
 * before the others left. Nothing else changes: access is closed already, and what was done stays done.
 * After the commit point of the erasure it is too late.
 */
export async function waitAtGuard(
  tx: Transaction,
  membershipId: string,
  { guard, generation, instead, gathered = false }: Waiting,
): Promise<Membership | null> {
  const by = { actor: 'lifecycle', own: !gathered };
  return changeMembership(tx, membershipId, by, (membership, note) => {
    if (membership.generation !== generation || !hasLeft(membership)) return;
    if (isCommitted(membership)) return;
    const state = guardOf(membership)?.state;
    const expected = state === undefined ? instead === undefined : instead?.includes(state);
    if (expected !== true) return;
    membership.guard = { generation, state: 'waits', id: guard._id };
    note('guardWaits', { guardId: guard._id });
    if (!gathered) return;
    membership.phase = 'blocked';
    membership.blockedBy = [{ code: 'guard', detail: guard._id }];
    note('phase', { phase: 'blocked', blockedBy: 'guard' });
  });
}

/** Everybody who waits at a guard, or whom its decision reached and who is not back, by the index on it. */
export function standingAt(guardId: string, state: GuardFact['state']): Filter<Membership> {
  return { 'guard.id': guardId, 'guard.state': state, backed: false };
}

/** Everybody who waits at a guard. */
export function waitingAt(guardId: string): Filter<Membership> {
  return standingAt(guardId, 'waits');
}
