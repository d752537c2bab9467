import {
  findPerson,
  isForgotten,
  isGone,
  isNamed,
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
 * Finds, purely, who logs in: by the rules of an access check (`findPerson`), save that the address of
 * somebody who left means nobody any more, who may then be somebody new.
 *
 * @param entries the gate entries of the one organization that any of the identities, or the address of the
 *   SSO profile, matches
 */
export function findLogin(question: AccessQuestion, entries: GateEntry[]): LoginFinding {
  const known = entries.filter((entry) => !isForgotten(entry) || isNamed(entry, question));
  const asked = findPerson(question, known);
  if (!asked.isNewId) {
    return { found: 'somebody', decision: asked.decision, learns: false, differsFrom: null };
  }
  const present = known.filter((entry) => !isGone(entry) || isNamed(entry, question));
  const { decision, differsFrom } = findPerson(question, present);
  const isNobody = decision.reason === 'unknown' && question.directoryUserId === undefined;
  if (isNobody) return { found: 'nobody', decision: asked.decision };
  return { found: 'somebody', decision, learns: decision.allowed, differsFrom };
}
