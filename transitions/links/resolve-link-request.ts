import { currentRecord, type DirectoryUser } from '../../domain/directory-user.ts';
import { Refusal } from '../../domain/errors.ts';
import type { IdentityRules } from '../../domain/host-file.ts';
import { isCommitted } from '../../domain/membership.ts';
import { profileOf, type UserProfile } from '../../domain/profile.ts';
import type { OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { LinkRequestDocument } from '../../platform/mongo/link-documents.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { changeMembership } from '../membership/change-membership.ts';
import { lockLinkKeys } from './link-candidates.ts';
import { createSeparate } from './link-directory-user.ts';
import { ensureOrganization, policyOf } from '../organization/organization.ts';
import { keepReason } from '../reasons.ts';
import { releaseEmail } from './release-email.ts';
import { settlePerson } from '../membership/settle-person.ts';
import { joinOrganization } from '../membership/join-organization.ts';
import { backingIn, surroundingsOf } from '../membership/surroundings.ts';
import { writeLink } from './write-link.ts';

/** What an admin decides about a directory user that waits. */
export type LinkDecision =
  /** They are this person, who was there before. */
  | { action: 'link'; userId: string }
  /** They are nobody who was there before: a user of their own, who inherits nothing. */
  | { action: 'separate' }
  /** They stay without access until they leave the directory and come back. */
  | { action: 'ignore' };

export interface LinkDecisionBy {
  requestId: string;
  /** `admin:<key name>`. */
  actor: string;
  /** Free text: kept apart, erased with the person. */
  reason: string | null;
  decision: LinkDecision;
}

export interface LinkRules {
  file: IdentityRules;
  newUserId: () => string;
}

/** A request that waits, with everything around it. */
interface Case {
  request: LinkRequestDocument;
  mirror: DirectoryUser;
  profile: UserProfile;
  organization: OrganizationDocument;
  rules: LinkRules;
  by: LinkDecisionBy;
}

/** Whose membership the directory user stands behind now; null: nobody's. */
type Outcome = Pick<LinkRequestDocument, 'userId' | 'membershipId' | 'reasonId'>;

/**
 * Applies an admin's decision on a link request, in one transaction: the request, the directory user and
 * the membership. Of two decisions at once, or a decision and a leaving or a group's edge, one sees what the
 * other did, since all of them write the directory user.
 *
 * @throws Refusal `notFound`; `alreadyResolved`; `requestWithdrawn` where the question answered itself;
 * `directoryInactive` where the directory does not have them as active; `notEligible` for somebody to whom
 * they cannot be linked; `emailInUse` where the host's users must have unique e-mails and somebody who is
 * in has this one.
 */
export async function resolveLinkRequest(
  store: Store,
  by: LinkDecisionBy,
  rules: LinkRules,
): Promise<LinkRequestDocument> {
  return inTransaction(store, async (tx) => {
    const request = await waitingRequest(tx, by.requestId);
    const mirror = await waitingMirror(tx, request);
    const organization = await ensureOrganization(tx, request.organizationId);
    const outcome = await decide(tx, {
      request,
      mirror,
      organization,
      profile: profileOfWaiting(mirror, rules),
      rules,
      by,
    });
    const { session } = tx;
    const resolved: LinkRequestDocument = {
      ...request,
      ...outcome,
      resolution: by.decision.action,
      resolvedBy: by.actor,
      resolvedAt: tx.at,
    };
    await tx.collections.linkRequests.replaceOne({ _id: request._id }, resolved, { session });
    await tx.collections.gate.deleteOne({ _id: request._id }, { session });
    return resolved;
  });
}

async function waitingRequest(tx: Transaction, requestId: string): Promise<LinkRequestDocument> {
  const request = await tx.collections.linkRequests.findOne(
    { _id: requestId },
    { session: tx.session },
  );
  if (request === null) throw new Refusal('notFound', 'There is no such link request.');
  if (request.resolution === 'withdrawn') throw withdrawn();
  if (request.resolution !== null) {
    throw new Refusal('alreadyResolved', 'The link request was resolved before.');
  }
  return request;
}

async function waitingMirror(
  tx: Transaction,
  { directoryUserId }: LinkRequestDocument,
): Promise<DirectoryUser> {
  const mirror = await tx.collections.directoryUsers.findOne(
    { 'records.id': directoryUserId },
    { session: tx.session },
  );
  if (mirror === null || mirror.membershipId !== null) throw withdrawn();
  return mirror;
}

function withdrawn(): Refusal {
  return new Refusal('requestWithdrawn', 'The question answered itself: nobody waits any more.');
}

function profileOfWaiting(mirror: DirectoryUser, { file }: LinkRules): UserProfile {
  const { profile } = currentRecord(mirror);
  if (profile === null) throw withdrawn();
  return profileOf(profile, file.attributes);
}

async function decide(tx: Transaction, waiting: Case): Promise<Outcome> {
  const { decision, reason } = waiting.by;
  if (decision.action === 'ignore') {
    // Erased when the directory user leaves: no membership stands behind them that could take it along.
    return { userId: null, membershipId: null, reasonId: await keepReason(tx, reason, null) };
  }
  await refuseUnlessBacking(tx, waiting);
  const outcome =
    decision.action === 'link'
      ? await linkTo(tx, waiting, decision.userId)
      : await separate(tx, waiting);
  const { mirror, organization, rules } = waiting;
  mirror.membershipId = outcome.membershipId;
  await settlePerson(tx, {
    mirror,
    firstSeen: false,
    organization,
    ...rules,
    receivedAt: tx.at,
    cause: 'directory',
  });
  return outcome;
}

async function refuseUnlessBacking(
  tx: Transaction,
  { mirror, organization, rules }: Case,
): Promise<void> {
  const surroundings = await surroundingsOf(tx, organization, rules.file, [mirror]);
  if (backingIn(mirror, surroundings) === 'backs') return;
  throw new Refusal('directoryInactive', 'The directory does not have this person as active.');
}

async function linkTo(tx: Transaction, waiting: Case, userId: string): Promise<Outcome> {
  const { request, mirror, by } = waiting;
  const found = await tx.collections.memberships.findOne(
    { userId, organizationId: request.organizationId },
    { session: tx.session },
  );
  const membershipId = found?._id ?? (await joinAsCandidate(tx, waiting, userId));
  const reasonId = await keepReason(tx, by.reason, { membershipId });
  const membership = await writeLink(tx, {
    mirror,
    membershipId,
    how: 'decided',
    actor: by.actor,
    requestId: request._id,
    reasonId,
  });
  if (membership === null || isCommitted(membership)) {
    throw new Refusal('notEligible', 'The erasure of this person has begun.');
  }
  await refuseTwiceInDirectory(tx, membershipId, mirror);
  return { userId, membershipId, reasonId };
}

/**
 * Somebody of another organization, who was named because the host's users must have unique e-mails, gets a
 * membership in this one. Anybody else must be one of the organization's people.
 */
async function joinAsCandidate(tx: Transaction, waiting: Case, userId: string): Promise<string> {
  const { request, organization, by } = waiting;
  if (request.cause === 'several' || !request.candidateUserIds.includes(userId)) {
    throw new Refusal('notEligible', 'This user is not one of the organization’s people.');
  }
  const joined = await joinOrganization(tx, { userId, organization, actor: by.actor });
  if (joined === null) {
    throw new Refusal('notEligible', 'The erasure of this person has begun.');
  }
  return joined;
}

/**
 * One directory has nobody twice. Two active records of it behind one membership would be two people, and
 * the leaving of one would hide behind the other.
 */
async function refuseTwiceInDirectory(
  tx: Transaction,
  membershipId: string,
  mirror: DirectoryUser,
): Promise<void> {
  const linked = await tx.collections.directoryUsers
    .find({ membershipId, directoryId: mirror.directoryId }, { session: tx.session })
    .toArray();
  if (linked.every((other) => currentRecord(other).state !== 'active')) return;
  throw new Refusal('notEligible', 'The same directory has this person as somebody else.');
}

async function separate(tx: Transaction, waiting: Case): Promise<Outcome> {
  const { request, mirror, profile, organization, rules, by } = waiting;
  const uniqueEmail = rules.file.users?.uniqueEmail ?? false;
  await lockLinkKeys(tx, organization._id, profile, uniqueEmail);
  if (uniqueEmail) await releaseEmail(tx, profile.email, by.actor);
  const membershipId = await createSeparate(tx, {
    mirror,
    profile,
    policy: policyOf(organization, rules.file),
    newUserId: rules.newUserId,
    factsRevision: organization.revision,
    actor: by.actor,
  });
  const reasonId = await keepReason(tx, by.reason, { membershipId });
  const made = await changeMembership(tx, membershipId, { actor: by.actor }, (_draft, note) => {
    note('separated', { linkRequestId: request._id }, reasonId);
  });
  return { userId: made?.userId ?? null, membershipId, reasonId };
}
