import type { DirectoryUser } from '../../domain/directory-user.ts';
import type { HostFile } from '../../domain/host-file.ts';
import { linkKey } from '../../domain/link-keys.ts';
import type { Policy } from '../../domain/policy.ts';
import type { UserProfile } from '../../domain/profile.ts';
import { keyLock } from '../../platform/ids.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { createMembership } from '../membership/create-membership.ts';
import { writeGateIdentities } from '../membership/gate-identities.ts';
import { findLinkCandidate, type LinkFinding } from './link-candidates.ts';
import {
  isIgnored,
  lapseIgnored,
  openRequest,
  requestLink,
  withdrawRequest,
  type LinkDoubt,
} from './link-requests.ts';
import { notice } from '../notice.ts';
import { writeLink } from './write-link.ts';

export interface LinkQuestion {
  mirror: DirectoryUser;
  /** null where only ids and versions are kept of the person. */
  profile: UserProfile | null;
  policy: Policy;
  file: Pick<HostFile, 'users'>;
  /** The record backs a membership: only then somebody unknown is created. */
  backs: boolean;
  /** The record says that they are there, whether its directory has a say in it or not. */
  there: boolean;
  /** Nothing was known of this directory user before. */
  firstSeen: boolean;
  newUserId: () => string;
  /** The revision of the organization's facts that were read. */
  factsRevision: number;
}

/** What linking came to. `existing`: the membership must still be brought in line with its new backing. */
export type LinkOutcome =
  | { linked: 'existing'; membershipId: string }
  | { linked: 'created'; membershipId: string }
  | { linked: 'pending' }
  | { linked: 'nobody' };

/**
 * Links a directory user that stands behind no membership yet: to the one person it may be, to a new user,
 * or to nobody until an admin decides. An inactive record never makes a user.
 */
export async function linkDirectoryUser(
  tx: Transaction,
  question: LinkQuestion,
): Promise<LinkOutcome> {
  const { mirror, profile, backs, firstSeen } = question;
  if (!backs) await lapseIgnored(tx, mirror);
  if (!backs && !question.firstSeen && !question.there) {
    // Looked for by e-mail once already. A late word about a forgotten person would find whoever has the
    // address now, and would bring their data back. Of who is there it may not have been known who they are.
    await withdrawRequest(tx, mirror);
    return { linked: 'nobody' };
  }
  if (profile === null) return { linked: 'nobody' };
  // Of somebody who was never told of no request can exist: a first sync need not look for one.
  if (!firstSeen && backs && (await isIgnored(tx, mirror))) return { linked: 'pending' };
  const uniqueEmail = question.file.users?.uniqueEmail ?? false;
  const ownUserId = question.newUserId();
  const finding = await findLinkCandidate(tx, { mirror, profile, uniqueEmail, ownUserId });
  const doubt = backs ? await doubtAbout(tx, question, profile, finding) : null;
  if (doubt !== null) {
    await requestLink(tx, mirror, doubt);
    return { linked: 'pending' };
  }
  if (!firstSeen) await withdrawRequest(tx, mirror);
  if (finding.found === 'one') {
    const { membershipId } = finding;
    await writeLink(tx, {
      mirror,
      membershipId,
      how: 'automatic',
      actor: 'directory',
      requestId: null,
      reasonId: null,
    });
    return { linked: 'existing', membershipId };
  }
  if (!backs) return { linked: 'nobody' };
  if (finding.found === 'lookAlike') {
    await notice(tx, 'looksAlike', {
      organizationId: mirror.organizationId,
      directoryId: mirror.directoryId,
      subjectId: finding.userId,
    });
  }
  const separate = { ...question, profile, newUserId: () => ownUserId };
  return { linked: 'created', membershipId: await createSeparate(tx, separate) };
}

/** What only an admin can decide; null where nothing is in doubt. */
async function doubtAbout(
  tx: Transaction,
  { mirror, firstSeen }: Pick<LinkQuestion, 'mirror' | 'firstSeen'>,
  profile: UserProfile,
  finding: LinkFinding,
): Promise<LinkDoubt | null> {
  if (finding.found === 'several') return { cause: 'several', candidateUserIds: finding.userIds };
  if (finding.found === 'emailInUse') {
    return { cause: 'emailInUse', candidateUserIds: finding.userIds };
  }
  if (finding.found === 'one' || firstSeen) return null;
  const open = await openRequest(tx, mirror);
  if (open === null) return null;
  const { cause, candidateUserIds, refusedKeys = [] } = open;
  if (cause === 'several') {
    const waits = await anyWaits(tx, mirror.organizationId, candidateUserIds);
    return waits ? { cause, candidateUserIds } : null;
  }
  if (cause !== 'hostRefused') return null;
  // Tenure does not know whom the host's database has with this address: only another one ends the doubt.
  const told = bucketsOf(mirror.organizationId, profile);
  if (told.join('\n') !== refusedKeys.join('\n')) return null;
  return { cause, candidateUserIds, refusedKeys };
}

/** Whoever waits at a guard may be back tomorrow: until it is decided they may still be the person. */
async function anyWaits(
  tx: Transaction,
  organizationId: string,
  userIds: readonly string[],
): Promise<boolean> {
  const waiting = await tx.collections.memberships.findOne(
    { organizationId, userId: { $in: userIds }, 'guard.state': 'waits', backed: false },
    { session: tx.session, projection: { _id: 1 } },
  );
  return waiting !== null;
}

/** The lock buckets of a person's e-mail and username, in this order. */
export function bucketsOf(
  organizationId: string,
  { email, username }: Pick<UserProfile, 'email' | 'username'>,
): string[] {
  return [linkKey(email) ?? '', linkKey(username) ?? ''].map((key) => keyLock(organizationId, key));
}

/** What a new user is made of. */
export type Separate = Pick<LinkQuestion, 'mirror' | 'policy' | 'newUserId' | 'factsRevision'> & {
  profile: UserProfile;
  /** Who said so; absent: the directory. */
  actor?: string;
};

/**
 * Makes the directory user a user of their own, who inherits nothing from anybody. The caller holds the
 * locks of the link keys. Returns the membership's id.
 */
export async function createSeparate(tx: Transaction, separate: Separate): Promise<string> {
  const { mirror, policy } = separate;
  const { membership, user } = await createMembership(tx, {
    userId: separate.newUserId(),
    organizationId: mirror.organizationId,
    profile: separate.profile,
    origin: 'directory',
    actor: separate.actor ?? 'directory',
    backed: true,
    withoutDirectory: false,
    open: false,
    invited: policy.initialStatus === 'invited',
    roles: [],
    factsRevision: separate.factsRevision,
  });
  await writeGateIdentities(tx, membership, user, [mirror]);
  return membership._id;
}
