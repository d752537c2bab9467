import type { Filter } from 'mongodb';

import { guardOf, hasLeft, isCommitted, type Membership } from '../domain/membership.ts';
import type { GuardDocument } from '../platform/mongo/documents.ts';
import type { Transaction } from '../platform/mongo/store.ts';
import { changeMembership } from './change-membership.ts';

/**
 * Makes a leaving wait at a guard: the one that is being counted, or one that had passed as one of few
 * before the others left. Nothing else changes: access is closed already, and what was done stays done.
 * After the commit point of the erasure it is too late.
 *
 * @param options.gathered somebody else's lifecycle found the mass, so this one has to look again
 */
export async function waitAtGuard(
  tx: Transaction,
  membershipId: string,
  options: { guard: Pick<GuardDocument, '_id'>; generation: number; gathered?: boolean },
): Promise<Membership | null> {
  const { guard, generation, gathered = false } = options;
  const by = { actor: 'lifecycle', own: !gathered };
  return changeMembership(tx, membershipId, by, (membership, note) => {
    if (membership.generation !== generation || !hasLeft(membership)) return;
    if (isCommitted(membership)) return;
    const counted = guardOf(membership)?.state ?? null;
    if (counted !== (gathered ? 'passed' : null)) return;
    membership.guard = { generation, state: 'waits', id: guard._id };
    if (gathered) {
      membership.phase = 'blocked';
      membership.blockedBy = [{ code: 'guard', detail: guard._id }];
    }
    note('guardWaits', { guardId: guard._id });
  });
}

/** Everybody who waits at a guard, by the index on it. */
export function waitingAt(guardId: string): Filter<Membership> {
  return { 'guard.id': guardId, 'guard.state': 'waits', backed: false };
}
