import { isForgotten, isGone, type GateEntry } from './decide-access.ts';

/**
 * Whom a revocation request is about, by one of the subject identifiers of RFC 9493.
 *
 * - `opaque`: the id of the user, Tenure's or the host application's own.
 * - `iss_sub`: the id that the identity provider gives the person. Who the issuer is cannot be compared: WorkOS
 *   tells nobody's issuer.
 * - `email`: a current address, as link key.
 */
export type RevocationSubject =
  | { format: 'opaque'; id: string }
  | { format: 'iss_sub'; sub: string }
  | { format: 'email'; emailKey: string };

/** The user that is meant, or why nobody is. */
export type SubjectFound =
  | { found: 'user'; userId: string }
  | { found: 'unknown' }
  | { found: 'ambiguous' };

/**
 * The one user whom a subject means. `entries` are the gate entries that it matches, of one organization or of
 * all. Several users are never guessed between: it could be the wrong person who is put out, and the right one's
 * stolen session that stays. Somebody who waits for a link decision was never let in, so they have nothing.
 */
export function findSubject(
  { format }: RevocationSubject,
  entries: readonly GateEntry[],
): SubjectFound {
  const known = entries.filter((entry) => entry.userId !== null && !isForgotten(entry));
  const present = known.filter((entry) => !isGone(entry));
  // An address means whoever has it now; only where nobody does, the leaver who had it.
  const meant = format === 'email' && present.length > 0 ? present : known;
  const [userId, ...others] = new Set(meant.flatMap((entry) => entry.userId ?? []));
  if (userId === undefined) return { found: 'unknown' };
  return others.length > 0 ? { found: 'ambiguous' } : { found: 'user', userId };
}
