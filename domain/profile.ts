import type { DirectoryProfile } from './directory-user.ts';

/** The profile of a user: Tenure's own record, and what is projected into the host application. */
export interface UserProfile {
  email: string | null;
  username: string | null;
  firstName: string | null;
  lastName: string | null;
  displayName: string | null;
}

/**
 * For each field of the profile the places where a directory may say it, in order: the plain field of the
 * directory user, then `custom_attributes`, since WorkOS empties the plain ones (job_title, username,
 * emails) where predefined attributes are on.
 */
export type AttributeMap = Record<keyof UserProfile, string[]>;

export const defaultAttributeMap: AttributeMap = {
  email: ['email', 'custom_attributes.email'],
  username: ['username', 'custom_attributes.username'],
  firstName: ['first_name', 'custom_attributes.first_name'],
  lastName: ['last_name', 'custom_attributes.last_name'],
  displayName: ['name', 'custom_attributes.display_name'],
};

/**
 * One profile of what several directories say, the first before the next: a field that the first leaves
 * empty is taken from the next one that fills it. null where nobody says anything.
 */
export function mergedProfile(profiles: readonly UserProfile[]): UserProfile | null {
  const [first, ...others] = profiles;
  if (first === undefined) return null;
  return others.reduce<UserProfile>(
    (merged, next) => ({
      email: merged.email ?? next.email,
      username: merged.username ?? next.username,
      firstName: merged.firstName ?? next.firstName,
      lastName: merged.lastName ?? next.lastName,
      displayName: merged.displayName ?? next.displayName,
    }),
    first,
  );
}

/** The profile of a user by the attribute map. A field that no place fills is null; a missing display name is put together. */
export function profileOf(directory: DirectoryProfile, map: AttributeMap): UserProfile {
  const read = (field: keyof UserProfile): string | null => firstText(directory, map[field]);
  const firstName = read('firstName');
  const lastName = read('lastName');
  const composed = [firstName, lastName].filter((part) => part !== null).join(' ');
  return {
    email: read('email'),
    username: read('username'),
    firstName,
    lastName,
    displayName: read('displayName') ?? (composed === '' ? null : composed),
  };
}

function firstText(directory: DirectoryProfile, places: string[]): string | null {
  for (const place of places) {
    const value = valueAt(directory, place);
    if (typeof value === 'string' && value.trim() !== '') return value.trim();
  }
  return null;
}

function valueAt(directory: DirectoryProfile, place: string): unknown {
  const custom = /^custom_attributes\.(.+)$/.exec(place)?.[1];
  if (custom !== undefined)
    return Object.hasOwn(directory.attributes, custom) ? directory.attributes[custom] : null;
  switch (place) {
    case 'email':
      return directory.email;
    case 'username':
      return directory.username;
    case 'first_name':
      return directory.firstName;
    case 'last_name':
      return directory.lastName;
    case 'name':
      return directory.name;
    default:
      return null;
  }
}
