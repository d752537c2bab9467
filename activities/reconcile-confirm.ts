import { isForgotten, type DirectoryRecord, type DirectoryUser } from '../domain/directory-user.ts';
import type { ReconcilePlace } from '../domain/reconciliation.ts';
import { compareGroup, compareUser } from '../intake/compare-listing.ts';
import { groupTellingOf } from '../intake/parse-group-event.ts';
import { tellingOf } from '../intake/parse-user-event.ts';
import {
  takeInAbsentUser,
  takeInGroup,
  takeInGroupsOfUser,
  takeInUser,
  versionOfAnswer,
} from '../intake/take-in-answer.ts';
import { itemsToConfirm, noteItems, settleItem } from '../platform/mongo/reconciled-items.ts';
import type { ReconciledItemDocument } from '../platform/mongo/reconciliation-documents.ts';
import type { Answer } from '../platform/workos/directory-listing.ts';
import { ListingFailed } from '../platform/workos/listing-failed.ts';
import type { DirectoryGroupData, DirectoryUserData } from '../platform/workos/wire.ts';
import { groupsOfUser, type GroupsAnswer } from './groups-of-user.ts';
import type { Onward, Reconciling } from './reconcile-listed.ts';
import { takeInOrNote } from './take-in-or-note.ts';

const batchSize = 20;

/** What WorkOS said of one thing by its id. */
type Confirmed = { item: ReconciledItemDocument } & (
  | { kind: 'user'; answer: Answer<DirectoryUserData> }
  | { kind: 'group'; answer: Answer<DirectoryGroupData> }
  | { kind: 'person'; answer: GroupsAnswer | null }
  | { kind: 'unreadable' }
);

/** Thrown where the directory stopped answering for its people while they were asked about. */
export class DirectoryWentAway extends Error {
  override readonly name = 'DirectoryWentAway';
  readonly gone: boolean;

  constructor(gone: boolean) {
    super('The directory is gone or not connected; a 404 of its people says nothing.');
    this.gone = gone;
  }
}

/**
 * Asks about what was missed, or too new, by its id: the only way in which anything is taken for absent. All
 * of a batch is asked before anything is applied, and the directory after that: in one that was deleted or
 * unlinked meanwhile everybody is a 404, and that is no leaving of people one by one.
 */
export async function confirmItems(
  run: Reconciling,
  { after }: Pick<ReconcilePlace, 'after'>,
): Promise<Onward> {
  const items = await itemsToConfirm(run.store, run.runId, after, batchSize);
  const confirmed: Confirmed[] = [];
  for (const item of items) confirmed.push(await askUnlessUnreadable(run, item));
  if (items.length > 0) await requireConnected(run);
  for (const one of confirmed) {
    const found = await takeInOrNote(run.failed, async () => apply(run, one));
    await settleItem(run.store, one.item, found);
  }
  const last = items.at(-1);
  return items.length < batchSize || last === undefined ? null : { groupId: null, after: last._id };
}

/** @throws DirectoryWentAway */
export async function requireConnected({ listing, directoryId }: Reconciling): Promise<void> {
  const directory = await listing.directory(directoryId);
  if (directory?.connected !== true) throw new DirectoryWentAway(directory === null);
}

/** One record that nobody can read must not stop the comparison of everybody else. */
async function askUnlessUnreadable(
  run: Reconciling,
  item: ReconciledItemDocument,
): Promise<Confirmed> {
  try {
    return await ask(run, item);
  } catch (error) {
    if (!(error instanceof ListingFailed) || error.problem !== 'unreadable') throw error;
    return { item, kind: 'unreadable' };
  }
}

async function ask(run: Reconciling, item: ReconciledItemDocument): Promise<Confirmed> {
  const { listing, directoryId } = run;
  const { kind, id } = item;
  switch (kind) {
    case 'user':
      return { item, kind, answer: await listing.user({ directoryId, directoryUserId: id }) };
    case 'group':
      return { item, kind, answer: await listing.group({ directoryId, groupId: id }) };
    case 'person':
      return { item, kind, answer: await groupsOrGone(run, id) };
    case 'edge':
      throw new TypeError('An edge is asked about by the person it belongs to.');
  }
}

/** null: the person is gone, and with them their groups. */
async function groupsOrGone(
  { listing, directoryId }: Reconciling,
  directoryUserId: string,
): Promise<GroupsAnswer | null> {
  try {
    return await groupsOfUser(listing, { directoryId, directoryUserId });
  } catch (error) {
    if (error instanceof ListingFailed && error.problem === 'missing') return null;
    throw error;
  }
}

async function apply(
  run: Reconciling,
  confirmed: Confirmed,
): Promise<ReconciledItemDocument['found']> {
  switch (confirmed.kind) {
    case 'user':
      return applyUser(run, confirmed.item.id, confirmed.answer);
    case 'group':
      return applyGroup(run, confirmed.item.id, confirmed.answer);
    case 'person':
      return applyGroups(run, confirmed.item.id, confirmed.answer);
    case 'unreadable':
      return 'unreadable';
  }
}

async function applyUser(
  run: Reconciling,
  id: string,
  { found, asOfMs }: Answer<DirectoryUserData>,
): Promise<ReconciledItemDocument['found']> {
  const version = versionOfAnswer(asOfMs);
  const mirror = await run.store.collections.directoryUsers.findOne({ 'records.id': id });
  if (found !== null) {
    const telling = tellingOf(found, version, false);
    const is = compareUser(mirror ?? undefined, telling);
    if (is === 'same') return is;
    return (await takeInUser(run.store, telling, run)) === 'newer' ? 'newer' : is;
  }
  const record = mirror?.records.find((one) => one.id === id);
  if (mirror === null || record === undefined || !isIn(mirror, record)) return 'same';
  const taken = await takeInAbsentUser(run.store, { mirror, record, version }, run);
  return taken === 'newer' ? 'newer' : 'absent';
}

function isIn(mirror: DirectoryUser, { state }: DirectoryRecord): boolean {
  return !isForgotten(mirror) && state !== 'deleted';
}

async function applyGroup(
  run: Reconciling,
  id: string,
  { found, asOfMs }: Answer<DirectoryGroupData>,
): Promise<ReconciledItemDocument['found']> {
  const version = versionOfAnswer(asOfMs);
  const held = await run.store.collections.directoryGroups.findOne({ _id: id });
  const { directoryId } = run;
  const deleted = found === null;
  const data = found ?? { id, directory_id: directoryId, name: held?.name ?? null };
  const telling = groupTellingOf(data, version, deleted);
  const is = compareGroup(held ?? undefined, telling);
  if (is === 'same' || (deleted && held === null)) return 'same';
  if ((await takeInGroup(run.store, telling, run)) === 'newer') return 'newer';
  return deleted ? 'absent' : is;
}

async function applyGroups(
  run: Reconciling,
  directoryUserId: string,
  answer: GroupsAnswer | null,
): Promise<ReconciledItemDocument['found']> {
  if (answer === null) return 'same';
  const version = versionOfAnswer(answer.asOfMs);
  const { directoryId } = run;
  const { joined, left, newer } = await takeInGroupsOfUser(
    run.store,
    { ...answer, directoryId, directoryUserId, version },
    run,
  );
  const edge = (groupId: string) => `${groupId}/${directoryUserId}`;
  await noteItems(run.store, run.runId, [
    ...joined.map((id) => ({ kind: 'edge' as const, id: edge(id), found: 'added' as const })),
    ...left.map((id) => ({ kind: 'edge' as const, id: edge(id), found: 'absent' as const })),
    ...newer.map((id) => ({ kind: 'edge' as const, id: edge(id), found: 'newer' as const })),
  ]);
  return 'same';
}
