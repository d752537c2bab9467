import { Refusal } from '../../domain/errors.ts';
import type { Membership } from '../../domain/membership.ts';
import { linkKey } from '../../domain/link-keys.ts';
import type { UserProfile } from '../../domain/profile.ts';
import { keyLock } from '../../platform/ids.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { createMembership } from '../membership/create-membership.ts';
import { writeGateIdentities } from '../membership/gate-identities.ts';
import { notice } from '../notice.ts';
import { hostUserIdLock, userOfHost } from '../notifications/host-user-ids.ts';
import { lockImport } from './import-locks.ts';
import { ensureOrganization } from './organization.ts';

/** One existing user of the host application, under the host's own id. */
export interface ImportedUser {
  id: string;
  organizationId: string;
  email: string | null;
  username: string | null;
  name: string | null;
  roles: string[];
  status: 'active' | 'invited' | 'disabled';
}

/** What became of one: `existing` was imported, or came by a directory, before and is left as it is. */
export interface Imported {
  id: string;
  organizationId: string;
  membershipId: string;
  outcome: 'created' | 'existing';
}

/**
 * Imports one user who was there before Tenure; idempotent on id and organization. No countdown starts by
 * it. In an organization whose Directory Sync is off or still syncing they are open, since nothing but
 * Tenure's own arrival changed; where it is enabled only a directory user can open them. In one that was
 * deleted nobody can.
 *
 * @throws Refusal `erasureStarted` for the id of a user who was anonymized.
 */
export async function importUser(
  store: Store,
  given: ImportedUser,
  actor: string,
  reason: string | null = null,
): Promise<Imported> {
  return inTransaction(store, async (tx) => {
    await lockKeys(tx, given);
    const user = { ...given, id: await userOfHost(tx, given.id) };
    const known = await tx.collections.memberships.findOne(
      { userId: user.id, organizationId: user.organizationId },
      { session: tx.session },
    );
    if (known !== null) return imported(known, 'existing');
    await refuseForgotten(tx, user.id);
    const organization = await ensureOrganization(tx, user.organizationId);
    if (organization.directorySync !== 'enabled') {
      await lockImport(tx, user.organizationId, user.id);
    }
    await noticeLookAlike(tx, user);
    // Nobody is let into a deleted organization, and whoever never was in does not leave it.
    const withoutDirectory =
      organization.directorySync !== 'enabled' && organization.deletedAt === null;
    const { membership, user: document } = await createMembership(tx, {
      userId: user.id,
      organizationId: user.organizationId,
      profile: profileOfImported(user),
      origin: 'import',
      actor,
      reason,
      backed: false,
      withoutDirectory,
      open: withoutDirectory && user.status !== 'disabled',
      invited: user.status === 'invited',
      disabledBy: user.status === 'disabled' ? actor : null,
      roles: user.roles,
      factsRevision: organization.revision,
    });
    await writeGateIdentities(tx, membership, document, []);
    return imported(membership, 'created');
  });
}

/**
 * A directory user of the same person may be arriving right now: it must find them, or they it. And the host
 * application may be saying right now that the id is that of a user whom Tenure made.
 */
async function lockKeys(tx: Transaction, user: ImportedUser): Promise<void> {
  const keys = [linkKey(user.email), linkKey(user.username)].filter((key) => key !== null);
  await tx.store.fences.keys(tx, [
    ...keys.map((key) => keyLock(user.organizationId, key)),
    hostUserIdLock(user.id),
  ]);
}

/**
 * The id of somebody who was anonymized stays anonymized: a later import must not bring them back under it.
 * From the commit of their last membership on, not from its end: the erasure under way would take the
 * profile of the new membership too.
 */
async function refuseForgotten(tx: Transaction, userId: string): Promise<void> {
  const erased = await tx.collections.memberships.findOne(
    { userId, 'erasure.wholeUser': true },
    { session: tx.session, projection: { _id: 1 } },
  );
  if (erased === null) return;
  throw new Refusal('erasureStarted', 'A user with this id was anonymized. Use a new id.');
}

/** A directory may have told of the person before: nobody is merged, but an admin should know. */
async function noticeLookAlike(tx: Transaction, user: ImportedUser): Promise<void> {
  const emailKey = linkKey(user.email);
  if (emailKey === null) return;
  const same = await tx.collections.users.findOne(
    { organizationIds: user.organizationId, emailKey, _id: { $ne: user.id } },
    { session: tx.session, projection: { _id: 1 } },
  );
  if (same === null) return;
  await notice(tx, 'looksAlike', { organizationId: user.organizationId, subjectId: same._id });
}

function profileOfImported({ email, username, name }: ImportedUser): UserProfile {
  return { email, username, firstName: null, lastName: null, displayName: name };
}

function imported(membership: Membership, outcome: Imported['outcome']): Imported {
  return {
    id: membership.userId,
    organizationId: membership.organizationId,
    membershipId: membership._id,
    outcome,
  };
}
