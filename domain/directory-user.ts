import type { Policy } from './policy.ts';
import { compareVersions, isNewer, type Version } from './versions.ts';
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
  /** They were forgotten once and came back: from then on nobody is looked for by their e-mail. */
  cameBack?: true;
  /** The revision of the organization's facts by which it was judged last. */
  factsRevision: number;
}

/**
 * The record that counts: the one that WorkOS created last. An older one of the same person is over, also
 * where its deletion never came, and must not keep the door open when the newer one is gone. Only if an
 * older one was told as active after the newer one had gone it is the older one that lives.
 */
export function currentRecord(user: Pick<DirectoryUser, 'records'>): DirectoryRecord {
  const youngestFirst = user.records.toSorted(
    (a, b) => bornAt(b) - bornAt(a) || compareVersions(b.version, a.version),
  );
  const [youngest] = youngestFirst;
  if (youngest === undefined) throw new TypeError('A directory user without a record.');
  if (youngest.state === 'active') return youngest;
  const alive = youngestFirst.find(
    ({ state, version }) => state === 'active' && isNewer(version, youngest.version),
  );
  return alive ?? youngest;
}

/** Whoever is told of is there already: nothing else said when they were created. */
function bornAt({ bornAtMs, version }: DirectoryRecord): number {
  return bornAtMs ?? version.eventAtMs;
}

/** The earlier of two words about when a record was created: what came first bounds it. */
export function earlierBirth(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

/**
 * Whether the person was forgotten: ids and version floors are all that is left. Of a stranger, too, only
 * ids and versions are kept, but nothing was ever taken away that a late telling could bring back.
 */
export function isForgotten(user: Pick<DirectoryUser, 'records' | 'membershipId'>): boolean {
  return (
    user.membershipId === null &&
    user.records.every(({ profile, groupsFloor }) => profile === null && groupsFloor !== null)
  );
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

/** Why a directory user does not back its membership; the first that holds, in this order. */
export const backingObstacles = [
  'directoryGone',
  'notAuthoritative',
  'suspended',
  'notActive',
  'leavingAttribute',
  'noAccessGroup',
] as const;
export type BackingObstacle = (typeof backingObstacles)[number];

/**
 * Whether one directory user backs its membership under the organization's policy. Of what is in its way only
 * a suspension that the policy does not count as a leaving leaves something behind.
 */
export function backingOf(
  user: Pick<DirectoryUser, 'directoryId' | 'records'>,
  policy: BackingPolicy,
  standing: Standing = goodStanding,
): Backing {
  const obstacle = obstacleOf(user, policy, standing);
  if (obstacle === null) return 'backs';
  return obstacle === 'suspended' ? 'suspended' : 'none';
}

/**
 * What keeps one directory user from backing its membership; null: it backs it. Leaving signals are all
 * alike: any state but active, a deletion, a custom attribute that the policy names. A directory that is
 * not authoritative, or gone, backs nobody; under `accessByGroup` nor does one outside every access group.
 */
export function obstacleOf(
  user: Pick<DirectoryUser, 'directoryId' | 'records'>,
  policy: BackingPolicy,
  standing: Standing,
): BackingObstacle | null {
  if (standing.directoryGone) return 'directoryGone';
  const authoritative =
    policy.lifecycleAuthority === 'any' || policy.lifecycleAuthority.includes(user.directoryId);
  if (!authoritative) return 'notAuthoritative';
  const { state, profile } = currentRecord(user);
  if (state === 'suspended' && !policy.suspendedCountsAsLeaving) return 'suspended';
  if (state !== 'active') return 'notActive';
  if (saysTheyLeft(profile, policy.leavingAttributes)) return 'leavingAttribute';
  return policy.accessByGroup && !standing.inAccessGroup ? 'noAccessGroup' : null;
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

/** Where a directory user stands among those of one person, as far as precedence goes. */
export interface DirectoryRank {
  directoryId: string;
  /** The directory's type as WorkOS names it; null where nothing said so yet. */
  type: string | null;
}

/**
 * Orders the directories of one person by whose word counts first: the order of a policy that lists its
 * authorities, then the configured order of directory ids and types, then the directory id, so that the
 * order of arrival never matters.
 */
export function byPrecedence(
  lifecycleAuthority: Policy['lifecycleAuthority'],
  directoryOrder: readonly string[],
): (a: DirectoryRank, b: DirectoryRank) => number {
  const listed = lifecycleAuthority === 'any' ? [] : lifecycleAuthority;
  const ranks = ({ directoryId, type }: DirectoryRank): number[] => [
    placeIn(listed, [directoryId]),
    placeIn(directoryOrder, type === null ? [directoryId] : [directoryId, type]),
  ];
  return (a, b) => {
    const [ofA, ofB] = [ranks(a), ranks(b)];
    const difference = ofA.map((rank, index) => rank - (ofB[index] ?? 0)).find((by) => by !== 0);
    if (difference !== undefined) return difference;
    return a.directoryId < b.directoryId ? -1 : a.directoryId > b.directoryId ? 1 : 0;
  };
}

/** The first place at which any of the names stands; those that stand nowhere come last. */
function placeIn(order: readonly string[], names: readonly string[]): number {
  const place = order.findIndex((name) => names.includes(name));
  return place === -1 ? order.length : place;
}

/** The backing of a membership is the best of its directory users: one active record keeps the person in. */
export function combinedBacking(backings: Backing[]): Backing {
  if (backings.includes('backs')) return 'backs';
  return backings.includes('suspended') ? 'suspended' : 'none';
}
