import { createHash } from 'node:crypto';

import type { ClientSession } from 'mongodb';

import { keyLock } from '../../platform/ids.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';

/** Whoever takes an id for one of the host application's own waits for whoever does the same. */
export function hostUserIdLock(hostUserId: string): string {
  return keyLock('hostUserIds', hostUserId);
}

/**
 * What is kept of the id of somebody who was forgotten: enough to know it again, so that nobody comes back under
 * it, and not the id.
 */
export function fingerprintOf(hostUserId: string): string {
  return createHash('sha256').update(hostUserId).digest('hex');
}

/**
 * The user to whom the host application's id belongs, or did before they were forgotten. Two reads: as one part of
 * an `$or` no partial index is used, and all users would be read.
 */
export async function holderOf(
  tx: Transaction,
  hostUserId: string,
): Promise<{ _id: string } | null> {
  const { users } = tx.collections;
  const only = { session: tx.session, projection: { _id: 1 } };
  return (
    (await users.findOne({ hostUserId }, only)) ??
    users.findOne({ formerHostUserId: fingerprintOf(hostUserId) }, only)
  );
}

/** The user whom the host application calls so: Tenure's own id of them. An id that it never told is its user's. */
export async function userOfHost(tx: Transaction, hostUserId: string): Promise<string> {
  const user = await holderOf(tx, hostUserId);
  return user?._id ?? hostUserId;
}

/**
 * What the host application calls a user of Tenure, or somebody who is about to be one: by an id of its own, where
 * it said so, else by Tenure's. `session`: as that transaction sees it.
 */
export async function hostUserIdOf(
  store: Store,
  userId: string,
  session?: ClientSession,
): Promise<string> {
  const user = await store.collections.users.findOne(
    { _id: userId },
    { projection: { hostUserId: 1 }, ...(session === undefined ? {} : { session }) },
  );
  return user?.hostUserId ?? userId;
}
