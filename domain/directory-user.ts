import type { Policy } from './policy.ts';
import { compareVersions, type Version } from './versions.ts';
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
  attributes: Record<string, string | number | boolean>;
}

/** What WorkOS last told of one directory user id. */
export interface DirectoryRecord {
  id: string;
  state: DirectoryUserState;
  version: Version;
  /** When WorkOS created the record, milliseconds; null where nothing said so yet. */
  bornAtMs: number | null;
  /** The slugs of the roles that WorkOS itself assigned to it. */
  roles: string[];
  /** Of the newest full listing of its groups: an older telling of an edge says nothing any more. */
  groupsFloor: Version | null;
  /** null: only id and version are kept (unknown leavers, inactive strangers, forgotten people). */
  profile: DirectoryProfile | null;
}

/**
 * The mirror of one person in one directory. A person who is deleted and created again comes back under a
 * new WorkOS id with the same `idpId`: each id keeps a record and a version of its own, so that a late
 * event about an old id cannot undo what is known of the new one, whatever the order of arrival.
 */
export interface DirectoryUser {
  _id: string;
  directoryId: string;
  organizationId: string;
  /** The identity provider's own id. With `directoryId` the second identity; absent after the person was forgotten. */
  idpId?: string;
  records: DirectoryRecord[];
  membershipId: string | null;
  /** The revision of the organization's facts by which it was judged last. */
  factsRevision: number;
}

/** The record that counts: the newest active one, else the newest. */
export function currentRecord(user: Pick<DirectoryUser, 'records'>): DirectoryRecord {
  const newestFirst = user.records.toSorted((a, b) => compareVersions(b.version, a.version));
  const current = newestFirst.find(({ state }) => state === 'active') ?? newestFirst[0];
  if (current === undefined) throw new TypeError('A directory user without a record.');
  return current;
}

/** What a directory user means for the membership behind which it stands. */
export type Backing = 'backs' | 'suspended' | 'none';

/** What decides beside the record itself whether a directory user backs a membership. */
export interface Standing {
  /** Its directory was deleted, unlinked or moved to another organization, or the organization is gone. */
  directoryGone: boolean;
  /** They are in a group that lets its members in; without the policy `accessByGroup` it is not asked. */
  inAccessGroup: boolean;
}

/** The standing of somebody about whom nothing but the record matters. */
export const goodStanding: Standing = { directoryGone: false, inAccessGroup: true };

/**
 * Whether one directory user backs its membership under the organization's policy. Leaving signals are all
 * alike: any state but active, a deletion, a custom attribute that the policy names. A directory that is
 * not authoritative, or gone, backs nobody; under `accessByGroup` nor does one outside every access group.
 */
export function backingOf(
  user: Pick<DirectoryUser, 'directoryId' | 'records'>,
  policy: BackingPolicy,
  standing: Standing = goodStanding,
): Backing {
  if (standing.directoryGone) return 'none';
  const authoritative =
    policy.lifecycleAuthority === 'any' || policy.lifecycleAuthority.includes(user.directoryId);
  if (!authoritative) return 'none';
  const { state, profile } = currentRecord(user);
  if (state === 'suspended' && !policy.suspendedCountsAsLeaving) return 'suspended';
  if (state !== 'active') return 'none';
  if (saysTheyLeft(profile, policy.leavingAttributes)) return 'none';
  return policy.accessByGroup && !standing.inAccessGroup ? 'none' : 'backs';
}

/** What of a policy decides on backing. */
type BackingPolicy = Pick<
  Policy,
  'lifecycleAuthority' | 'leavingAttributes' | 'suspendedCountsAsLeaving' | 'accessByGroup'
>;

function saysTheyLeft(
  profile: DirectoryProfile | null,
  leavingAttributes: Policy['leavingAttributes'],
): boolean {
  return leavingAttributes.some(({ attribute, values }) => {
    const value = profile?.attributes[attribute];
    return value !== undefined && values.includes(String(value));
  });
}

/** The backing of a membership is the best of its directory users: one active record keeps the person in. */
export function combinedBacking(backings: Backing[]): Backing {
  if (backings.includes('backs')) return 'backs';
  return backings.includes('suspended') ? 'suspended' : 'none';
}
