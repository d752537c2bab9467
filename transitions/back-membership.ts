import {
  backingOf,
  combinedBacking,
  type Backing,
  type DirectoryUser,
} from '../domain/directory-user.ts';
import { hasLeft, isCommitted, type Membership } from '../domain/membership.ts';
import type { Policy } from '../domain/policy.ts';
import type { Transaction } from '../platform/mongo/store.ts';
import { comeIn, demandRevocation, leave } from './access-facts.ts';
import { changeMembership, type Note } from './change-membership.ts';

export interface BackingChange {
  membershipId: string;
  policy: Policy;
  receivedAt: Date;
  /** Further edits under the same lock, e.g. of the profile. */
  alsoChange?: (membership: Membership, directoryUsers: DirectoryUser[]) => Promise<void>;
}

/**
 * Brings a membership in line with the directory users behind it, under its lock: closes access in the
 * transaction that sees the last backing go, and lets the lifecycle open it when one comes.
 *
 * The lock comes first and the directory users are read after it. The other way round, two directory users
 * that leave at once would each see the other one still there.
 */
export async function backMembership(
  tx: Transaction,
  change: BackingChange,
): Promise<{ membership: Membership; directoryUsers: DirectoryUser[] } | null> {
  let directoryUsers: DirectoryUser[] = [];
  const membership = await changeMembership(
    tx,
    change.membershipId,
    { actor: 'directory' },
    async (draft, note) => {
      directoryUsers = await tx.collections.directoryUsers
        .find({ membershipId: change.membershipId }, { session: tx.session })
        .toArray();
      const backings = directoryUsers.map((mirror) => backingOf(mirror, change.policy));
      applyBacking(draft, combinedBacking(backings), change, tx.at, note);
      await change.alsoChange?.(draft, directoryUsers);
    },
  );
  return membership === null ? null : { membership, directoryUsers };
}

function applyBacking(
  membership: Membership,
  backing: Backing,
  change: BackingChange,
  at: Date,
  note: Note,
): void {
  // Past the commit point nothing about the person is decided any more: the erasure finishes.
  if (isCommitted(membership)) return;
  switch (backing) {
    case 'backs':
      if (!membership.backed || membership.suspended) comeIn(membership, note);
      return;
    case 'suspended':
      // A suspension takes nobody back who left: only an active record does.
      if (membership.suspended || hasLeft(membership)) return;
      membership.suspended = true;
      membership.backed = true;
      membership.everBacked = true;
      demandRevocation(membership, at, change.receivedAt);
      note('suspended');
      return;
    case 'none':
      if (!hasLeft(membership)) leave(membership, change.policy, at, change.receivedAt, note);
  }
}
