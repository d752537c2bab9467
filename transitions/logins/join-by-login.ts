import { denied, type AccessDecision, type GateEntry } from '../../domain/decide-access.ts';
import { linkKey } from '../../domain/link-keys.ts';
import type { Policy } from '../../domain/policy.ts';
import type { UserProfile } from '../../domain/profile.ts';
import type { OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { lockLinkKeys, usersHaving } from '../links/link-candidates.ts';
import { createMembership } from '../membership/create-membership.ts';
import { writeGateIdentities } from '../membership/gate-identities.ts';
import { lockImport } from '../organization/import-locks.ts';
import { learnIdentity } from './learn-identity.ts';
import type { LoggedIn, Login, LoginRules, SsoProfile } from './login.ts';
import { notice, noticeOnce } from '../notice.ts';
import { hostUserIdLock, hostUserIdOf, userOfHost } from '../notifications/host-user-ids.ts';
import { ensureOrganization, policyOf } from '../organization/organization.ts';

/** A login of somebody whom nobody knows. */
export interface Stranger extends Login {
  /** The gate's entries that the identities match: of people who left, at most. */
  entries: GateEntry[];
  /** The answer where the organization takes nobody in at login. */
  refusal: AccessDecision;
}

/**
 * Makes the user of an organization without Directory Sync at their first login, open at once: the identity
 * provider vouches for them, and nobody else would. Once a directory is on its way or there, only it lets
 * anybody in, whatever SSO says.
 *
 * Takes a lock of an import: a directory that is connected at this moment finds the new user, or this finds it.
 */
export async function joinByLogin(
  tx: Transaction,
  stranger: Stranger,
  { file, newUserId, mode }: LoginRules,
): Promise<LoggedIn> {
  const { organizationId, sso, refusal } = stranger;
  if (sso === undefined || mode === 'check') return { decision: refusal, changed: null };
  const found = await tx.collections.organizations.findOne(
    { _id: organizationId },
    { session: tx.session },
  );
  if (!takesInAtLogin(found, policyOf(found, file))) return { decision: refusal, changed: null };
  await lockImport(tx, organizationId, stranger.userId ?? sso.idpId);
  const userId = await userOf(tx, stranger);
  if (userId !== undefined && (await isForgotten(tx, userId))) {
    return { decision: denied('anonymized'), changed: null };
  }
  const holder = await whoHasAddress(tx, { ...stranger, sso }, file);
  if (holder !== null) {
    await noticeOnce(tx, 'looksAlike', { organizationId, subjectId: holder });
    return { decision: denied('identityMismatch'), changed: null };
  }
  if (mode === 'observing') {
    const id = userId === undefined ? null : await hostUserIdOf(tx.store, userId, tx.session);
    return { decision: allowed(id, null), changed: null };
  }
  await noticeLookAlikes(tx, stranger);
  const organization = found ?? (await ensureOrganization(tx, organizationId));
  const made = await create(tx, organization, userId ?? newUserId(), sso);
  const { _id: membershipId } = made.membership;
  return {
    decision: allowed(made.user.hostUserId ?? made.user._id, membershipId),
    changed: { membershipId, organizationId },
  };
}

/**
 * Whom the login names. The host application may be saying right now that the id is that of a user whom Tenure
 * made: without the lock there would be a second one under it.
 */
async function userOf(tx: Transaction, { userId }: Stranger): Promise<string | undefined> {
  if (userId === undefined) return undefined;
  await tx.store.fences.keys(tx, [hostUserIdLock(userId)]);
  return userOfHost(tx, userId);
}

function takesInAtLogin(organization: OrganizationDocument | null, { jit }: Policy): boolean {
  if (!jit) return false;
  if (organization === null) return true;
  return organization.directorySync === 'disabled' && organization.deletedAt === null;
}

/** An id of the host application whose person was forgotten stays forgotten. */
async function isForgotten(tx: Transaction, userId: string): Promise<boolean> {
  const erased = await tx.collections.memberships.findOne(
    { userId, 'erasure.wholeUser': true },
    { session: tx.session, projection: { _id: 1 } },
  );
  return erased !== null;
}

/**
 * Who has the address of the profile already, in any organization, where no two of the host's users may have
 * one; null: nobody, or it does not matter. By an address alone nobody is taken for them: whoever knows that it
 * is the same person says so by `userId`, or by an import.
 */
async function whoHasAddress(
  tx: Transaction,
  { organizationId, userId, sso }: Stranger & { sso: SsoProfile },
  { users }: LoginRules['file'],
): Promise<string | null> {
  const key = linkKey(sso.email);
  if (key === null || users?.uniqueEmail !== true) return null;
  await lockLinkKeys(tx, organizationId, { email: sso.email, username: null }, true);
  const having = await usersHaving(tx, key);
  return having.find((id) => id !== userId) ?? null;
}

/** Somebody who left has the same address: nobody is merged, but an admin should know. */
async function noticeLookAlikes(
  tx: Transaction,
  { organizationId, entries, sso }: Stranger,
): Promise<void> {
  const key = linkKey(sso?.email);
  const alike = entries.find(({ emails }) => key !== null && emails.includes(key));
  if (alike?.userId == null) return;
  await notice(tx, 'looksAlike', { organizationId, subjectId: alike.userId });
}

async function create(
  tx: Transaction,
  organization: OrganizationDocument,
  userId: string,
  sso: SsoProfile,
): ReturnType<typeof createMembership> {
  const made = await createMembership(tx, {
    userId,
    organizationId: organization._id,
    profile: profileOfSso(sso),
    origin: 'login',
    actor: 'login',
    backed: false,
    withoutDirectory: true,
    open: true,
    // They are here: nobody is invited who has logged in.
    invited: false,
    roles: [],
    factsRevision: organization.revision,
  });
  await writeGateIdentities(tx, made.membership, made.user, []);
  await learnIdentity(tx, made.membership, sso);
  return made;
}

function profileOfSso({ email, firstName, lastName, name }: SsoProfile): UserProfile {
  const composed = [firstName, lastName].filter((part) => part !== null).join(' ');
  const displayName = name ?? (composed === '' ? null : composed);
  return { email, username: null, firstName, lastName, displayName };
}

function allowed(userId: string | null, membershipId: string | null): AccessDecision {
  return {
    allowed: true,
    reason: 'open',
    userId,
    membershipId,
    roles: [],
    permissions: [],
    features: [],
  };
}
