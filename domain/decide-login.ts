import {
  decideAccess,
  denied,
  type AccessDecision,
  type AccessQuestion,
  type GateEntry,
} from './decide-access.ts';

/** Who logs in, as far as Tenure knows them. */
export type LoginFinding =
  /**
   * Somebody who is known, let in or not. `learns`: the identity provider's id is new, the address says who
   * it is, and from now on the id does. `differsFrom`: the membership
   * whose address it is, but whose owner came under another id so far.
   */
  | { found: 'somebody'; decision: AccessDecision; learns: boolean; differsFrom: string | null }
  /** Nobody who is there now. `decision` is the answer where nobody may be created. */
  | { found: 'nobody'; decision: AccessDecision };

/**
 * Finds, purely, who logs in. An identity provider's id that is known counts. One that is not known is
 * matched by exactly one current address of the organization's people, once: the address of somebody who
 * left means nobody any more, and an address whose owner came under another id before may have been given to
 * somebody else meanwhile, who must not inherit anything.
 *
 * @param entries the gate entries of the one organization that any of the identities, or the address of the
 *   SSO profile, matches
 */
export function findLogin(question: AccessQuestion, entries: GateEntry[]): LoginFinding {
  const { sso, ...named } = question;
  const known = entries.filter((entry) => !isForgotten(entry) || isNamed(entry, named));
  const isKnown = sso !== undefined && known.some(({ idpIds }) => idpIds.includes(sso.idpId));
  if (sso === undefined || isKnown) return somebody(decideAccess(question, known));
  const addresses = [named.emailKey, sso.emailKey].filter((key) => key !== undefined);
  if (new Set(addresses).size > 1) return somebody(denied('identityMismatch'));
  return byAddress(named, addresses[0], known);
}

/** The id of the SSO profile is new: who it is, only an address can say. */
function byAddress(
  named: Omit<AccessQuestion, 'sso'>,
  emailKey: string | undefined,
  known: GateEntry[],
): LoginFinding {
  const asked = emailKey === undefined ? named : { ...named, emailKey };
  const present = known.filter((entry) => !isGone(entry) || isNamed(entry, named));
  const decision = decideAccess(asked, present);
  const isNobody = decision.reason === 'unknown' && named.directoryUserId === undefined;
  if (isNobody) return { found: 'nobody', decision: decideAccess(asked, known) };
  if (!decision.allowed) return somebody(decision);
  // An id that no address explains is somebody's, but nobody can say whose.
  if (emailKey === undefined) return somebody(denied('identityMismatch'));
  const entry = present.find(({ membershipId }) => membershipId === decision.membershipId);
  if ((entry?.ssoIdpIds ?? []).length === 0) {
    return { found: 'somebody', decision, learns: true, differsFrom: null };
  }
  return { ...somebody(denied('identityMismatch')), differsFrom: decision.membershipId };
}

function somebody(decision: AccessDecision): LoginFinding & { found: 'somebody' } {
  return { found: 'somebody', decision, learns: false, differsFrom: null };
}

function isForgotten({ access }: GateEntry): boolean {
  return access.reason === 'anonymized';
}

/** Left, or forgotten: whoever has the address now is somebody else. */
function isGone(entry: GateEntry): boolean {
  return entry.access.reason === 'notBacked' || isForgotten(entry);
}

function isNamed(
  entry: GateEntry,
  { userId, directoryUserId }: Pick<AccessQuestion, 'userId' | 'directoryUserId'>,
): boolean {
  if (userId !== undefined && entry.userId === userId) return true;
  return directoryUserId !== undefined && entry.directoryUserIds.includes(directoryUserId);
}
