import type { Grants } from './membership.ts';

/** What membership of one directory group gives. Keyed by the group's WorkOS id, never by its name. */
export interface RoleMapping {
  directoryGroupId: string;
  /** Under the policy `accessByGroup`: whether this group lets its members in. */
  grantsAccess: boolean;
  roles: string[];
  permissions: string[];
  features: string[];
}

/** One directory user as far as groups and roles go. */
export interface GroupFacts {
  /** The ids of the groups that they are in now. */
  groupIds: string[];
  /** The slugs of the roles that WorkOS itself assigned. */
  workosRoles: string[];
}

export const noGrants: Grants = { roles: [], permissions: [], features: [] };

/** What the directory gives a person: everything that any of their groups gives, and WorkOS's own roles. */
export function grantsOf(people: readonly GroupFacts[], mappings: readonly RoleMapping[]): Grants {
  const groupIds = new Set(people.flatMap((person) => person.groupIds));
  const held = mappings.filter(({ directoryGroupId }) => groupIds.has(directoryGroupId));
  return {
    roles: unique([
      ...held.flatMap(({ roles }) => roles),
      ...people.flatMap(({ workosRoles }) => workosRoles),
    ]),
    permissions: unique(held.flatMap(({ permissions }) => permissions)),
    features: unique(held.flatMap(({ features }) => features)),
  };
}

/** Whether any of these groups lets its members in. */
export function groupsGrantAccess(
  groupIds: readonly string[],
  mappings: readonly RoleMapping[],
): boolean {
  return mappings.some(
    ({ directoryGroupId, grantsAccess }) => grantsAccess && groupIds.includes(directoryGroupId),
  );
}

/** Sorted, so that the order of arrival shows nowhere. */
function unique(names: string[]): string[] {
  return [...new Set(names)].toSorted();
}
