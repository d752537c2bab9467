import { isDeepStrictEqual } from 'node:util';

import { currentRecord, type DirectoryUser } from '../domain/directory-user.ts';
import { linkKey } from '../domain/link-keys.ts';
import type { Membership } from '../domain/membership.ts';
import { profileOf, type AttributeMap, type UserProfile } from '../domain/profile.ts';
import { keyLock } from '../platform/ids.ts';
import type { UserDocument } from '../platform/mongo/documents.ts';
import type { Transaction } from '../platform/mongo/store.ts';
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
  rules: { surroundings: Surroundings; attributes: AttributeMap },
): Promise<UserDocument | null> {
  const { session } = tx;
  const user = await tx.collections.users.findOne({ _id: membership.userId }, { session });
  const source = profileSource(directoryUsers, rules.surroundings);
  if (user === null || user.anonymizedAt !== null || source === null) return user;
  const profile = profileOf(source, rules.attributes);
  if (isDeepStrictEqual(profile, user.profile)) return user;
  await lockChangedKeys(tx, membership.organizationId, user, profile);
  const changed = withProfile(user, profile, tx.at);
  await tx.collections.users.replaceOne({ _id: user._id }, changed, { session });
  membership.projection.wanted += 1;
  return changed;
}

/** The backing directory user whose profile counts: the first by directory id, so that the order of arrival does not matter. */
function profileSource(
  directoryUsers: DirectoryUser[],
  surroundings: Surroundings,
): NonNullable<ReturnType<typeof currentRecord>['profile']> | null {
  const [first] = directoryUsers
    .filter((mirror) => backingIn(mirror, surroundings) === 'backs')
    .toSorted((a, b) => (a.directoryId < b.directoryId ? -1 : 1));
  return first === undefined ? null : currentRecord(first).profile;
}

/** Whoever looks for a person by an address must wait while the address changes hands. */
async function lockChangedKeys(
  tx: Transaction,
  organizationId: string,
  user: UserDocument,
  profile: UserProfile,
): Promise<void> {
  const before = [user.emailKey, user.usernameKey];
  const after = [linkKey(profile.email), linkKey(profile.username)];
  const changed = [...before, ...after].filter((key) => key !== null);
  if (before.join('\n') === after.join('\n')) return;
  await tx.store.fences.keys(
    tx,
    changed.map((key) => keyLock(organizationId, key)),
  );
}

function withProfile(user: UserDocument, profile: UserProfile, at: Date): UserDocument {
  const formerEmail = user.profile?.email ?? null;
  const emailHistory =
    formerEmail !== null && formerEmail !== profile.email
      ? [...user.emailHistory, { email: formerEmail, until: at }]
      : user.emailHistory;
  return {
    ...user,
    revision: user.revision + 1,
    profile,
    emailKey: linkKey(profile.email),
    usernameKey: linkKey(profile.username),
    emailHistory,
  };
}
