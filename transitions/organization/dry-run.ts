import { createHash } from 'node:crypto';

import type { ClientSession, Filter } from 'mongodb';

import type { Membership } from '../../domain/membership.ts';
import type { OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { isGoneForGood } from '../membership/surroundings.ts';
import { withoutDirectoryIn } from '../membership/without-directory.ts';

/** Whether the directories that stand behind an organization were read as a whole. */
export interface FirstListing {
  /** Every one was, and there is one. */
  finished: boolean;
  directories: { id: string; state: string; listedAt: Date | null }[];
}

/** Whom `directorySync: enabled` would put out: how many, and a digest that is another one for other people. */
export interface LosesAccess {
  count: number;
  digest: string;
}

/** When each connected directory of an organization was first read as a whole. */
export async function firstListing(
  store: Store,
  organizationId: string,
  session?: ClientSession,
): Promise<FirstListing> {
  const options = session === undefined ? {} : { session };
  const known = await store.collections.directories
    .find({ organizationId }, options)
    .sort({ _id: 1 })
    .toArray();
  const connected = known.filter((directory) => !isGoneForGood(directory));
  const complete = await store.collections.reconciliations
    .find(
      { directoryId: { $in: connected.map(({ _id }) => _id) }, outcome: 'complete' },
      { ...options, projection: { directoryId: 1, finishedAt: 1 } },
    )
    .sort({ startedAt: 1 })
    .toArray();
  const directories = connected.map(({ _id, state }) => {
    const first = complete.find(({ directoryId }) => directoryId === _id);
    return { id: _id, state, listedAt: first?.finishedAt ?? null };
  });
  const finished = directories.length > 0 && directories.every(({ listedAt }) => listedAt !== null);
  return { finished, directories };
}

/** Of all of them the ids only: a company of a hundred thousand is some megabytes. */
export async function whoLosesAccess(
  store: Store,
  organizationId: string,
  session?: ClientSession,
): Promise<LosesAccess> {
  const found = store.collections.memberships
    .find(withoutDirectoryIn(organizationId), session === undefined ? {} : { session })
    .sort({ _id: 1 })
    .project<{ _id: string }>({ _id: 1 });
  const hash = createHash('sha256');
  let count = 0;
  for await (const { _id } of found) {
    hash.update(`${_id}\n`);
    count += 1;
  }
  return { count, digest: hash.digest('hex') };
}

/** The memberships that were there before Directory Sync and that a directory decides on by now. */
export function linkedIn(organizationId: string): Filter<Membership> {
  return {
    organizationId,
    withoutDirectory: true,
    erasure: null,
    // A record that was inactive from the start put them out without ever backing them.
    $or: [{ everBacked: true }, { leftFrom: { $type: 'string' } }],
  };
}

/** Writes down that an admin read whom `enabled` would put out: nobody is locked out whom nobody saw named. */
export async function recordDryRun(
  store: Store,
  organization: Pick<OrganizationDocument, '_id' | 'revision'>,
  read: LosesAccess & { by: string; at: Date },
): Promise<void> {
  const { _id: organizationId, revision } = organization;
  const { by, at, count, digest } = read;
  await store.collections.dryRuns.replaceOne(
    { _id: dryRunId(organizationId, by) },
    { organizationId, by, at, revision, losesAccess: count, digest },
    { upsert: true },
  );
}

/** One admin's reading of the dry run of one organization. */
export function dryRunId(organizationId: string, by: string): string {
  return `${organizationId}/${by}`;
}
