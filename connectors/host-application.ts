import type { ProjectedField } from '../domain/host-file.ts';
import type { ClosingReason } from '../domain/words.ts';
import type { CredentialSource } from './credential-source.ts';
import type { RevocationPolicy } from './revocation.ts';

/** Where a membership stands in the host application. Ids are the host's own. */
export interface HostMembership {
  /** Tenure's own id of it; the host does not know it. What is done for it is named by it. */
  membershipId: string;
  userId: string;
  /**
   * Tenure's id of the user, where the host application has one of its own. What was written before it said so
   * may still name the user by it.
   */
  otherUserId?: string;
  organizationId: string;
  /** Whether the person has no other membership that is still in: decides on credentials without an organization. */
  last: boolean;
  /** Why the last closing was. Absent: `leaving`. */
  reason?: ClosingReason;
}

/** What is written into the host's users: only the fields that the host file names. Times are UTC dates. */
export interface ProjectedUser {
  userId: string;
  email: string | null;
  username: string | null;
  firstName: string | null;
  lastName: string | null;
  name: string | null;
  status: string;
  disabledAt: Date | null;
}

/** What one call did about the session sources. Counts by kind; a kind that it is not about is absent. */
export interface RevocationReport {
  found: Record<string, number>;
  /** Revoked, or marked for a refresh. */
  revoked: Record<string, number>;
  /** Nothing was left when everything was read back, twice in a row. */
  verifiedEmpty: boolean;
}

/**
 * One resource that a person owns. `resourceId` is canonical EJSON of its `_id` (`"p1"`, `{"$oid":"..."}`),
 * so that it keeps its type through JSON.
 */
export interface OwnedResource {
  kind: string;
  resourceId: string;
}

/**
 * Called after each batch: the activity's heartbeat. What it throws (the activity is cancelled) ends the call
 * between two batches.
 */
export type Beat = (progress: { done: number }) => void;

/** Which resources a call is about. */
export interface ResourceFilter {
  /** Resource kinds by name. */
  kinds: string[];
}

/**
 * The host application as Tenure reaches it. Every method may be called again after a crash: what is done
 * already is found done. None creates a user except `projectUser` for somebody who is let in.
 *
 * A document without an organization, be it that its collection has no such field or that the field is empty,
 * belongs to the person everywhere: sessions go at any leaving; keys, resources and personal data with the
 * last membership.
 */
export interface HostApplication {
  /** Nothing is written: each call answers what it would have done (see `observing-host.ts`). */
  readonly observes: boolean;
  /**
   * Creates (`mayCreate`) or updates the person in the host's users; fields the file does not name are never
   * touched, nor are those of `except`, and an erased record takes no profile any more.
   * @throws HostConflict where the host's database refuses it for good, such as an e-mail that is in use.
   */
  projectUser(
    user: ProjectedUser,
    mayCreate: boolean,
    except?: readonly ProjectedField[],
  ): Promise<void>;
  /** The sessions, tokens and keys that lie in the host application's database, one source for each kind. */
  readonly credentialSources: readonly CredentialSource[];
  /**
   * Somebody stays in with fewer roles: does to the credentials that a leaving from this organization would end
   * what the host file says for their kind (`onRoleLoss`), and reads back until two consecutive reads find none
   * that is as before. Called again it marks again: a needless refresh, never a missed one. Returns with
   * `verifiedEmpty: false` once the policy's time is over.
   */
  answerRoleLoss(
    membership: HostMembership,
    policy: RevocationPolicy,
    beat: Beat,
  ): Promise<RevocationReport>;
  /** Kinds of resources, and whether they are critical. */
  resourceKinds(): { kind: string; critical: boolean }[];
  /** Up to `limit` resources of these kinds that the person owns, in a stable order after `after`. Fewer: there are no more. */
  ownedResources(
    membership: HostMembership,
    filter: ResourceFilter,
    page: { after: OwnedResource | null; limit: number },
  ): Promise<OwnedResource[]>;
  /**
   * Hands resources from one owner to another, each by compare-and-set on the owner field: what somebody
   * else owns meanwhile is left alone. `from` and `to` are user ids or `organizationOwner`. Returns how many
   * changed. Has no beat: hand over a page of resources a call.
   */
  changeOwner(change: { resources: OwnedResource[]; from: string; to: string }): Promise<number>;
  /** How many resources the person still owns. */
  countOwned(membership: HostMembership): Promise<number>;
  /** Whether a resource belongs to the person: for holds on resources. `id` as in `OwnedResource`, or plain as the host shows it. */
  ownsResource(userId: string, resource: { kind: string; id: string }): Promise<boolean>;
  /**
   * Every `resourceId` of `OwnedResource` that an id from outside may mean: an admin who places a hold knows
   * only what the host shows. By the form of the id alone; nothing is read.
   */
  possibleResourceIds(id: string): string[];
  /** What stands in an owner field for the organization itself. */
  organizationOwner(organizationId: string): string;
  /**
   * Replaces or removes personal data by the data map, and with `wholeUser` the host's users record. Creates no
   * field: what is missing or null stays so. Returns changed documents per collection; one that two rules
   * change counts twice. Rows that appear after its last read are seen by `countPersonalData`: call again.
   * @throws HostConflict where a unique index of the host refuses the pseudonym.
   */
  anonymize(erasure: HostErasure, beat: Beat): Promise<Record<string, number>>;
  /** Documents in which personal data of the map is still there, counted for each rule: 0 after a complete erasure. */
  countPersonalData(erasure: HostErasure): Promise<number>;
}

export interface HostErasure {
  userId: string;
  organizationId: string;
  /** Random, and the same at every call of one erasure: else each call would find the former one's work undone. */
  pseudonym: string;
  pseudonymEmail: string;
  /** The person's last membership: user-wide rows and the host's users record go too. */
  wholeUser: boolean;
  /** `delete`: the host's users record is deleted instead of pseudonymized. */
  mode: 'anonymize' | 'delete';
}
