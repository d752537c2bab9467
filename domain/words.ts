/**
 * The words of Tenure as types. They mean the same in code, API, console and documentation.
 *
 * - **organization**: the customer company (a WorkOS organization), the tenant. A directory without one is its own tenant.
 * - **directory**: one connected source of people (Okta, Entra ID, BambooHR, ...).
 * - **directory user**: one record of a person in one directory, as WorkOS last told it.
 * - **user**: the product's own record of one person; it has one membership per organization.
 * - **membership**: a user in one organization: the unit of the lifecycle and the unit of locking.
 * - **backed**: at least one active directory user of an authoritative directory stands behind the membership.
 * - **leaving**: the change from backed to not backed; `generation` counts them.
 * - **hold**: nothing irreversible happens to what it covers.
 */

/** Where the lifecycle of a membership is. */
export const phases = [
  'joining',
  'settled',
  'closingAccess',
  'transferring',
  'coolingOff',
  'retained',
  'blocked',
  'anonymizing',
  'anonymized',
] as const;
export type Phase = (typeof phases)[number];

/** What people are shown; it follows from the rest (see `status.ts`). */
export const statuses = ['invited', 'active', 'suspended', 'disabled', 'anonymized'] as const;
export type Status = (typeof statuses)[number];

/** Why the access of a membership is what it is. */
export const accessReasons = [
  'open',
  'opening',
  'disabled',
  'suspended',
  'notBacked',
  'anonymized',
] as const;
export type AccessReason = (typeof accessReasons)[number];

/**
 * Why everything that lets a person in is ended, one word for each closing. `leaving`: nothing stands behind the
 * membership any more. `disabled`: by an admin. `suspended`: by the directory. `tokenRevoked`: somebody asked for it, and
 * the person may sign in again. `unlinked`: a directory user was taken from the membership by an admin. `idLearned`: the
 * host application said an id of its own for the user, and what names them by it is ended too. `wentLive`: Tenure had
 * only observed so far.
 */
export const closingReasons = [
  'leaving',
  'disabled',
  'suspended',
  'tokenRevoked',
  'unlinked',
  'idLearned',
  'wentLive',
] as const;
export type ClosingReason = (typeof closingReasons)[number];

/** What the gate answers from. `state` is `open` exactly when `reason` is `open`. */
export interface Access {
  state: 'open' | 'closed';
  reason: AccessReason;
}

/**
 * The state of a directory user. WorkOS consolidated its states to active and inactive, but its schema
 * still lists `suspended`; everything that is neither counts as inactive. `deleted` is a tombstone:
 * WorkOS announced the deletion, which in most environments is an ordinary deactivation.
 */
export type DirectoryUserState = 'active' | 'inactive' | 'suspended' | 'deleted';

export const holdKinds = ['legal', 'audit', 'investigation'] as const;
export type HoldKind = (typeof holdKinds)[number];

/** What an access check is about. `login` and `write` are never answered from a cache. */
export const accessActions = ['login', 'read', 'write'] as const;
export type AccessAction = (typeof accessActions)[number];

/** The commands that an admin gives to one membership, by HTTP, Temporal signal or Temporal Update. */
export const commandNames = [
  'cancelDeletion',
  'resumeDeletion',
  'extendCoolingOff',
  'reassignOwnership',
  'disable',
  'reactivate',
] as const;
export type CommandName = (typeof commandNames)[number];

/** One reason why nothing irreversible happens. `detail` holds an id or a count, never a person's data. */
export interface Blocker {
  code: BlockerCode;
  detail: string;
}

/**
 * - `hold`: a legal, audit or investigation hold; `detail` is its id.
 * - `ownership`: resources would be left without an owner; `detail` counts them.
 * - `contractUnknown`: no policy says whether deletion is allowed. `contractRefused`: it says no.
 * - `guard`: a mass change waits for a human decision.
 * - `directoryGone`: the directory no longer answers for its people and no approval stands in for the last look.
 * - `observing`: nothing else stands in the way, but Tenure only observes, or did when the person left.
 */
export const blockerCodes = [
  'hold',
  'ownership',
  'contractUnknown',
  'contractRefused',
  'guard',
  'directoryGone',
  'observing',
] as const;
export type BlockerCode = (typeof blockerCodes)[number];
