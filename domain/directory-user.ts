import type { Policy } from './policy.ts';
import type { Version } from './versions.ts';
import type { DirectoryUserState } from './words.ts';

/** What a directory says of a person, reduced to what Tenure uses. Personal data: erased with the person. */
export interface DirectoryProfile {
  email: string | null;
  username: string | null;
  firstName: string | null;
  lastName: string | null;
  name: string | null;
  managerEmail: string | null;
  /** Custom attributes as WorkOS sent them: the attribute map and `leavingAttributes` read them. */
  attributes: Record<string, unknown>;
}

/** The mirror of one person in one directory, as WorkOS last told it. */
export interface DirectoryUser {
  _id: string;
  /** Every WorkOS directory user id it ever had: a re-created person comes back under a new one. */
  ids: string[];
  directoryId: string;
  organizationId: string;
  /** The identity provider's own id. With `directoryId` the second identity; absent after the person was forgotten. */
  idpId?: string;
  state: DirectoryUserState;
  version: Version;
  /** null: only ids and version are kept (unknown leavers, inactive strangers, forgotten people). */
  profile: DirectoryProfile | null;
  membershipId: string | null;
}

/** What a directory user means for the membership behind which it stands. */
export type Backing = 'backs' | 'suspended' | 'none';

/**
 * Whether one directory user backs its membership under the organization's policy. Leaving signals are all
 * alike: any state but active, a deletion, a custom attribute that the policy names. A directory that is
 * not authoritative backs nobody.
 */
export function backingOf(
  user: Pick<DirectoryUser, 'state' | 'directoryId' | 'profile'>,
  policy: Pick<Policy, 'lifecycleAuthority' | 'leavingAttributes' | 'suspendedCountsAsLeaving'>,
): Backing {
  const authoritative =
    policy.lifecycleAuthority === 'any' || policy.lifecycleAuthority.includes(user.directoryId);
  if (!authoritative) return 'none';
  if (user.state === 'suspended' && !policy.suspendedCountsAsLeaving) return 'suspended';
  if (user.state !== 'active') return 'none';
  return saysTheyLeft(user.profile, policy.leavingAttributes) ? 'none' : 'backs';
}

function saysTheyLeft(
  profile: DirectoryProfile | null,
  leavingAttributes: Policy['leavingAttributes'],
): boolean {
  return leavingAttributes.some(({ attribute, values }) => {
    const value = profile?.attributes[attribute];
    return value !== undefined && value !== null && values.includes(String(value));
  });
}

/** The backing of a membership is the best of its directory users: one active record keeps the person in. */
export function combinedBacking(backings: Backing[]): Backing {
  if (backings.includes('backs')) return 'backs';
  return backings.includes('suspended') ? 'suspended' : 'none';
}
