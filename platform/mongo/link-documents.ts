import type { GuardFact } from '../../domain/membership.ts';
import type { UserProfile } from '../../domain/profile.ts';

/**
 * A directory user about whom an admin must decide; no access until then.
 *
 * - `several`: they may be one of several people of the organization.
 * - `emailInUse`: the host's users must have unique e-mails, and somebody has this one.
 * - `hostRefused`: the host's own database refused the new user's e-mail or username, whoever has it there.
 */
export interface LinkRequestDocument {
  _id: string;
  organizationId: string;
  directoryUserId: string;
  cause: 'several' | 'emailInUse' | 'hostRefused';
  candidateUserIds: string[];
  /**
   * Of `hostRefused`: the lock buckets of the e-mail and username that were refused, which name nobody. While
   * the directory says the same, asking the host's database again would only be refused again.
   */
  refusedKeys?: string[];
  createdAt: Date;
  resolution: 'link' | 'separate' | 'ignore' | 'withdrawn' | null;
  /** Of `link` and `separate`: whose membership the directory user stands behind since. */
  userId: string | null;
  membershipId: string | null;
  resolvedBy: string | null;
  resolvedAt: Date | null;
  reasonId: string | null;
  /** Of `ignore`: the directory user left since, so their return is a new question. */
  lapsed?: true;
}

/**
 * One link of a directory user to somebody who was there before, and what it replaced, so that it can be
 * undone. `replaced` holds personal data: it goes with the undoing, and with the person. A directory user
 * who made their membership has no link: there is nothing to go back to.
 */
export interface LinkDocument {
  _id: string;
  organizationId: string;
  membershipId: string;
  /** The mirror's id, whatever WorkOS ids it gets later. */
  mirrorId: string;
  /** Found by e-mail or username, or decided by an admin. */
  how: 'automatic' | 'decided';
  at: Date;
  replaced: ReplacedByLink | null;
  undone: { by: string; at: Date; reasonId: string | null } | null;
}

/** What a membership and its user were before a link. */
export interface ReplacedByLink {
  profile: UserProfile | null;
  emailHistory: { email: string; until: Date }[];
  backed: boolean;
  everBacked: boolean;
  /**
   * They had left then: when access closed, how much of the cooling-off was ahead, milliseconds, and where the
   * leaving stood with the guard.
   */
  left: { disabledAt: Date | null; remainingMs: number; guard: GuardFact | null } | null;
}
