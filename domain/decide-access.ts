import type { Access, AccessReason } from './words.ts';

/** Why an access check is answered as it is. Only `open` lets anybody in. */
export type DecisionReason =
  | AccessReason
  | 'unknown'
  | 'pendingLink'
  | 'ambiguous'
  | 'identityMismatch';

/**
 * One row of the view `gate_v1`: a membership, or a directory user that waits for a link decision.
 * `emails` are link keys (see `link-keys.ts`), `idpIds` the identity providers' own ids.
 */
export interface GateEntry {
  membershipId: string | null;
  userId: string | null;
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

/** Who asks: at least one of these. `ssoIdpId` and `ssoEmail` come from one SSO profile: the id counts first. */
export interface AccessQuestion {
  userId?: string;
  directoryUserId?: string;
  emailKey?: string;
  sso?: { idpId: string; emailKey?: string };
}

/** The answer of an access check. */
export interface AccessDecision {
  allowed: boolean;
  reason: DecisionReason;
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

/**
 * Decides, purely, whether the person asked about may act. `entries` are the gate entries of the one
 * organization that any of the identities matches. Nobody is allowed by default: an unknown person, two
 * identities that disagree and an e-mail address that several people share are all denied.
 */
export function decideAccess(question: AccessQuestion, entries: GateEntry[]): AccessDecision {
  const found = identities(question, entries).map((matches) => entries.filter(matches));
  if (found.length === 0 || found.every((matches) => matches.length === 0))
    return denied('unknown');
  if (found.some((matches) => matches.length === 0)) return denied('identityMismatch');
  const common = entries.filter((entry) => found.every((matches) => matches.includes(entry)));
  const [entry] = common;
  if (entry === undefined) return denied('identityMismatch');
  if (common.length > 1) return denied('ambiguous');
  return answer(entry);
}

function identities(
  question: AccessQuestion,
  entries: GateEntry[],
): ((entry: GateEntry) => boolean)[] {
  const { userId, directoryUserId, emailKey, sso } = question;
  const tests: ((entry: GateEntry) => boolean)[] = [];
  if (userId !== undefined) tests.push((entry) => entry.userId === userId);
  if (directoryUserId !== undefined) {
    tests.push((entry) => entry.directoryUserIds.includes(directoryUserId));
  }
  if (emailKey !== undefined) tests.push(byEmail(emailKey, entries));
  if (sso !== undefined) tests.push((entry) => entry.idpIds.includes(sso.idpId));
  return tests;
}

/**
 * An address means whoever has it now. A leaver keeps it in the mirror while cooling off; that must not
 * stand in the way of the newcomer to whom the company gave it. Only where nobody has it now does it still
 * mean the leaver, who is denied with the true reason.
 */
function byEmail(emailKey: string, entries: GateEntry[]): (entry: GateEntry) => boolean {
  const having = entries.filter(({ emails }) => emails.includes(emailKey));
  const present = having.filter(
    ({ access }) => access.reason !== 'notBacked' && access.reason !== 'anonymized',
  );
  const meant = present.length > 0 ? present : having;
  return (entry) => meant.includes(entry);
}

function answer(entry: GateEntry): AccessDecision {
  const allowed = entry.access.state === 'open' && entry.access.reason === 'open';
  return {
    allowed,
    reason: entry.access.reason,
    userId: entry.userId,
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
