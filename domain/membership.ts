import type { RevocationFact } from './revocation.ts';
import type { Access, Blocker, ClosingReason, Phase, Status } from './words.ts';

/** A role of a membership and where it came from. Directory roles follow the directory, manual ones an admin. */
export interface RoleGrant {
  role: string;
  source: 'directory' | 'manual';
}

/** What a person gets: names of the product's own roles, permissions and features. */
export interface Grants {
  roles: string[];
  permissions: string[];
  features: string[];
}

/**
 * Where a leaving stands with the guard against mass changes. `passed`: it was one of few. `waits`: nothing
 * but the closing of access and the revocation happens until somebody decides. A leaving without this fact
 * was not counted yet.
 */
export interface GuardFact {
  generation: number;
  state: 'passed' | 'waits' | 'approved' | 'rejected';
  /** The guard's id; null where it passed. */
  id: string | null;
}

/** An admin's emergency suspension: it stands until lifted, whatever the directory says. */
export interface DisableFact {
  by: string;
  at: Date;
  reasonId: string | null;
}

/** A cancelled deletion: it stands for this generation only; a later leaving counts down again. */
export interface RetentionFact {
  generation: number;
  by: string;
  at: Date;
  reasonId: string | null;
}

/** Who receives the resources of a leaver by an admin's word, for this generation. */
export interface ReassignFact {
  generation: number;
  toUserId: string;
  /** The resource kinds it covers; null: all. */
  kinds: string[] | null;
  /** The resources were handed over as asked. */
  done: boolean;
}

/** The times of the policy at which resources change hands by themselves. */
export type HandOverTime = 'onDeprovision' | 'beforeAnonymization';

/** How far ownership transfer is, for one generation. */
export interface TransferProgress {
  generation: number;
  /** The times of the policy whose resources were moved already. */
  done: HandOverTime[];
  /** Resources whose owner changed so far. */
  moved: number;
}

/** What the last check of everything that must hold before the commit found. */
export interface ConditionsFound {
  generation: number;
  at: Date;
  /**
   * `gone`: every directory user ever linked answers inactive or 404 while its directory answers.
   * `active`: WorkOS says that somebody is back. `uncertain`: no clear answer, so ask again.
   * `directoryGone`: the directory itself does not exist any more.
   */
  lastLook: 'gone' | 'active' | 'uncertain' | 'directoryGone';
  /** Resources that would be left without an owner. */
  ownedLeft: number;
  /** The holds on resources that were looked at, and those of them whose resource is, or was, this person's. */
  resourceHolds: { checked: string[]; covering: string[] };
}

/**
 * What an observing Tenure (`TENURE_MODE=observe`) left undone: what it would have done, had it been live.
 * While it is there nobody is anonymized; going live takes it away and does everything in earnest.
 */
export interface ObservedFact {
  since: Date;
  /** Credentials that would have been ended, by kind. */
  revocations: Record<string, number>;
  /** How often the host's users record would have been written. */
  projections: number;
  /** Resources that would have changed hands. */
  handedOver: number;
  /** When nothing but the mode stood in the way of the commit; null: something did so far. */
  anonymization: Date | null;
}

/** The erasure of a membership from its commit on. */
export interface ErasureFact {
  committedAt: Date;
  /** Random, never derived from the person: what stands in the place of names. */
  pseudonym: string;
  /** Whether the person's user-wide data goes too: it was the last membership, decided under the user's fence. */
  wholeUser: boolean;
  completedAt: Date | null;
  /** Documents changed per collection of the host application and of Tenure. Counts only. */
  counts: Record<string, number>;
}

/**
 * A membership: one user in one organization, the unit of the lifecycle and of locking. Every transaction
 * that changes what decides on it increments `revision` first; the lifecycle writes what it has seen to
 * `lookedRevision`. `revision > lookedRevision` is the outbox: somebody has to look.
 */
export interface Membership {
  _id: string;
  userId: string;
  organizationId: string;
  revision: number;
  lookedRevision: number;
  /** Set while `revision > lookedRevision`; absent otherwise, so that a partial index finds exactly the pending ones. */
  pendingSince?: Date;
  /** Access is being closed or a command waits: signalled before joins and updates. */
  urgent: boolean;
  /** No run of the lifecycle is needed: the last look found nothing to do. */
  resting: boolean;
  phase: Phase;
  status: Status;
  access: Access;
  /** At least one active directory user of an authoritative directory stands behind it. */
  backed: boolean;
  /** A directory user has backed it at some time; from then on nothing else keeps it open. */
  everBacked: boolean;
  /**
   * It may be open although no directory user backs it: imported, or created at a login of an organization
   * without Directory Sync. Means nothing any more once a directory user has backed it.
   */
  withoutDirectory: boolean;
  /** Every directory user behind it is suspended, and the policy does not count that as leaving. */
  suspended: boolean;
  /** Leavings so far. */
  generation: number;
  /** Leavings up to this one were undone: they count for nothing any more. */
  readmitted: number;
  /**
   * Closings of access so far, and up to which of them every session is verified gone, or known to expire where
   * that is all that can be known.
   */
  closings: number;
  revokedClosings: number;
  /** Why the last closing was; written with it, so that every try of it says the same. Absent: before it was written down. */
  closingReason?: ClosingReason;
  /** Where each kind of credentials stands; absent until somebody's access closed. */
  revocations?: RevocationFact[];
  /** The last closing that took too long, and was told of; absent: none. */
  overdueClosing?: number;
  /** What the host application must be told, and what it was told (counters). */
  projection: { wanted: number; done: number };
  /** Shown as `invited` until the first login. */
  invited: boolean;
  roles: RoleGrant[];
  permissions: string[];
  features: string[];
  /**
   * What the directory gives now, as far as it was told. Narrower than the effective grants above: these
   * follow in the same transaction. Wider: the lifecycle widens them, after it looked.
   */
  wanted: Grants;
  /** Manual roles that a leaving suspended; only an admin gives them back. */
  suspendedRoles: string[];
  /** Losses of roles so far, and up to which of them the sessions were refreshed or revoked. */
  narrowings: number;
  answeredNarrowings: number;
  /** How often WorkOS had to be asked afresh about this person and their groups, and how often it was. */
  readAfresh: { wanted: number; done: number };
  /** The revision of the organization's facts by which it was judged last. */
  factsRevision: number;
  disabled: DisableFact | null;
  retained: RetentionFact | null;
  reassign: ReassignFact | null;
  /** The directory whose people it counts among when it leaves. */
  leftFrom: string | null;
  guard: GuardFact | null;
  /** When access closed in this generation, and when the cooling-off ends. */
  disabledAt: Date | null;
  dueAt: Date | null;
  /** The leaving of which the host application was told that its deletion comes soon; absent: none yet. */
  reminded?: number;
  blockedBy: Blocker[];
  transfer: TransferProgress | null;
  /** Resources of earlier generations wait to be given back after a return. */
  giveBack: boolean;
  conditions: ConditionsFound | null;
  erasure: ErasureFact | null;
  outcome: 'anonymized' | 'deleted' | null;
  /** Absent unless something was only observed, so that a partial index finds exactly those. */
  observed?: ObservedFact;
  /** When the event that closed access reached Tenure: the start of the published revocation time. */
  closedReceivedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

/** Whether the person left and was not taken back: the countdown side of the lifecycle. */
export function hasLeft(
  membership: Pick<Membership, 'backed' | 'generation' | 'readmitted'>,
): boolean {
  return !membership.backed && membership.generation > membership.readmitted;
}

/** Whether anything stands behind the membership that lets the person in: a directory, or none was ever asked. */
export function isEntitled(
  membership: Pick<
    Membership,
    'backed' | 'everBacked' | 'generation' | 'readmitted' | 'withoutDirectory'
  >,
): boolean {
  if (membership.backed) return true;
  return membership.withoutDirectory && !membership.everBacked && !hasLeft(membership);
}

/** Whether the commit point is passed: from here on a return makes a new user. */
export function isCommitted(membership: Pick<Membership, 'erasure'>): boolean {
  return membership.erasure !== null;
}

/** Where this very leaving stands with the guard; null: it was not counted yet. */
export function guardOf(membership: Pick<Membership, 'guard' | 'generation'>): GuardFact | null {
  return membership.guard?.generation === membership.generation ? membership.guard : null;
}

/** Whether the directory gives more than the membership has: the lifecycle widens it. */
export function wantsWidening(
  membership: Pick<Membership, 'roles' | 'permissions' | 'features' | 'wanted'>,
): boolean {
  const { roles, permissions, features, wanted } = membership;
  const given = roles.filter(({ source }) => source === 'directory').map(({ role }) => role);
  return (
    !wanted.roles.every((role) => given.includes(role)) ||
    !wanted.permissions.every((permission) => permissions.includes(permission)) ||
    !wanted.features.every((feature) => features.includes(feature))
  );
}

/** Whether an admin cancelled the deletion of this very generation. */
export function isRetained(membership: Pick<Membership, 'retained' | 'generation'>): boolean {
  return membership.retained !== null && membership.retained.generation === membership.generation;
}
