import { randomInt } from 'node:crypto';

import { hasLeft, wantsWidening, type Grants, type Membership } from '../../domain/membership.ts';
import { coolingOffEnds, type Policy } from '../../domain/policy.ts';
import type { ClosingReason } from '../../domain/words.ts';
import type { Note } from './change-membership.ts';

/**
 * Edits of a membership's facts that several transitions share. They change the draft only;
 * `changeMembership` derives access from it and writes it.
 */

/** Asks for another revocation of everything that lets the person in, and puts it before all other work. */
export function demandRevocation(
  membership: Membership,
  why: ClosingReason,
  at: Date,
  receivedAt: Date,
): void {
  membership.closings += 1;
  membership.closingReason = why;
  membership.closedReceivedAt = receivedAt;
  membership.disabledAt ??= at;
  membership.urgent = true;
}

/** Why and under what a person leaves. */
export interface Leaving {
  policy: Policy;
  at: Date;
  receivedAt: Date;
  /** The directory whose people they counted among; null where none stood behind them. */
  leftFrom: string | null;
  /** Set where configuration or a teardown ends the access: the guard under which the leaving waits. */
  guardId: string | null;
}

/**
 * The person left: this disables the user when WorkOS deprovisions them, instead of deleting. Counts the
 * generation, so that a leaving cannot be missed however short it was, and starts the cooling-off. What a
 * directory gave goes; manual roles are suspended, and only an admin gives them back.
 */
export function leave(membership: Membership, leaving: Leaving, note: Note): void {
  const { at, guardId } = leaving;
  membership.backed = false;
  membership.suspended = false;
  membership.generation += 1;
  membership.phase = 'closingAccess';
  membership.blockedBy = [];
  membership.conditions = null;
  membership.leftFrom = leaving.leftFrom;
  membership.guard =
    guardId === null ? null : { generation: membership.generation, state: 'waits', id: guardId };
  dropGrants(membership);
  membership.disabledAt = at;
  demandRevocation(membership, 'leaving', at, leaving.receivedAt);
  const share = randomInt(1_000_000) / 1_000_000;
  membership.dueAt = new Date(coolingOffEnds(leaving.policy, at.getTime(), share));
  note('left', {
    dueAt: membership.dueAt.toISOString(),
    ...(guardId === null ? {} : { guardId }),
  });
}

/** Takes everything that a directory gave, and suspends what an admin gave. */
export function dropGrants(membership: Membership): void {
  const manual = membership.roles.filter(({ source }) => source === 'manual');
  membership.suspendedRoles = [
    ...new Set([...membership.suspendedRoles, ...manual.map(({ role }) => role)]),
  ];
  membership.roles = [];
  membership.permissions = [];
  membership.features = [];
  membership.wanted = { roles: [], permissions: [], features: [] };
}

/**
 * The person is backed again, or for the first time: opening is left to the lifecycle. Manual roles stay
 * suspended after a return, unless the leaving itself is undone: then it took nothing that counts.
 */
export function comeIn(membership: Membership, { undone }: { undone: boolean }, note: Note): void {
  const returning = hasLeft(membership);
  if (returning && undone) giveBackManualRoles(membership);
  const wasOpen = membership.access.state === 'open';
  membership.backed = true;
  membership.everBacked = true;
  membership.suspended = false;
  membership.dueAt = null;
  membership.conditions = null;
  membership.blockedBy = [];
  // Whoever is in waits at no guard; what an admin decides on the others is not about them.
  membership.guard = null;
  if (returning) {
    membership.giveBack = true;
    // WorkOS announces nobody's groups a second time.
    membership.readAfresh.wanted += 1;
  }
  if (!wasOpen) membership.phase = 'joining';
  note(returning ? 'returned' : 'backed');
}

/**
 * A leaving is undone that configuration caused and an admin rejected: the person is as they were before
 * it, and the lifecycle opens them. No directory stands behind them, so nothing else could.
 */
export function readmit(membership: Membership, note: Note): void {
  membership.readmitted = membership.generation;
  membership.dueAt = null;
  membership.conditions = null;
  membership.blockedBy = [];
  membership.giveBack = true;
  membership.phase = 'joining';
  giveBackManualRoles(membership);
  note('readmitted');
}

function giveBackManualRoles(membership: Membership): void {
  membership.roles.push(
    ...membership.suspendedRoles.map((role) => ({ role, source: 'manual' as const })),
  );
  membership.suspendedRoles = [];
}

/** Clears what only a closed membership has; called where access opens or the directory lifts a suspension. */
export function forgetClosing(membership: Membership): void {
  membership.disabledAt = null;
  membership.closedReceivedAt = null;
}

/**
 * Writes down what the directory gives now, and takes away at once what it gives no more. What it gives
 * besides is left to the lifecycle, after it looked at the whole state.
 *
 * @param urgent whether the answer to it goes before joins: not where a mapping takes it from ten thousand,
 *   whose sessions would stand before everybody who leaves
 */
export function narrow(
  membership: Membership,
  wanted: Grants,
  { urgent }: { urgent: boolean },
  note: Note,
): void {
  membership.wanted = wanted;
  const before = countOf(membership);
  membership.roles = membership.roles.filter(
    ({ role, source }) => source === 'manual' || wanted.roles.includes(role),
  );
  membership.permissions = membership.permissions.filter((name) =>
    wanted.permissions.includes(name),
  );
  membership.features = membership.features.filter((name) => wanted.features.includes(name));
  const lost = before - countOf(membership);
  if (lost === 0) return;
  membership.narrowings += 1;
  if (urgent) membership.urgent = true;
  note('grantsNarrowed', { lost });
}

/** Gives what the directory gives: the lifecycle's part of a change of roles. */
export function widen(membership: Membership, note: Note): void {
  if (!wantsWidening(membership)) return;
  const { wanted } = membership;
  const before = countOf(membership);
  const manual = membership.roles.filter(({ source }) => source === 'manual');
  membership.roles = [
    ...wanted.roles.map((role) => ({ role, source: 'directory' as const })),
    ...manual,
  ];
  membership.permissions = [...wanted.permissions];
  membership.features = [...wanted.features];
  note('grantsWidened', { gained: countOf(membership) - before });
}

/** A role that comes from two sources is one: losing one of them takes nothing away. */
function countOf({ roles, permissions, features }: Membership): number {
  const names = new Set(roles.map(({ role }) => role));
  return names.size + permissions.length + features.length;
}
