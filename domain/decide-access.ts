import type { AccessQuestion, SsoIdentity } from './access-question.ts';
import type { Access, AccessReason } from './words.ts';

// The gate, which host applications embed, may import this file and no other rule.
export {
  accessQuestion,
  type AccessQuestion,
  type AskedPerson,
  type SsoIdentity,
} from './access-question.ts';
export { accessActions, type AccessAction } from './words.ts';

/** Why an access check is answered as it is. Only `open` lets anybody in. */
export type DecisionReason =
  | AccessReason
  | 'unknown'
  | 'pendingLink'
  | 'ambiguous'
  | 'identityMismatch';

/**
 * One document of `gate_v1`: a membership, or a directory user that waits for a link decision.
 * `emails` are link keys (see `link-keys.ts`), `idpIds` the identity providers' own ids.
 */
export interface GateEntry {
  membershipId: string | null;
  userId: string | null;
  /**
   * By what a question may name the user: `userId`, and after it the host application's own id, where it said so.
   * One list, so that a check by either is one search in one index.
   */
  userIds: string[];
  organizationId: string;
  directoryUserIds: string[];
  idpIds: string[];
  /** Those of `idpIds` that no directory told: logins taught them. */
  ssoIdpIds?: string[];
  /** The connections of the identity provider that taught them, where the host application told. */
  ssoConnectionIds?: string[];
  emails: string[];
  access: Access | { state: 'closed'; reason: 'pendingLink' };
  roles: string[];
  permissions: string[];
  features: string[];
}

/** The answer of an access check. */
export interface AccessDecision {
  allowed: boolean;
  reason: DecisionReason;
  /**
   * What the host application calls the user: its own id, where it said so, else Tenure's. A session that is
   * written with it is one that a revocation looks for.
   */
  userId: string | null;
  membershipId: string | null;
  roles: string[];
  permissions: string[];
  features: string[];
  /**
   * Only while Tenure observes, and everybody is allowed: what it would have answered. null: the store could
   * not be asked.
   */
  observed?: { allowed: boolean; reason: DecisionReason } | null;
}

/**
 * The answer of an observing Tenure: nobody is denied, whatever was decided. A trial must not be able to
 * take the product down, so not even an outage of the store (`null`) denies.
 */
export function observedDecision(decision: AccessDecision | null): AccessDecision {
  if (decision === null)
    return { ...denied('unknown'), allowed: true, reason: 'open', observed: null };
  const { allowed, reason } = decision;
  return { ...decision, allowed: true, reason: 'open', observed: { allowed, reason } };
}

/** Whom the identities of a question name. */
export interface Finding {
  decision: AccessDecision;
  /** Nobody who is known has the id of the SSO profile: only its address could say who it is. */
  isNewId: boolean;
  /** The membership whose address it is, but whose owner came under another id before. */
  differsFrom: string | null;
}

/**
 * Decides, purely, whether the person asked about may act. `entries` are the gate entries of the one
 * organization that any of the identities, or the address of the SSO profile, matches. Nobody is allowed by
 * default: an unknown person, two identities that disagree, an e-mail address that several people share and an
 * account's address that somebody who is gone has too are all denied.
 */
export function decideAccess(question: AccessQuestion, entries: GateEntry[]): AccessDecision {
  return findPerson(question, entries).decision;
}

/** `decideAccess`, and what a login has to know besides. */
export function findPerson(question: AccessQuestion, entries: GateEntry[]): Finding {
  const { sso } = question;
  const named = namedTests(question, entries);
  if (sso === undefined) return byIds(pick(named, entries));
  const holders = entries.filter(({ idpIds }) => idpIds.includes(sso.idpId));
  // Somebody who is being forgotten has nothing any more, unless it is they who are asked about.
  const known = holders.filter((entry) => !isForgotten(entry) || isNamed(entry, question));
  const withId = (rows: GateEntry[]): Finding =>
    byIds(pick([...named, (entry) => rows.includes(entry)], entries));
  if (known.length > 0) return withId(known);
  const finding = byAddress(question, sso, entries);
  const isForgottens = finding.decision.reason === 'unknown' && holders.length > 0;
  return isForgottens ? { ...finding, decision: withId(holders).decision } : finding;
}

/** The id of the SSO profile is new: who it is, only its address can say. */
function byAddress(question: AccessQuestion, sso: SsoIdentity, entries: GateEntry[]): Finding {
  const named = namedTests(question, entries);
  const { emailKey } = sso;
  if (emailKey === undefined) {
    const { decision } = byIds(pick(named, entries));
    // An id that no address explains is somebody's, but nobody can say whose.
    return newId(decision.allowed ? denied('identityMismatch') : decision);
  }
  if (question.emailKey !== undefined && question.emailKey !== emailKey) {
    return newId(denied('identityMismatch'));
  }
  const picked = pick([...named, byEmail(emailKey, entries)], entries);
  const { decision } = byIds(picked);
  if (!decision.allowed || typeof picked === 'string' || mayBeTaught(picked, sso)) {
    return newId(decision);
  }
  return { ...newId(denied('identityMismatch')), differsFrom: picked.membershipId };
}

function byIds(picked: GateEntry | DecisionReason): Finding {
  const decision = typeof picked === 'string' ? denied(picked) : answer(picked);
  return { decision, isNewId: false, differsFrom: null };
}

function newId(decision: AccessDecision): Finding {
  return { decision, isNewId: true, differsFrom: null };
}

/**
 * Whether an address may say that somebody has a new id: no login taught one yet, or none of this connection
 * (the organization changed its identity provider). Else the address may have been given to somebody else,
 * who must not inherit anything.
 */
function mayBeTaught(
  { ssoIdpIds = [], ssoConnectionIds = [] }: GateEntry,
  { connectionId }: SsoIdentity,
): boolean {
  if (ssoIdpIds.length === 0) return true;
  return (
    connectionId !== undefined &&
    ssoConnectionIds.length > 0 &&
    !ssoConnectionIds.includes(connectionId)
  );
}

/** The one entry that every test accepts, or why there is none. */
function pick(
  tests: ((entry: GateEntry) => boolean)[],
  entries: GateEntry[],
): GateEntry | DecisionReason {
  const found = tests.map((matches) => entries.filter(matches));
  if (found.every((matches) => matches.length === 0)) return 'unknown';
  if (found.some((matches) => matches.length === 0)) return 'identityMismatch';
  const [entry, ...others] = entries.filter((one) => found.every((list) => list.includes(one)));
  if (entry === undefined) return 'identityMismatch';
  return others.length > 0 ? 'ambiguous' : entry;
}

function namedTests(
  { userId, directoryUserId, emailKey, emailOf }: AccessQuestion,
  entries: GateEntry[],
): ((entry: GateEntry) => boolean)[] {
  const tests: ((entry: GateEntry) => boolean)[] = [];
  if (userId !== undefined) tests.push((entry) => isUser(entry, userId));
  if (directoryUserId !== undefined) {
    tests.push((entry) => entry.directoryUserIds.includes(directoryUserId));
  }
  if (emailKey === undefined) return tests;
  tests.push(emailOf === 'account' ? hasEmail(emailKey) : byEmail(emailKey, entries));
  return tests;
}

/**
 * Everybody who has an address, gone or not: an account that says nothing but its address may have been made
 * by any of them, and a leaver's account outlives the leaving.
 */
function hasEmail(emailKey: string): (entry: GateEntry) => boolean {
  return ({ emails }) => emails.includes(emailKey);
}

/**
 * An address means whoever has it now. A leaver keeps it in the mirror while cooling off; that must not
 * stand in the way of the newcomer to whom the company gave it. Only where nobody has it now does it still
 * mean the leaver, who is denied with the true reason.
 */
function byEmail(emailKey: string, entries: GateEntry[]): (entry: GateEntry) => boolean {
  const having = entries.filter(hasEmail(emailKey));
  const present = having.filter((entry) => !isGone(entry));
  const meant = present.length > 0 ? present : having;
  return (entry) => meant.includes(entry);
}

export function isForgotten({ access }: GateEntry): boolean {
  return access.reason === 'anonymized';
}

/** Left, or forgotten: whoever has the address now is somebody else. */
export function isGone(entry: GateEntry): boolean {
  return entry.access.reason === 'notBacked' || isForgotten(entry);
}

function isUser(entry: GateEntry, userId: string): boolean {
  return entry.userIds.includes(userId);
}

/** Whether an id of Tenure's own or of WorkOS names exactly this entry. */
export function isNamed(
  entry: GateEntry,
  { userId, directoryUserId }: Pick<AccessQuestion, 'userId' | 'directoryUserId'>,
): boolean {
  if (userId !== undefined && isUser(entry, userId)) return true;
  return directoryUserId !== undefined && entry.directoryUserIds.includes(directoryUserId);
}

function answer(entry: GateEntry): AccessDecision {
  const allowed = entry.access.state === 'open' && entry.access.reason === 'open';
  return {
    allowed,
    reason: entry.access.reason,
    userId: entry.userIds.at(-1) ?? null,
    membershipId: entry.membershipId,
    // A closed door tells nothing of the rooms behind it.
    roles: allowed ? entry.roles : [],
    permissions: allowed ? entry.permissions : [],
    features: allowed ? entry.features : [],
  };
}

/** Nobody is let in, and nobody is named. */
export function denied(reason: DecisionReason): AccessDecision {
  return {
    allowed: false,
    reason,
    userId: null,
    membershipId: null,
    roles: [],
    permissions: [],
    features: [],
  };
}
