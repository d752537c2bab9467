import type { RevocationPolicy } from './revocation.ts';

/** Where a membership stands in the host application. Ids are the host's own. */
export interface HostMembership {
  userId: string;
  organizationId: string;
  /** Whether the person has no other membership that is still in: decides on credentials without an organization. */
  last: boolean;
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

/** What one pass over all session sources did. Counts by kind. */
export interface RevocationReport {
  found: Record<string, number>;
  revoked: Record<string, number>;
  /** Nothing was left when everything was read back, twice in a row. */
  verifiedEmpty: boolean;
}

/** One resource that a person owns. `resourceId` is canonical EJSON of its `_id`. */
export interface OwnedResource {
  kind: string;
  resourceId: string;
}

/** Called between batches: the activity's heartbeat. Throws when the activity is cancelled. */
export type Beat = (progress: { done: number }) => void;

/** Which resources a call is about. */
export interface ResourceFilter {
  /** Resource kinds by name. */
  kinds: string[];
}

/**
 * The host application as Tenure reaches it. Every method may be called again after a crash: what is done
 * already is found done. None creates a user except `projectUser` for somebody who is let in.
 */
export interface HostApplication {
  /** Creates (`mayCreate`) or updates the person in the host's users; fields the file does not name are never touched. */
  projectUser(user: ProjectedUser, mayCreate: boolean): Promise<void>;
  /** Revokes every session, token and key and reads back until two consecutive reads find none. */
  revokeSessions(
    membership: HostMembership,
    policy: RevocationPolicy,
    beat: Beat,
  ): Promise<RevocationReport>;
  /** Kinds of resources, and whether they are critical. */
  resourceKinds(): { kind: string; critical: boolean }[];
  /** Up to `limit` resources of these kinds that the person owns, in a stable order after `after`. */
  ownedResources(
    membership: HostMembership,
    filter: ResourceFilter,
    page: { after: OwnedResource | null; limit: number },
  ): Promise<OwnedResource[]>;
  /**
   * Hands resources from one owner to another, each by compare-and-set on the owner field: what somebody
   * else owns meanwhile is left alone. Returns how many changed.
   */
  changeOwner(change: { resources: OwnedResource[]; from: string; to: string }): Promise<number>;
  /** How many resources the person still owns. */
  countOwned(membership: HostMembership): Promise<number>;
  /** Whether a resource belongs to the person: for holds on resources. */
  ownsResource(userId: string, resource: { kind: string; id: string }): Promise<boolean>;
  /** What stands in an owner field for the organization itself. */
  organizationOwner(organizationId: string): string;
  /** Replaces or removes personal data by the data map. Returns changed documents per collection. */
  anonymize(erasure: HostErasure, beat: Beat): Promise<Record<string, number>>;
  /** Documents in which personal data of the map is still there: 0 after a complete erasure. */
  countPersonalData(erasure: HostErasure): Promise<number>;
}

export interface HostErasure {
  userId: string;
  organizationId: string;
  pseudonym: string;
  pseudonymEmail: string;
  /** The person's last membership: user-wide rows and the host's users record go too. */
  wholeUser: boolean;
  /** `delete`: the host's users record is deleted instead of pseudonymized. */
  mode: 'anonymize' | 'delete';
}
