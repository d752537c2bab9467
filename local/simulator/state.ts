import { z } from 'zod';

/**
 * What the simulated WorkOS environment remembers. The schemas double as the check of a state file at
 * start: a file of another shape is refused with a message instead of producing half-typed answers.
 * Times are ISO 8601 in UTC with milliseconds.
 */

const attributes = z.record(z.string(), z.unknown());

/** What an environment does with a person whom the identity provider deactivates (WorkOS: "secure" and "custom management" flow). */
export const inactiveUsersSchema = z.enum(['deleted', 'updated']);
export type InactiveUsers = z.infer<typeof inactiveUsersSchema>;

/** The directory states as the REST API words them; event payloads say `active` and `inactive` for `linked` and `unlinked`. */
export const directoryStateSchema = z.enum([
  'linked',
  'unlinked',
  'validating',
  'invalid_credentials',
  'deleting',
]);
export type DirectoryState = z.infer<typeof directoryStateSchema>;

export const userStateSchema = z.enum(['active', 'suspended', 'inactive']);
export type UserState = z.infer<typeof userStateSchema>;

const organizationSchema = z.object({
  id: z.string(),
  handle: z.string(),
  name: z.string(),
  domains: z.array(z.string()),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Organization = z.infer<typeof organizationSchema>;

const directorySchema = z.object({
  id: z.string(),
  handle: z.string(),
  organizationId: z.string().nullable(),
  type: z.string(),
  name: z.string(),
  externalKey: z.string(),
  state: directoryStateSchema,
  /** Null: as the environment does. */
  inactiveUsers: inactiveUsersSchema.nullable(),
  /** True: WorkOS still answers for a person whom it announced as deleted (seen in environments without soft delete). */
  keepsDeletedUsers: z.boolean(),
  /** True: `emails`, `job_title`, `username` and `raw_attributes` are filled, as before 2026-04-15. */
  deprecatedAttributes: z.boolean(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Directory = z.infer<typeof directorySchema>;

const directoryUserSchema = z.object({
  id: z.string(),
  directoryId: z.string(),
  organizationId: z.string().nullable(),
  idpId: z.string(),
  email: z.string().nullable(),
  firstName: z.string().nullable(),
  lastName: z.string().nullable(),
  username: z.string().nullable(),
  jobTitle: z.string().nullable(),
  state: userStateSchema,
  customAttributes: attributes,
  role: z.string().nullable(),
  /** All of them, where an environment lets people have several; `role` is the first. */
  roles: z.array(z.string()).default([]),
  groupIds: z.array(z.string()),
  createdAt: z.string(),
  updatedAt: z.string(),
});
/** A record of one person in one directory as WorkOS holds it. Edges live on the user: they end with the record. */
export type DirectoryUser = z.infer<typeof directoryUserSchema>;

const personSchema = z.object({
  handle: z.string(),
  directoryId: z.string(),
  idpId: z.string(),
  /** The record that WorkOS holds now, or the last one it held. */
  user: directoryUserSchema,
  /** False once WorkOS announced the record as deleted. */
  announced: z.boolean(),
  /** False once WorkOS answers 404 for the record. */
  visible: z.boolean(),
  formerIds: z.array(z.string()),
});
/** One account at the identity provider. It outlives the directory users that WorkOS makes of it, so that somebody can return. */
export type Person = z.infer<typeof personSchema>;

const groupSchema = z.object({
  id: z.string(),
  handle: z.string(),
  directoryId: z.string(),
  organizationId: z.string().nullable(),
  idpId: z.string(),
  name: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Group = z.infer<typeof groupSchema>;

const accountSchema = z.object({
  id: z.string(),
  email: z.string(),
  firstName: z.string().nullable(),
  lastName: z.string().nullable(),
  externalId: z.string().nullable(),
  lastSignInAt: z.string().nullable(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
/** A user of WorkOS user management (AuthKit). Nothing but the e-mail connects it with a directory user. */
export type Account = z.infer<typeof accountSchema>;

const sessionSchema = z.object({
  id: z.string(),
  userId: z.string(),
  organizationId: z.string().nullable(),
  status: z.enum(['active', 'expired', 'revoked']),
  expiresAt: z.string(),
  endedAt: z.string().nullable(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Session = z.infer<typeof sessionSchema>;

export const membershipStatusSchema = z.enum(['active', 'inactive', 'pending']);
const membershipSchema = z.object({
  id: z.string(),
  userId: z.string(),
  organizationId: z.string(),
  status: membershipStatusSchema,
  role: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type OrganizationMembership = z.infer<typeof membershipSchema>;

const invitationSchema = z.object({
  id: z.string(),
  email: z.string(),
  state: z.enum(['pending', 'accepted', 'expired', 'revoked']),
  organizationId: z.string().nullable(),
  revokedAt: z.string().nullable(),
  expiresAt: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Invitation = z.infer<typeof invitationSchema>;

const userApiKeySchema = z.object({
  id: z.string(),
  userId: z.string(),
  organizationId: z.string(),
  name: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
/** An API key that an AuthKit user made; it outlives their sessions. */
export type UserApiKey = z.infer<typeof userApiKeySchema>;

/** An event exactly as WorkOS puts it on the wire: the webhook body and the item of the Events API are the same. */
export const wireEventSchema = z.object({
  object: z.literal('event'),
  id: z.string(),
  event: z.string(),
  data: attributes,
  created_at: z.string(),
  context: attributes,
});
export type WireEvent = z.infer<typeof wireEventSchema>;

const storedEventSchema = z.object({
  organizationId: z.string().nullable(),
  wire: wireEventSchema,
});
export type StoredEvent = z.infer<typeof storedEventSchema>;

/** The whole environment. Insertion order of the lists is order of creation. */
export const worldStateSchema = z.object({
  version: z.literal(1),
  inactiveUsers: inactiveUsersSchema,
  lastId: z.string(),
  organizations: z.array(organizationSchema),
  directories: z.array(directorySchema),
  people: z.array(personSchema),
  groups: z.array(groupSchema),
  accounts: z.array(accountSchema),
  sessions: z.array(sessionSchema),
  memberships: z.array(membershipSchema),
  invitations: z.array(invitationSchema).default([]),
  userApiKeys: z.array(userApiKeySchema).default([]),
  events: z.array(storedEventSchema),
  /** Event ids whose webhook has not been answered with 2xx nor given up yet: sent again after a restart. */
  undelivered: z.array(z.string()),
  /** Steps of a scenario that were played, so that a restart goes on instead of playing them twice. */
  scenario: z
    .object({ name: z.string(), steps: z.array(z.string()), done: z.boolean() })
    .nullable(),
});
export type WorldState = z.infer<typeof worldStateSchema>;

/** An environment without anything in it. */
export function emptyState(inactiveUsers: InactiveUsers): WorldState {
  return {
    version: 1,
    inactiveUsers,
    lastId: '',
    organizations: [],
    directories: [],
    people: [],
    groups: [],
    accounts: [],
    sessions: [],
    memberships: [],
    invitations: [],
    userApiKeys: [],
    events: [],
    undelivered: [],
    scenario: null,
  };
}
