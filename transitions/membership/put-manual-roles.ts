import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { runCommand, type CommandBy } from '../commands/command.ts';

/**
 * Sets the manual roles of a membership: the whole list, whatever was there, suspended ones included. What
 * the directory gives stays as it is. Both ways it counts at once: narrowing, because it must, and widening,
 * because an admin's word is a standing fact and not a telling of a directory that may be out of date.
 * Somebody who is out gets nothing by it until they are let in.
 *
 * @throws Refusal `notFound`, `erasureStarted`
 */
export async function putManualRoles(
  store: Store,
  { roles, ...by }: CommandBy & { roles: readonly string[] },
): Promise<Membership> {
  return runCommand(store, by, (_tx, membership, note, reasonId) => {
    const given = [...new Set(roles)];
    const former = membership.roles.filter(({ source }) => source === 'manual');
    const nothingNew =
      membership.suspendedRoles.length === 0 &&
      former.length === given.length &&
      former.every(({ role }) => given.includes(role));
    if (nothingNew) return;
    const before = namesOf(membership);
    membership.roles = [
      ...membership.roles.filter(({ source }) => source === 'directory'),
      ...given.map((role) => ({ role, source: 'manual' as const })),
    ];
    membership.suspendedRoles = [];
    const after = namesOf(membership);
    const lost = before.filter((role) => !after.includes(role)).length;
    // Whoever is out has no sessions that carry the roles of before.
    if (lost > 0 && membership.access.state === 'open') membership.narrowings += 1;
    note('manualRolesSet', { roles: given.length, lost }, reasonId);
  });
}

/** A role that the directory gives too is not lost with the manual one. */
function namesOf({ roles }: Membership): string[] {
  return [...new Set(roles.map(({ role }) => role))];
}
