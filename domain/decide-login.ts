import {
  decideAccess,
  denied,
  type AccessDecision,
  type AccessQuestion,
  type GateEntry,
} from './decide-access.ts';

/** Who asks to log in; the connection is that of the identity provider, where the host application tells it. */
export interface LoginQuestion extends AccessQuestion {
  connectionId?: string;
}

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
 * somebody else meanwhile, who must not inherit anything. Another connection of the organization (it changed
 * its identity provider) has ids of its own, so the address says once more who it is.
 *
 * @param entries the gate entries of the one organization that any of the identities, or the address of the
 *   SSO profile, matches
 */
export function findLogin(question: LoginQuestion, entries: GateEntry[]): LoginFinding {
  const { sso, connectionId, ...named } = question;
  const known = entries.filter((entry) => !isForgotten(entry) || isNamed(entry, named));
  const isKnown = sso !== undefined && known.some(({ idpIds }) => idpIds.includes(sso.idpId));
  if (sso === undefined || isKnown) {
    return somebody(decideAccess({ ...named, ...(sso === undefined ? {} : { sso }) }, known));
  }
  const addresses = [named.emailKey, sso.emailKey].filter((key) => key !== undefined);
  if (new Set(addresses).size > 1) return somebody(denied('identityMismatch'));
  return byAddress(named, addresses[0], connectionId, known);
}

/** The id of the SSO profile is new: who it is, only an address can say. */
function byAddress(
  named: Omit<AccessQuestion, 'sso'>,
  emailKey: string | undefined,
  connectionId: string | undefined,
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
  if (entry !== undefined && mayBeTaught(entry, connectionId)) {
    return { found: 'somebody', decision, learns: true, differsFrom: null };
  }
  return { ...somebody(denied('identityMismatch')), differsFrom: decision.membershipId };
}

function somebody(decision: AccessDecision): LoginFinding & { found: 'somebody' } {
  return { found: 'somebody', decision, learns: false, differsFrom: null };
}

/** No id is known yet, or none of this connection. */
function mayBeTaught(entry: GateEntry, connectionId: string | undefined): boolean {
  const { ssoIdpIds = [], ssoConnectionIds = [] } = entry;
  if (ssoIdpIds.length === 0) return true;
  return (
    connectionId !== undefined &&
    ssoConnectionIds.length > 0 &&
    !ssoConnectionIds.includes(connectionId)
  );
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
