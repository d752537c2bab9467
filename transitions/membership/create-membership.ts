import { linkKey } from '../../domain/link-keys.ts';
import type { Membership } from '../../domain/membership.ts';
import type { UserProfile } from '../../domain/profile.ts';
import { deriveAccess, deriveStatus } from '../../domain/status.ts';
import { newId } from '../../platform/ids.ts';
import type { UserDocument } from '../../platform/mongo/documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { writeTimeline } from './change-membership.ts';
import { keepReason } from '../reasons.ts';

/** A user who comes into an organization. */
export interface Newcomer {
  userId: string;
  organizationId: string;
  profile: UserProfile;
  origin: UserDocument['origin'];
  actor: string;
  /** An admin's free text, kept apart. */
  reason?: string | null;
  /** A directory user stands behind them; otherwise they are open without a directory, or closed. */
  backed: boolean;
  withoutDirectory: boolean;
  open: boolean;
  invited: boolean;
  /** Imported as disabled: by whom. */
  disabledBy?: string | null;
  roles: string[];
  /** The revision of the organization's facts that were read. */
  factsRevision: number;
}

/**
 * Creates a membership, and its user where Tenure does not know them yet. With a directory behind it the
 * access starts closed (`opening`): the lifecycle opens it. The caller holds the locks of the link keys.
 */
export async function createMembership(
  tx: Transaction,
  newcomer: Newcomer,
): Promise<{ membership: Membership; user: UserDocument }> {
  const user = await upsertUser(tx, newcomer);
  const membership = freshMembership(newcomer, tx.at);
  await tx.collections.memberships.insertOne(membership, { session: tx.session });
  await writeTimeline(tx, membership, newcomer.actor, [
    [
      newcomer.origin === 'import' ? 'imported' : 'joined',
      { access: membership.access.reason },
      await keepReason(tx, newcomer.reason ?? null, { membershipId: membership._id }),
    ],
  ]);
  return { membership, user };
}

async function upsertUser(tx: Transaction, newcomer: Newcomer): Promise<UserDocument> {
  const { userId, organizationId, profile } = newcomer;
  const unlessKnown: Omit<UserDocument, '_id' | 'revision' | 'organizationIds'> = {
    profile,
    emailKey: linkKey(profile.email),
    usernameKey: linkKey(profile.username),
    emailHistory: [],
    origin: newcomer.origin,
    createdAt: tx.at,
    anonymizedAt: null,
  };
  const user = await tx.collections.users.findOneAndUpdate(
    { _id: userId },
    {
      $addToSet: { organizationIds: organizationId },
      $inc: { revision: 1 },
      $setOnInsert: unlessKnown,
    },
    { session: tx.session, returnDocument: 'after', upsert: true },
  );
  if (user === null) throw new TypeError('An upsert returned nothing.');
  return user;
}

function freshMembership(newcomer: Newcomer, at: Date): Membership {
  const membership: Membership = {
    _id: newId('membership'),
    userId: newcomer.userId,
    organizationId: newcomer.organizationId,
    revision: 1,
    lookedRevision: 0,
    pendingSince: at,
    urgent: false,
    resting: false,
    phase: newcomer.backed ? 'joining' : 'settled',
    status: 'active',
    access: newcomer.open
      ? { state: 'open', reason: 'open' }
      : { state: 'closed', reason: 'opening' },
    backed: newcomer.backed,
    everBacked: newcomer.backed,
    withoutDirectory: newcomer.withoutDirectory,
    suspended: false,
    generation: 0,
    readmitted: 0,
    closings: 0,
    revokedClosings: 0,
    projection: { wanted: 1, done: 0 },
    invited: newcomer.invited,
    roles: newcomer.roles.map((role) => ({ role, source: 'manual' })),
    permissions: [],
    features: [],
    wanted: { roles: [], permissions: [], features: [] },
    suspendedRoles: [],
    narrowings: 0,
    answeredNarrowings: 0,
    readAfresh: { wanted: 0, done: 0 },
    factsRevision: newcomer.factsRevision,
    disabled: newcomer.disabledBy == null ? null : { by: newcomer.disabledBy, at, reasonId: null },
    retained: null,
    reassign: null,
    leftFrom: null,
    guard: null,
    disabledAt: null,
    dueAt: null,
    blockedBy: [],
    transfer: null,
    giveBack: false,
    conditions: null,
    erasure: null,
    outcome: null,
    closedReceivedAt: null,
    createdAt: at,
    updatedAt: at,
  };
  membership.access = deriveAccess(membership);
  membership.status = deriveStatus(membership);
  return membership;
}
