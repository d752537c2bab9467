import type { AttributeMap } from './profile.ts';
import type { NotificationEndpoint } from './notifications.ts';
import type { Policy } from './policy.ts';

/**
 * What the host application says about itself (the file of `TENURE_CONFIG`, section 8 of the design),
 * after validation, with every default filled in.
 */
export interface HostFile {
  version: 1;
  /** The host application's database; null where no connector of kind mongodb is configured. */
  database: string | null;
  defaults: { policy: PolicyDefaults };
  /** WorkOS organization id -> the host application's id, where they differ. */
  organizations: Record<string, string>;
  /** What stands in an owner field for "owned by the organization"; holds `{organizationId}`. */
  organizationOwner: string;
  attributes: AttributeMap;
  /**
   * Which directory's word counts where several stand behind one person: directory ids, or types as WorkOS
   * names them (`okta scim v2.0`), the first before the next, those not named last.
   */
  directoryOrder: string[];
  /** The projection into the host's own users; null: the host keeps no copy. */
  users: UsersProjection | null;
  sessions: SessionSource[];
  resources: ResourceKind[];
  personalData: PersonalDataRule[];
  /** Who is told what happens to people; empty: nobody. */
  notifications: NotificationEndpoint[];
  tokenRevocation: { issuers: RevocationIssuer[] };
}

/**
 * A customer's identity provider, whose signed tokens may ask for global token revocations in that customer's
 * organization, and in no other one.
 */
export interface RevocationIssuer {
  /** `iss` of its tokens, compared exactly. Unique in the file. */
  issuer: string;
  /** Where its public keys are (RFC 7517). */
  jwksUrl: string;
  /** `aud` of its tokens: the address of the endpoint as the identity provider knows it. */
  audience: string;
  /** `sub` of its tokens: the application at the identity provider; null: whichever. */
  subject: string | null;
  /** The WorkOS organization. */
  organizationId: string;
  /** Whether `jwksUrl` may lead to a private, loopback or link-local address. */
  allowPrivate: boolean;
}

/** What of the file decides on who somebody is, and on their profile. */
export type IdentityRules = Pick<HostFile, 'defaults' | 'attributes' | 'directoryOrder' | 'users'>;

/**
 * The policy values that a file or an admin may give; what is absent, also inside `ownership` and `guard`,
 * comes from the next layer of defaults.
 */
export type PolicyDefaults = {
  [Name in keyof Policy]?: Name extends 'ownership' | 'guard'
    ? { [Part in keyof Policy[Name]]?: Policy[Name][Part] | undefined } | undefined
    : Policy[Name] | undefined;
};

/**
 * How ids are written in a host collection: `uuid` is a binary one, `number` a whole number of any BSON type. It
 * decides what Tenure writes; it looks for an id in every form that the id has.
 */
export const idTypes = ['string', 'objectId', 'uuid', 'number'] as const;
export type IdType = (typeof idTypes)[number];

/** The profile and lifecycle fields that can be projected into the host's users. */
export const projectedFields = [
  'email',
  'username',
  'firstName',
  'lastName',
  'name',
  'status',
  'disabledAt',
] as const;
export type ProjectedField = (typeof projectedFields)[number];

export interface UsersProjection {
  connector: 'mongodb';
  collection: string;
  id: IdType;
  /**
   * No two of the host's users may have one e-mail address: who would be the second one waits for an admin's
   * link decision instead of being created.
   */
  uniqueEmail: boolean;
  /** Tenure's field -> the host's field. Only these are ever written. */
  fields: Partial<Record<ProjectedField, string>>;
}

/**
 * One kind of what lets somebody in and must be revoked: sessions, refresh tokens, API keys, personal access
 * tokens. Kinds are unique in the file.
 */
export type SessionSource =
  | MongodbSessions
  | WorkosSessions
  | JwtSessions
  | HttpSessions
  | TemporalSessions;

/** Documents in the host application's database. */
export interface MongodbSessions {
  kind: string;
  connector: 'mongodb';
  collection: string;
  /** The field that holds the user's id. */
  user: string;
  /** The field that holds the organization's id; null: the credential belongs to the user everywhere. */
  organization: string | null;
  /** `user`: without an organization. Sessions of that kind go at any leaving, keys at the last one. */
  scope: 'organization' | 'user';
  /** A key outlives a session: it goes with the last membership only where it has no organization. */
  isKey: boolean;
  idType: IdType;
  /** Delete the document, or set fields; what is set already counts as revoked. */
  revoke: 'delete' | Marking;
  /** What becomes of it when the person loses a role, permission or feature and stays in. */
  onRoleLoss: RoleLossAnswer;
}

/** The sources of the file that lie in the host application's database. */
export function mongodbSessions({ sessions }: Pick<HostFile, 'sessions'>): MongodbSessions[] {
  return sessions.filter((source) => source.connector === 'mongodb');
}

/** What lets somebody in at WorkOS itself (AuthKit). */
export interface WorkosSessions {
  kind: string;
  connector: 'workos';
}

/**
 * Tokens that the host application judges by themselves, without asking anybody. Nothing can end them and nothing
 * can be read back: they are over once the youngest of them has expired.
 */
export interface JwtSessions {
  kind: string;
  connector: 'jwt';
  /** The longest life of one, milliseconds. */
  maxAgeMs: number;
}

/** What the host application ends itself when it is asked to by a signed request. */
export interface HttpSessions {
  kind: string;
  connector: 'http';
  /** The base, without a slash at its end: `/revoke` and `/list` are appended. */
  url: string;
  /** The environment variable with the secrets: several, comma separated, while one takes the other's place. */
  secretEnv: string;
  /** Whether the name may lead to a private, loopback or link-local address. */
  allowPrivate: boolean;
}

/** What an activity ends that the host application runs on a task queue of its own, in any language. */
export interface TemporalSessions {
  kind: string;
  connector: 'temporal';
  taskQueue: string;
  activityType: string;
}

/** Fields that Tenure sets in a credential; the value `now` becomes the time. */
export interface Marking {
  set: Record<string, string | number | boolean>;
}

/**
 * `none`: the access check says the roles in force, nothing else is needed. `revoke`: as at a leaving. A
 * marking (`refresh` in the file): it stays valid, and the host application reads the person's roles again.
 */
export type RoleLossAnswer = 'none' | 'revoke' | Marking;

/** What has an owner. Creator and author fields are never touched. */
export interface ResourceKind {
  kind: string;
  connector: 'mongodb';
  collection: string;
  owner: string;
  organization: string | null;
  critical: boolean;
  idType: IdType;
}

/** What becomes of one field at anonymization. */
export type FieldFate = 'pseudonym' | 'pseudonymEmail' | 'remove' | { keep: string };

export interface PersonalDataRule {
  connector: 'mongodb';
  collection: string;
  user: string;
  organization: string | null;
  /** `user`: goes with the person's last membership. */
  scope: 'organization' | 'user';
  idType: IdType;
  fields: Record<string, FieldFate>;
}
