import { isDeepStrictEqual } from 'node:util';

import { byPrecedence, currentRecord, type DirectoryUser } from '../../domain/directory-user.ts';
import type { IdentityRules } from '../../domain/host-file.ts';
import { linkKey } from '../../domain/link-keys.ts';
import type { Membership } from '../../domain/membership.ts';
import { mergedProfile, profileOf, type UserProfile } from '../../domain/profile.ts';
import { keyLock } from '../../platform/ids.ts';
import type { UserDocument } from '../../platform/mongo/documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { backingIn, type Surroundings } from './surroundings.ts';

/**
 * Brings the user's profile in line with the directory: on the same record, whatever changed. An e-mail
 * address that is given up goes to the history. Somebody who left keeps the last profile.
 *
 * Returns the user as it is now.
 */
export async function changeProfile(
  tx: Transaction,
  membership: Membership,
  directoryUsers: DirectoryUser[],
  rules: { surroundings: Surroundings; file: Pick<IdentityRules, 'attributes' | 'directoryOrder'> },
): Promise<UserDocument | null> {
  const { session } = tx;
  const user = await tx.collections.users.findOne({ _id: membership.userId }, { session });
  const profile = toldProfile(directoryUsers, rules);
  if (user === null || user.anonymizedAt !== null || profile === null) return user;
  const same = isDeepStrictEqual(profile, user.profile) && user.emailReleased === undefined;
  if (same) return user;
  await lockChangedKeys(tx, membership.organizationId, user, profile);
  const changed = withProfile(user, profile, tx.at);
  await tx.collections.users.replaceOne({ _id: user._id }, changed, { session });
  membership.projection.wanted += 1;
  return changed;
}

/**
 * What the directories say of somebody whom they back, by precedence; null where none backs them. The order
 * in which they were heard never matters.
 */
function toldProfile(
  directoryUsers: DirectoryUser[],
  {
    surroundings,
    file,
  }: { surroundings: Surroundings; file: Pick<IdentityRules, 'attributes' | 'directoryOrder'> },
): UserProfile | null {
  const order = byPrecedence(surroundings.policy.lifecycleAuthority, file.directoryOrder);
  const backing = directoryUsers
    .filter((mirror) => backingIn(mirror, surroundings) === 'backs')
    .map((mirror) => ({
      mirror,
      directoryId: mirror.directoryId,
      type: surroundings.directoryTypeOf(mirror),
    }))
    .toSorted(order);
  const profiles = backing.flatMap(({ mirror }) => {
    const { profile } = currentRecord(mirror);
    return profile === null ? [] : [profileOf(profile, file.attributes)];
  });
  return mergedProfile(profiles);
}

/** Whoever looks for a person by an address must wait while the address changes hands. */
export async function lockChangedKeys(
  tx: Transaction,
  organizationId: string,
  user: UserDocument,
  profile: UserProfile | null,
): Promise<void> {
  const before = [user.emailKey, user.usernameKey];
  const after = [linkKey(profile?.email), linkKey(profile?.username)];
  const changed = [...before, ...after].filter((key) => key !== null);
  if (before.join('\n') === after.join('\n')) return;
  await tx.store.fences.keys(
    tx,
    changed.map((key) => keyLock(organizationId, key)),
  );
}

/** Somebody who is back has their address again, whoever was given it meanwhile. */
function withProfile(user: UserDocument, profile: UserProfile, at: Date): UserDocument {
  const formerEmail = user.profile?.email ?? null;
  const emailHistory =
    formerEmail !== null && formerEmail !== profile.email
      ? [...user.emailHistory, { email: formerEmail, until: at }]
      : user.emailHistory;
  const { emailReleased: _regained, ...kept } = user;
  return {
    ...kept,
    revision: user.revision + 1,
    profile,
    emailKey: linkKey(profile.email),
    usernameKey: linkKey(profile.username),
    emailHistory,
  };
}
