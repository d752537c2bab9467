import type { DirectoryUser } from '../../domain/directory-user.ts';
import { Refusal } from '../../domain/errors.ts';
import { isCommitted } from '../../domain/membership.ts';
import type { OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { LinkDocument } from '../../platform/mongo/link-documents.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { demandRevocation } from '../membership/access-facts.ts';
import { changeMembership } from '../membership/change-membership.ts';
import { writeGateIdentities } from '../membership/gate-identities.ts';
import { judgeMembership } from '../membership/judge-membership.ts';
import { ensureOrganization } from '../organization/organization.ts';
import { keepReason } from '../reasons.ts';
import type { LinkRules } from './resolve-link-request.ts';
import { restoreProfile, restoreReplaced, waitAgain } from './restore-replaced.ts';
import { settlePerson } from '../membership/settle-person.ts';
import { backingIn, surroundingsOf } from '../membership/surroundings.ts';

/** Which link is undone, by whom and why. */
export interface LinkUndoing {
  membershipId: string;
  /** Any WorkOS id that the directory user ever had. */
  directoryUserId: string;
  /** `admin:<key name>`. */
  actor: string;
  /** Free text: kept apart, erased with the person. */
  reason: string | null;
}

/** The memberships that changed: the one that got back what it was, and that of the directory user, if any. */
export interface UndoneLink {
  membershipId: string;
  separateMembershipId: string | null;
}

/**
 * Undoes a link, automatic or decided, in one transaction. The membership is what it was before: profile,
 * backing, manual roles that a leaving by this directory user suspended. It is no leaving: the generation
 * stays. The directory user becomes a user of their own, or waits as a link request where the host's users
 * must have unique e-mails; it is never linked to this membership by itself again. Every session of both is
 * revoked before anybody is let in, since nobody knows whose hands they were in.
 *
 * @throws Refusal `notFound`; `notLinked` where this directory user does not stand behind the membership, or
 * made it, so that there is nothing to go back to; `erasureStarted` after the commit point.
 */
export async function undoLink(
  store: Store,
  undoing: LinkUndoing,
  rules: LinkRules,
): Promise<UndoneLink> {
  return inTransaction(store, async (tx) => {
    const mirror = await linkedMirror(tx, undoing);
    const link = await linkOf(tx, undoing.membershipId, mirror);
    const organization = await ensureOrganization(tx, mirror.organizationId);
    const reasonId = await keepReason(tx, undoing.reason, { membershipId: undoing.membershipId });
    await letGo(tx, { mirror, link, organization, rules, undoing, reasonId });
    await forgetReplaced(tx, link, { by: undoing.actor, at: tx.at, reasonId });
    const separateMembershipId = await settleApart(tx, mirror, organization, rules);
    return { membershipId: undoing.membershipId, separateMembershipId };
  });
}

async function linkedMirror(
  tx: Transaction,
  { membershipId, directoryUserId }: LinkUndoing,
): Promise<DirectoryUser> {
  const { session } = tx;
  const membership = await tx.collections.memberships.findOne(
    { _id: membershipId },
    { session, projection: { _id: 1 } },
  );
  if (membership === null) throw new Refusal('notFound', 'There is no such membership.');
  const mirror = await tx.collections.directoryUsers.findOne(
    { 'records.id': directoryUserId, membershipId },
    { session },
  );
  if (mirror !== null) return mirror;
  throw new Refusal('notLinked', 'This directory user does not stand behind the membership.');
}

async function linkOf(
  tx: Transaction,
  membershipId: string,
  mirror: DirectoryUser,
): Promise<LinkDocument> {
  const link = await tx.collections.links.findOne(
    { mirrorId: mirror._id, membershipId, undone: null },
    { session: tx.session },
  );
  if (link !== null) return link;
  throw new Refusal('notLinked', 'The membership was made by this directory user, not linked.');
}

interface LettingGo {
  mirror: DirectoryUser;
  link: LinkDocument;
  organization: OrganizationDocument;
  rules: LinkRules;
  undoing: LinkUndoing;
  reasonId: string | null;
}

/**
 * The membership without the directory user: what it was before, judged by those who still stand behind it.
 * Should one of them have left in the meantime, that leaving, which the link hid, counts from now on.
 */
async function letGo(tx: Transaction, parts: LettingGo): Promise<void> {
  const { mirror, link, organization, rules, undoing, reasonId } = parts;
  const { membershipId } = link;
  const { session } = tx;
  mirror.membershipId = null;
  // The lock comes first, and the others are read after it, as wherever a membership is judged.
  await changeMembership(tx, membershipId, { actor: undoing.actor }, async (draft, note) => {
    if (isCommitted(draft)) {
      throw new Refusal('erasureStarted', 'The erasure has begun and cannot be stopped.');
    }
    await tx.collections.directoryUsers.updateOne(
      { _id: mirror._id },
      { $set: { membershipId: null } },
      { session },
    );
    const others = await tx.collections.directoryUsers
      .find({ membershipId }, { session })
      .toArray();
    const surroundings = await surroundingsOf(tx, organization, rules.file, others);
    const backed = others.some((other) => backingIn(other, surroundings) === 'backs');
    note('unlinked', { directoryUserId: undoing.directoryUserId }, reasonId);
    restoreReplaced(draft, link.replaced, { backed, organization, at: tx.at }, note);
    await waitAgain(tx, draft);
    demandRevocation(draft, 'unlinked', tx.at, tx.at);
    // The judging below tells it anew, where another directory says what the profile is.
    const user = await restoreProfile(tx, draft, link.replaced);
    await writeGateIdentities(tx, draft, user, others);
  });
  await judgeMembership(tx, {
    membershipId,
    organization,
    file: rules.file,
    receivedAt: tx.at,
    cause: 'directory',
  });
}

/** What the next link of the membership replaced was this one's doing: what this one replaced goes to it. */
async function forgetReplaced(
  tx: Transaction,
  link: LinkDocument,
  undone: NonNullable<LinkDocument['undone']>,
): Promise<void> {
  const { session } = tx;
  await tx.collections.links.updateOne(
    { _id: link._id },
    { $set: { undone, replaced: null } },
    { session },
  );
  const [next] = await tx.collections.links
    .find({ membershipId: link.membershipId, undone: null, at: { $gt: link.at } }, { session })
    .sort({ at: 1, _id: 1 })
    .limit(1)
    .toArray();
  if (next === undefined) return;
  await tx.collections.links.updateOne(
    { _id: next._id },
    { $set: { replaced: link.replaced } },
    { session },
  );
}

/** The directory user on their own. What lets them in, wherever it was given, is revoked first. */
async function settleApart(
  tx: Transaction,
  mirror: DirectoryUser,
  organization: OrganizationDocument,
  rules: LinkRules,
): Promise<string | null> {
  const { membershipId } = await settlePerson(tx, {
    mirror,
    firstSeen: false,
    organization,
    ...rules,
    receivedAt: tx.at,
    cause: 'directory',
  });
  if (membershipId === null) return null;
  await changeMembership(tx, membershipId, { actor: 'directory' }, (draft) => {
    demandRevocation(draft, 'unlinked', tx.at, tx.at);
  });
  return membershipId;
}
