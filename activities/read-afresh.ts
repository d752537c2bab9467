import { setTimeout as sleep } from 'node:timers/promises';

import { currentRecord, isForgotten, type DirectoryUser } from '../domain/directory-user.ts';
import { compareUser } from '../intake/compare-listing.ts';
import { dropOlderGroups } from '../intake/drop-older-groups.ts';
import { tellingOf } from '../intake/parse-user-event.ts';
import {
  takeInAbsentUser,
  takeInGroupsOfUser,
  takeInUser,
  versionOfAnswer,
} from '../intake/take-in-answer.ts';
import type { Answer, DirectoryListing } from '../platform/workos/directory-listing.ts';
import { ListingFailed } from '../platform/workos/listing-failed.ts';
import type { DirectoryUserData } from '../platform/workos/wire.ts';
import { recordReadAfresh } from '../transitions/lifecycle/record-read-afresh.ts';
import type { ActivityDeps } from './deps.ts';
import { groupsOfUser } from './groups-of-user.ts';
import type { LookRequest } from './look.ts';

/**
 * Asks WorkOS afresh about a person whose events do not tell everything: the groups of somebody who comes back
 * are not announced again, and two tellings may contradict each other. Every record is asked for by its id,
 * and the groups of the one that counts; the answers are taken in as listings.
 *
 * What WorkOS does not answer clearly is thrown, so that the lifecycle tries again: nobody is opened on half an
 * answer. Of a directory whose sync is broken nothing can be asked for days: whoever an event brings back to it
 * comes in without the roles of the groups from before (see `dropOlderGroups`). Without a key there is nobody
 * to ask, now or later, and what the events told stands, groups included.
 *
 * @throws ListingFailed
 */
export function createReadAfresh(deps: ActivityDeps) {
  return async (input: LookRequest): Promise<void> => {
    const { store, directoryListing: listing } = deps;
    const membership = await store.collections.memberships.findOne({ _id: input.membershipId });
    if (membership === null) return;
    // A return while it is asked wants another asking.
    const { wanted } = membership.readAfresh;
    if (listing !== null) await readAll(deps, listing, membership._id);
    await recordReadAfresh(store, membership._id, wanted);
  };
}

async function readAll(
  deps: ActivityDeps,
  listing: DirectoryListing,
  membershipId: string,
): Promise<void> {
  if (await readOnce(deps, listing, membershipId)) return;
  // The events that brought this about are seconds old: an answer counts against them once they are older.
  await sleep(listing.marginMs);
  await readOnce(deps, listing, membershipId);
}

/** Returns false where something newer is held that the answers contradict. */
async function readOnce(
  deps: ActivityDeps,
  listing: DirectoryListing,
  membershipId: string,
): Promise<boolean> {
  const { directoryUsers } = deps.store.collections;
  const mirrors = await directoryUsers.find({ membershipId }).toArray();
  let settled = true;
  for (const mirror of mirrors) {
    if (isForgotten(mirror)) continue;
    if (!(await isConnected(listing, mirror))) {
      await dropOlderGroups(deps.store, mirror._id, deps);
      continue;
    }
    if (!(await readRecords(deps, listing, mirror))) settled = false;
    if (!(await readGroups(deps, listing, mirror._id))) settled = false;
  }
  return settled;
}

/** A directory that is gone, or whose sync is broken, has nothing to add to what was told. */
async function isConnected(
  listing: DirectoryListing,
  { directoryId }: DirectoryUser,
): Promise<boolean> {
  return (await listing.directory(directoryId))?.connected === true;
}

async function readRecords(
  deps: ActivityDeps,
  listing: DirectoryListing,
  mirror: DirectoryUser,
): Promise<boolean> {
  const { directoryId } = mirror;
  const answers: { id: string; answer: Answer<DirectoryUserData> }[] = [];
  for (const { id } of mirror.records) {
    const answer = await unlessUnreadable(listing.user({ directoryId, directoryUserId: id }));
    if (answer !== null) answers.push({ id, answer });
  }
  // In a directory that was deleted or unlinked meanwhile everybody is a 404.
  const someGone = answers.some(({ answer }) => answer.found === null);
  if (someGone && !(await isConnected(listing, mirror))) return true;
  let settled = true;
  for (const { id, answer } of answers) {
    if ((await takeIn(deps, mirror, id, answer)) === 'newer') settled = false;
  }
  return settled;
}

async function takeIn(
  deps: ActivityDeps,
  mirror: DirectoryUser,
  recordId: string,
  { found, asOfMs }: Answer<DirectoryUserData>,
): Promise<'same' | 'applied' | 'newer'> {
  const { store } = deps;
  const version = versionOfAnswer(asOfMs);
  if (found !== null) {
    const telling = tellingOf(found, version, false);
    return compareUser(mirror, telling) === 'same' ? 'same' : takeInUser(store, telling, deps);
  }
  const record = mirror.records.find(({ id }) => id === recordId);
  if (record === undefined || record.state === 'deleted') return 'same';
  return takeInAbsentUser(store, { mirror, record, version }, deps);
}

async function readGroups(
  deps: ActivityDeps,
  listing: DirectoryListing,
  mirrorId: string,
): Promise<boolean> {
  const { store } = deps;
  const mirror = await store.collections.directoryUsers.findOne({ _id: mirrorId });
  if (mirror === null) return true;
  const { id: directoryUserId, state } = currentRecord(mirror);
  if (state === 'deleted') return true;
  const { directoryId } = mirror;
  const answer = await unlessMissing(groupsOfUser(listing, { directoryId, directoryUserId }));
  if (answer === null) {
    await dropOlderGroups(store, mirrorId, deps);
    return true;
  }
  const taken = await takeInGroupsOfUser(
    store,
    { ...answer, directoryId, directoryUserId, version: versionOfAnswer(answer.asOfMs) },
    deps,
  );
  return taken.newer.length === 0;
}

/** A record in a shape that nobody understands says nothing, today or tomorrow; the events about it were read. */
async function unlessUnreadable<T>(answer: Promise<T>): Promise<T | null> {
  return unlessProblem(answer, 'unreadable');
}

/** Gone since it was asked for: its own record tells, at the latest in the next comparison. */
async function unlessMissing<T>(answer: Promise<T>): Promise<T | null> {
  return unlessProblem(answer, 'missing');
}

async function unlessProblem<T>(
  answer: Promise<T>,
  problem: ListingFailed['problem'],
): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ListingFailed && error.problem === problem) return null;
    throw error;
  }
}
