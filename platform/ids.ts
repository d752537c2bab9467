import { createHash, randomUUID } from 'node:crypto';

import { ObjectId } from 'mongodb';

import type { HostFile } from '../domain/host-file.ts';

/** The kinds of ids that Tenure makes. */
export type IdPrefix =
  | 'user'
  | 'membership'
  | 'mirror'
  | 'hold'
  | 'guard'
  | 'reason'
  | 'link'
  | 'link_request'
  | 'notice'
  | 'notification';

/** A new random id, `<prefix>_<32 hex digits>`: opaque, never derived from a person. */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${randomUUID().replaceAll('-', '')}`;
}

/** Makes ids for new users that the host application's own users can have. */
export function userIdsFor(file: Pick<HostFile, 'users'>): () => string {
  if (file.users?.id === 'objectId') return () => new ObjectId().toHexString();
  return () => newId('user');
}

const lockBuckets = 1024;

/**
 * The lock document of a link key: one of 1,024 buckets per organization. The bucket of a hash identifies
 * nobody (thousands of addresses share it), so the lock collection holds no personal data; the price is
 * that two strangers' transactions sometimes wait for each other.
 */
export function keyLock(organizationId: string, key: string): string {
  return `key/${organizationId}/${bucketOf(key)}`;
}

/** The lock document of a directory user, in buckets like those of the link keys. */
export function personLock(organizationId: string, directoryUserId: string): string {
  return `people/${organizationId}/${bucketOf(directoryUserId)}`;
}

function bucketOf(key: string): number {
  return createHash('sha256').update(key).digest().readUInt32BE(0) % lockBuckets;
}
