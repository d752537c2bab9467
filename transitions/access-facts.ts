import { randomInt } from 'node:crypto';

import { hasLeft, type Membership } from '../domain/membership.ts';
import { coolingOffEnds, type Policy } from '../domain/policy.ts';
import type { Note } from './change-membership.ts';

/**
 * Edits of a membership's facts that several transitions share. They change the draft only;
 * `changeMembership` derives access from it and writes it.
 */

/** Asks for another revocation of everything that lets the person in, and puts it before all other work. */
export function demandRevocation(membership: Membership, at: Date, receivedAt: Date): void {
  membership.closings += 1;
  membership.closedReceivedAt = receivedAt;
  membership.disabledAt ??= at;
  membership.urgent = true;
}

/**
 * The person left: this disables the user when WorkOS deprovisions them, instead of deleting. Counts the
 * generation, so that a leaving cannot be missed however short it was, and starts the cooling-off.
 */
export function leave(
  membership: Membership,
  policy: Policy,
  at: Date,
  receivedAt: Date,
  note: Note,
): void {
  membership.backed = false;
  membership.suspended = false;
  membership.generation += 1;
  membership.phase = 'closingAccess';
  membership.blockedBy = [];
  membership.conditions = null;
  membership.disabledAt = at;
  demandRevocation(membership, at, receivedAt);
  const share = randomInt(1_000_000) / 1_000_000;
  membership.dueAt = new Date(coolingOffEnds(policy, at.getTime(), share));
  note('left', { dueAt: membership.dueAt.toISOString() });
}

/** The person is backed again, or for the first time: opening is left to the lifecycle. */
export function comeIn(membership: Membership, note: Note): void {
  const returning = hasLeft(membership);
  const wasOpen = membership.access.state === 'open';
  membership.backed = true;
  membership.everBacked = true;
  membership.suspended = false;
  membership.dueAt = null;
  membership.conditions = null;
  membership.blockedBy = [];
  if (returning) membership.giveBack = true;
  if (!wasOpen) membership.phase = 'joining';
  note(returning ? 'returned' : 'backed');
}

/** Clears what only a closed membership has; called where access opens or the directory lifts a suspension. */
export function forgetClosing(membership: Membership): void {
  membership.disabledAt = null;
  membership.closedReceivedAt = null;
}
