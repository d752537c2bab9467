import { currentRecord, type DirectoryUser } from '../domain/directory-user.ts';
import type { Policy } from '../domain/policy.ts';
import type { UserProfile } from '../domain/profile.ts';
import { newId } from '../platform/ids.ts';
import type { LinkRequestDocument } from '../platform/mongo/documents.ts';
import type { Transaction } from '../platform/mongo/store.ts';
import { createMembership } from './create-membership.ts';
import { writeGateIdentities, writeGatePendingLink } from './gate-identities.ts';
import { findLinkCandidate } from './link-candidates.ts';
import { notice } from './notice.ts';

export interface LinkQuestion {
  mirror: DirectoryUser;
  /** null where only ids and versions are kept of the person. */
  profile: UserProfile | null;
  policy: Policy;
  /** The record backs a membership: only then somebody unknown is created. */
  backs: boolean;
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
 * or to nobody until an admin decides between several. An inactive record never makes a user.
 */
export async function linkDirectoryUser(
  tx: Transaction,
  question: LinkQuestion,
): Promise<LinkOutcome> {
  const { mirror, profile } = question;
  if (!question.backs && !question.firstSeen) {
    // Looked for by e-mail once already. A late word about a forgotten person would find whoever has the
    // address now, and would bring their data back.
    await withdrawRequest(tx, mirror);
    return { linked: 'nobody' };
  }
  if (profile === null) return { linked: 'nobody' };
  const finding = await findLinkCandidate(tx, mirror.organizationId, mirror.directoryId, profile);
  if (finding.found === 'several' && question.backs) {
    await requestLink(tx, mirror, finding.userIds);
    return { linked: 'pending' };
  }
  await withdrawRequest(tx, mirror);
  if (finding.found === 'one') {
    return { linked: 'existing', membershipId: finding.membershipId };
  }
  if (!question.backs) return { linked: 'nobody' };
  if (finding.found === 'lookAlike') {
    await notice(tx, 'looksAlike', {
      organizationId: mirror.organizationId,
      directoryId: mirror.directoryId,
      subjectId: finding.userId,
    });
  }
  const { membership, user } = await createMembership(tx, {
    userId: question.newUserId(),
    organizationId: mirror.organizationId,
    profile,
    origin: 'directory',
    actor: 'directory',
    backed: true,
    withoutDirectory: false,
    open: false,
    invited: question.policy.initialStatus === 'invited',
    roles: [],
    factsRevision: question.factsRevision,
  });
  await writeGateIdentities(tx, membership, user, [mirror]);
  return { linked: 'created', membershipId: membership._id };
}

/** Asks an admin which of several people this is; until then the gate knows the person and denies. */
async function requestLink(
  tx: Transaction,
  mirror: DirectoryUser,
  candidateUserIds: string[],
): Promise<void> {
  const directoryUserId = currentRecord(mirror).id;
  const open = await openRequest(tx, mirror);
  const requestId = open?._id ?? newId('link_request');
  if (open === null) {
    await tx.collections.linkRequests.insertOne(
      {
        _id: requestId,
        organizationId: mirror.organizationId,
        directoryUserId,
        candidateUserIds,
        createdAt: tx.at,
        resolution: null,
        resolvedBy: null,
        resolvedAt: null,
      },
      { session: tx.session },
    );
    await notice(tx, 'linkRequested', {
      organizationId: mirror.organizationId,
      directoryId: mirror.directoryId,
      subjectId: requestId,
    });
  }
  await writeGatePendingLink(tx, requestId, mirror);
}

async function openRequest(
  tx: Transaction,
  mirror: DirectoryUser,
): Promise<LinkRequestDocument | null> {
  return tx.collections.linkRequests.findOne(
    { directoryUserId: { $in: mirror.records.map(({ id }) => id) }, resolution: null },
    { session: tx.session },
  );
}

/**
 * The question has answered itself: the person left, or only one candidate remains. The gate's row of the
 * request goes with it, or the person would be found twice.
 */
async function withdrawRequest(tx: Transaction, mirror: DirectoryUser): Promise<void> {
  const { session } = tx;
  const open = await openRequest(tx, mirror);
  if (open === null) return;
  await tx.collections.linkRequests.updateOne(
    { _id: open._id },
    { $set: { resolution: 'withdrawn', resolvedBy: 'directory', resolvedAt: tx.at } },
    { session },
  );
  await tx.collections.gate.deleteOne({ _id: open._id }, { session });
}
