import type { GateEntry } from '../../domain/decide-access.ts';
import type { AccessRules, DirectorySync, Policy } from '../../domain/policy.ts';
import type { RoleMapping } from '../../domain/grants.ts';
import type { UserProfile } from '../../domain/profile.ts';
import type { Version } from '../../domain/versions.ts';
import type { HoldKind } from '../../domain/words.ts';
import type { NoticeCode } from './notice-codes.ts';

/** The documents of Tenure's own database, as far as the domain does not define them. */

/** An organization: its policy, and the fence of every fact about all its people at once. */
export interface OrganizationDocument {
  _id: string;
  /** Raised by every change of a fact about the whole organization; its memberships follow in batches. */
  revision: number;
  spreadRevision: number;
  /** Present while `revision > spreadRevision`, so that a partial index finds it. */
  spreading?: true;
  /** When `revision` was raised last: a transaction that read the facts before it has long ended some time after. */
  revisedAt: Date;
  /** Who changed the facts last: `directory`, `admin:<key name>`, `hostFile`; absent: nobody wrote it down. */
  revisedBy?: string;
  directorySync: DirectorySync;
  /** Role mappings were set: only then groups are read when a membership is judged. */
  mapped: boolean;
  /** The guard under which the endings of the newest change of configuration or teardown wait; null: none. */
  guardId: string | null;
  /** WorkOS announced the deletion of the organization itself. */
  deletedAt: Date | null;
  /** An announced switch of provider: until then the end of these directories ends nobody's backing. */
  switchUntil: Date | null;
  switchKeeps?: string[];
  switchSet?: { by: string; at: Date; reasonId: string | null };
  /** What an admin set; the file's defaults and `defaultPolicy` fill the rest. null: nothing was set. */
  policy: Policy | null;
  /** The file's defaults by which its people are judged, whatever file a process has. null: nobody wrote them down. */
  fileRules?: AccessRules | null;
  /** Who set it last, when and why. */
  policySet?: { by: string; at: Date; reasonId: string | null };
  /** Nobody who left until then is to be anonymized; present while that is brought to each of them. */
  cancellation?: { by: string; at: Date; reasonId: string | null };
  createdAt: Date;
}

/** A user. Personal data: everything in `profile`, the keys and the history; all of it goes with the last membership. */
export interface UserDocument {
  _id: string;
  /** The fence of facts about the whole user. */
  revision: number;
  organizationIds: string[];
  profile: UserProfile | null;
  emailKey: string | null;
  usernameKey: string | null;
  emailHistory: { email: string; until: Date }[];
  /**
   * They left, and an admin said that their address is somebody else's now: the host's users, where every
   * e-mail is unique, hold a placeholder for it.
   */
  emailReleased?: true;
  /** The host application's own id for the user, once it said so in the answer to `user.provisioned`. */
  hostUserId?: string;
  /** A fingerprint of it, once the user is forgotten: nobody comes back under it. */
  formerHostUserId?: string;
  origin: 'directory' | 'import' | 'login';
  createdAt: Date;
  anonymizedAt: Date | null;
}

/** A directory as events told it. */
export interface DirectoryDocument {
  _id: string;
  organizationId: string;
  type: string | null;
  name: string | null;
  /** WorkOS's state; `unannounced` where its people came before it, or without it. */
  state: string;
  eventAtMs: number;
  /** Orders events of one millisecond, as `Version` does; absent: no event told of the directory yet. */
  eventId?: string;
  deletedAt: Date | null;
  /** Since when WorkOS says that its customer unlinked it; no event tells, so it is asked. */
  unlinkedAt: Date | null;
  /** When WorkOS was asked for its state last. */
  checkedAt: Date | null;
  /** The organization it was moved from, while people are still to follow. */
  movedFrom: string | null;
  /** A full comparison with WorkOS was asked for and has not begun: the outbox of reconciliation. */
  reconcileWantedAt?: Date;
  /** Who asked for it, where it was an admin. */
  reconcileAsked?: { by: string; at: Date; reasonId: string | null };
  createdAt: Date;
}

/** A group as WorkOS last told it. Its name is for people to recognize it; nothing is ever matched by it. */
export interface DirectoryGroupDocument {
  /** The group's WorkOS id. */
  _id: string;
  directoryId: string;
  organizationId: string;
  /** null where only edges told of the group so far. */
  name: string | null;
  state: 'active' | 'deleted';
  /** Of the newest telling; null where only edges told of the group so far. */
  version: Version | null;
  /** Of the newest deletion: an edge that is older gives nothing, even if the group was made again. */
  deletedVersion: Version | null;
  /** Of the newest full listing of its members: an older telling of an edge says nothing any more. */
  membersFloor: Version | null;
}

/** One person's membership of one group. `user_removed` stays as `present: false` with its version. */
export interface DirectoryEdgeDocument {
  /** `<group id>/<directory user id>`. */
  _id: string;
  groupId: string;
  directoryUserId: string;
  directoryId: string;
  organizationId: string;
  present: boolean;
  version: Version;
}

/** What an organization's groups give. One document, replaced as a whole. `_id` is the organization's id. */
export interface RoleMappingsDocument {
  _id: string;
  mappings: RoleMapping[];
  set: { by: string; at: Date; reasonId: string | null };
}

/**
 * A mass change that waits for a human decision. `mass`: more people of one directory left within a window
 * than the policy allows; `configuration` and `teardown`: the endings that one change caused, however few.
 */
export interface GuardDocument {
  _id: string;
  organizationId: string;
  kind: 'mass' | 'configuration' | 'teardown';
  /** `mass`: whose people left. `teardown`: the directory that went, null for the organization itself. */
  directoryId: string | null;
  /** A switch of provider came to its end: the directories whose end it had held up. */
  ended?: string[];
  /** `withdrawn`: everybody came back before anybody decided. */
  state: 'open' | 'approved' | 'rejected' | 'withdrawn';
  /** Somebody waits, or waited: what ends nobody's access is no guard to anybody. */
  shown: boolean;
  openedAt: Date;
  /** Of a change of configuration or a teardown: who made it, as `revisedBy` of the organization. */
  changedBy?: string;
  /** `mass`: the first and the last closing that it covers. */
  window: { from: Date; until: Date } | null;
  /** What the change replaced, so that a rejection undoes it, and what it set, which must still stand then. */
  restores:
    | { what: 'policy'; before: PolicySetting; after: PolicySetting }
    | { what: 'mappings'; before: RoleMapping[]; after: RoleMapping[] }
    | { what: 'deletion' }
    | null;
  /** Who approved, in order: where two admins exist, two must. */
  approvals: { by: string; at: Date; reasonId: string | null }[];
  decidedBy: string | null;
  decidedAt: Date | null;
  reasonId: string | null;
  /** It gathers its people, or carries the decision to them; absent when everybody was reached. */
  spreading?: true;
  /** When the spreading began last. */
  spreadSince: Date;
}

/** What an admin sets of an organization by its policy. */
export type PolicySetting = Pick<OrganizationDocument, 'policy' | 'directorySync'>;

/** What became of a delivered event. */
export type InboxOutcome =
  | 'applied'
  | 'stale'
  | 'recorded'
  | 'stored'
  | 'quarantined'
  | 'discarded';

/** One event of WorkOS, by its id: the dedupe key of every transport. */
export interface InboxDocument {
  _id: string;
  event: string;
  eventAt: Date | null;
  receivedAt: Date;
  transport: 'webhook' | 'poll' | 'listing';
  outcome: InboxOutcome;
  organizationId: string | null;
  /** The WorkOS ids the event is about, so that a person's bodies can be found and erased. */
  subjects: string[];
  /**
   * The event's `data` as JSON text, kept only while something is still to be done with it (group events,
   * unknown and quarantined ones). What was applied lives in the mirror; a second copy would only be one
   * more to erase.
   */
  body?: string;
  /** Paths and codes of what was wrong, never values. */
  problems?: { path: string; code: string }[];
  bodyExpiresAt?: Date;
  /** What an admin did about it: retried with success, or discarded. */
  handled?: { how: 'retry' | 'discard'; by: string; at: Date; reasonId: string | null };
}

/** One line of what happened to a membership. Ids, enums, counts and times only. */
export interface TimelineDocument {
  /** `<membership id>/<revision>/<n>`: written once, whatever is retried. */
  _id: string;
  membershipId: string;
  userId: string;
  organizationId: string;
  revision: number;
  at: Date;
  type: string;
  /** `directory`, `configuration`, `lifecycle`, `admin:<key name>`, `temporal:<operator id>`. */
  actor: string;
  generation: number;
  detail: Record<string, string | number | boolean | null>;
  reasonId: string | null;
}

/** An admin's free text, apart from everything that must outlive the person. */
export interface ReasonDocument {
  _id: string;
  text: string;
  /** Whom it is about, and with whom it is erased. Both null: an organization or a resource. */
  membershipId: string | null;
  userId: string | null;
  at: Date;
}

export interface HoldDocument {
  _id: string;
  scope:
    | { userId: string }
    | { organizationId: string }
    | { resource: { kind: string; id: string } };
  kind: HoldKind;
  reasonId: string | null;
  createdBy: string;
  createdAt: Date;
  releasedBy: string | null;
  releasedAt: Date | null;
}

/** Something an admin should know. Ids and enums only. */
export interface NoticeDocument {
  _id: string;
  code: NoticeCode;
  organizationId: string | null;
  directoryId: string | null;
  subjectId: string | null;
  at: Date;
}

/** A resource that changed hands, so that a return can give it back. */
export interface OwnershipMoveDocument {
  /** `<membership id>/<generation>/<kind>/<resource id>`. */
  _id: string;
  membershipId: string;
  generation: number;
  kind: string;
  /** EJSON of the resource's id: hosts use strings, ObjectIds, numbers. */
  resourceId: string;
  fromOwner: string;
  /** The owner field's value that was written. */
  toOwner: string;
  at: Date;
  /** Nothing was moved: Tenure only observed. */
  observed?: true;
}

/** When a membership was signalled last: apart from the membership, whose revision it must not touch. */
export interface DispatchDocument {
  _id: string;
  revision: number;
  attempts: number;
  signalledAt: Date;
  nextAt: Date;
}

export interface HeartbeatDocument {
  _id: string;
  role: string;
  at: Date;
  /** What of the host file does not fit to the host application's database, counted by code. */
  hostFindings?: Record<string, number>;
}

/**
 * A gate entry's document, in `gate_v1`, which host applications read: it only ever gains fields, and another shape
 * gets another name. `_id` is the membership's or link request's id.
 */
export interface GateDocument extends GateEntry {
  _id: string;
}
