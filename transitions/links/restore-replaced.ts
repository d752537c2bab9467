import { linkKey } from '../../domain/link-keys.ts';
import { guardOf, hasLeft, isEntitled, type Membership } from '../../domain/membership.ts';
import type { OrganizationDocument, UserDocument } from '../../platform/mongo/documents.ts';
import type { ReplacedByLink } from '../../platform/mongo/link-documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { dropGrants, readmit } from '../membership/access-facts.ts';
import { lockChangedKeys } from '../membership/change-profile.ts';
import type { Note } from '../membership/change-membership.ts';
import { openGuardFor } from '../guards/open-guard.ts';

/** What is so without the directory user that goes. */
interface Without {
  /** Another directory user backs the membership now. */
  backed: boolean;
  organization: OrganizationDocument;
  at: Date;
}

/**
 * Edits a membership back to what it was before a link. What an admin did since stays: a disable, manual
 * roles, a cancelled deletion. Nobody's access goes on as it was: who may be in is opened by the lifecycle,
 * after the revocation.
 */
export function restoreReplaced(
  draft: Membership,
  replaced: ReplacedByLink | null,
  without: Without,
  note: Note,
): void {
  const before = replaced ?? { backed: false, everBacked: false, left: null };
  draft.everBacked = before.everBacked || without.backed;
  if (!without.backed) {
    if (before.left !== null) leftAgain(draft, before.left, without.at);
    else if (!before.backed) backWithoutDirectory(draft, without.organization, note);
  }
  if (isEntitled(draft)) {
    draft.access = { state: 'closed', reason: 'opening' };
    draft.phase = 'joining';
  }
}

/**
 * They had left, and an admin took the directory user for their return. The leaving goes on where it was,
 * with as much of the cooling-off ahead as there was then, and at the guard at which it waited.
 */
function leftAgain(draft: Membership, left: NonNullable<ReplacedByLink['left']>, at: Date): void {
  draft.backed = false;
  draft.suspended = false;
  dropGrants(draft);
  draft.giveBack = false;
  draft.phase = 'closingAccess';
  draft.conditions = null;
  draft.blockedBy = [];
  draft.disabledAt = left.disabledAt;
  draft.guard = left.guard;
  const dueAt = new Date(at.getTime() + left.remainingMs);
  if (draft.dueAt === null || draft.dueAt < dueAt) draft.dueAt = dueAt;
}

/**
 * A leaving that waits at a guard again: meanwhile that one may have been decided, which is then brought to it,
 * or be gone, since nobody else waited there. Without one the leaving would count down as if it had passed.
 */
export async function waitAgain(tx: Transaction, draft: Membership): Promise<void> {
  const fact = guardOf(draft);
  if (fact?.state !== 'waits') return;
  const { guards } = tx.collections;
  const { session } = tx;
  const spreading = { spreading: true as const, spreadSince: tx.at };
  await guards.updateOne(
    { _id: fact.id ?? '', state: 'withdrawn' },
    { $set: { state: 'open' } },
    { session },
  );
  const { matchedCount } = await guards.updateOne(
    { _id: fact.id ?? '' },
    { $set: spreading },
    { session },
  );
  if (matchedCount > 0) return;
  const opening = { kind: 'configuration' as const, directoryId: null, restores: null };
  fact.id = await openGuardFor(tx, { organizationId: draft.organizationId, ...opening });
}

/**
 * No directory stood behind them. Leavings since then were the directory user's, not theirs, so they are
 * undone. Once Directory Sync is `enabled` only a directory lets anybody in: then they are closed, but did
 * not leave, and nothing is counted down.
 */
function backWithoutDirectory(
  draft: Membership,
  { directorySync, deletedAt }: OrganizationDocument,
  note: Note,
): void {
  draft.backed = false;
  draft.suspended = false;
  if (hasLeft(draft)) readmit(draft, note);
  if (guardOf(draft)?.state === 'waits') draft.guard = null;
  draft.dueAt = null;
  draft.phase = 'settled';
  if (directorySync === 'enabled' || deletedAt !== null) draft.withoutDirectory = false;
}

/**
 * Gives the user back the profile that the link replaced. The other person's addresses leave the history
 * with it. Returns the user as they are now.
 */
export async function restoreProfile(
  tx: Transaction,
  draft: Membership,
  replaced: ReplacedByLink | null,
): Promise<UserDocument | null> {
  const { session } = tx;
  const user = await tx.collections.users.findOne({ _id: draft.userId }, { session });
  if (user === null || user.anonymizedAt !== null || replaced?.profile == null) return user;
  const { profile } = replaced;
  await lockChangedKeys(tx, draft.organizationId, user, profile);
  const restored: UserDocument = {
    ...user,
    revision: user.revision + 1,
    profile,
    emailKey: linkKey(profile.email),
    usernameKey: linkKey(profile.username),
    emailHistory: replaced.emailHistory,
  };
  await tx.collections.users.replaceOne({ _id: user._id }, restored, { session });
  draft.projection.wanted += 1;
  return restored;
}
