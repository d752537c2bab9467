import { isForgotten, type DirectoryUser } from '../domain/directory-user.ts';
import type { ReconcilePlace } from '../domain/reconciliation.ts';
import { compareVersions, isNewer, type Version } from '../domain/versions.ts';
import { compareGroup, compareUser, type Comparison } from '../intake/compare-listing.ts';
import { confirmGroups, confirmUsers } from '../intake/confirm-versions.ts';
import { groupTellingOf } from '../intake/parse-group-event.ts';
import { tellingOf } from '../intake/parse-user-event.ts';
import {
  takeInEdge,
  takeInGroup,
  takeInUser,
  versionOfAnswer,
  type Taken,
} from '../intake/take-in-answer.ts';
import type { EdgeTelling } from '../intake/telling.ts';
import type { DirectoryEdgeDocument, DirectoryGroupDocument } from '../platform/mongo/documents.ts';
import {
  nextGroupItem,
  noteItems,
  noteMembersAsked,
  seenAmong,
  type Noted,
} from '../platform/mongo/reconciled-items.ts';
import type { ReconciledKind } from '../platform/mongo/reconciliation-documents.ts';
import type { DirectoryListing, Page } from '../platform/workos/directory-listing.ts';
import { ListingFailed } from '../platform/workos/listing-failed.ts';
import type { DirectoryUserData } from '../platform/workos/wire.ts';
import type { ActivityDeps } from './deps.ts';
import { takeInOrNote } from './take-in-or-note.ts';

/** A run at its work. */
export interface Reconciling extends Pick<ActivityDeps, 'store' | 'file' | 'newUserId'> {
  listing: DirectoryListing;
  runId: string;
  directoryId: string;
  /** Told of what cannot be taken in: the comparison goes on without it. */
  failed: (error: unknown) => void;
}

/** Where to go on within the phase; null: the phase is done. */
export type Onward = Pick<ReconcilePlace, 'groupId' | 'after'> | null;

/** So many people of a page are taken in at once: they are different people and rarely meet. */
const parallel = 5;

/** Reads one page of users and takes in whoever differs. */
export async function reconcileUsers(
  run: Reconciling,
  { after }: Pick<ReconcilePlace, 'after'>,
): Promise<Onward> {
  const page = await run.listing.users(run.directoryId, after);
  await noteUnreadable(run, 'user', page);
  await takeInUsers(run, page.items, versionOfAnswer(page.asOfMs));
  return page.after === null ? null : { groupId: null, after: page.after };
}

async function takeInUsers(
  run: Reconciling,
  users: readonly DirectoryUserData[],
  version: Version,
): Promise<void> {
  const tellings = users
    .filter(({ directory_id: directoryId }) => directoryId === run.directoryId)
    .map((user) => tellingOf(user, version, false));
  const mirrors = await mirrorsOf(
    run,
    tellings.map(({ record }) => record.id),
  );
  const compared = tellings.map((telling) => {
    const mirror = mirrors.get(telling.record.id);
    const held = mirror?.records.find(({ id }) => id === telling.record.id)?.version ?? null;
    return { telling, held, found: compareUser(mirror, telling) };
  });
  const same = compared.flatMap(({ telling, held, found }) =>
    found === 'same' && held !== null ? [{ recordId: telling.record.id, held }] : [],
  );
  await confirmUsers(run.store, same, version);
  await takeInDiffering(run, 'user', {
    all: compared.map((one) => ({ ...one, id: one.telling.record.id })),
    version,
    take: async ({ telling }) => takeInUser(run.store, telling, run),
  });
}

/** The mirrors of these records, by the record's id. */
async function mirrorsOf(
  { store }: Reconciling,
  recordIds: readonly string[],
): Promise<Map<string, DirectoryUser>> {
  const found = await store.collections.directoryUsers
    .find({ 'records.id': { $in: [...recordIds] } })
    .toArray();
  return new Map(found.flatMap((mirror) => mirror.records.map(({ id }) => [id, mirror] as const)));
}

/** Reads one page of groups. */
export async function reconcileGroups(
  run: Reconciling,
  { after }: Pick<ReconcilePlace, 'after'>,
): Promise<Onward> {
  const page = await run.listing.groups(run.directoryId, after);
  const version = versionOfAnswer(page.asOfMs);
  await noteUnreadable(run, 'group', page);
  const tellings = page.items
    .filter(({ directory_id: directoryId }) => directoryId === run.directoryId)
    .map((group) => groupTellingOf(group, version, false));
  const found = await run.store.collections.directoryGroups
    .find({ _id: { $in: tellings.map(({ groupId }) => groupId) } })
    .toArray();
  const byId = new Map(found.map((group) => [group._id, group]));
  const compared = tellings.map((telling) => {
    const held = byId.get(telling.groupId);
    return {
      id: telling.groupId,
      telling,
      held: held?.version ?? null,
      found: compareGroup(held, telling),
    };
  });
  const same = found.filter(({ _id }) =>
    compared.some(({ id, found: is }) => id === _id && is === 'same'),
  );
  await confirmGroups(run.store, same, version);
  await takeInDiffering(run, 'group', {
    all: compared,
    version,
    take: async ({ telling }) => takeInGroup(run.store, telling, run),
  });
  return page.after === null ? null : { groupId: null, after: page.after };
}

/** Reads one page of the members of one group, or goes on to the next group. */
export async function reconcileMembers(
  run: Reconciling,
  place: Pick<ReconcilePlace, 'groupId' | 'after'>,
): Promise<Onward> {
  const groupId = place.groupId ?? (await nextGroup(run, null));
  if (groupId === null) return null;
  const page = await membersPage(run, groupId, place.after);
  if (page !== null) {
    if (place.after === null) await noteMembersAsked(run.store, run.runId, groupId, page.asOfMs);
    await noteUnreadable(run, 'user', page);
    await takeInMembers(run, groupId, page);
    if (page.after !== null) return { groupId, after: page.after };
  }
  const next = await nextGroup(run, groupId);
  return next === null ? null : { groupId: next, after: null };
}

async function nextGroup(run: Reconciling, after: string | null): Promise<string | null> {
  return (await nextGroupItem(run.store, run.runId, after))?.id ?? null;
}

/** null: the group went since it was listed, and is asked about by its id. */
async function membersPage(
  run: Reconciling,
  groupId: string,
  after: string | null,
): Promise<Page<DirectoryUserData> | null> {
  try {
    return await run.listing.members({ directoryId: run.directoryId, groupId }, after);
  } catch (error) {
    if (!(error instanceof ListingFailed) || error.problem !== 'missing') throw error;
    await noteItems(run.store, run.runId, [
      { kind: 'group', id: groupId, found: null, confirm: true },
    ]);
    return null;
  }
}

async function takeInMembers(
  run: Reconciling,
  groupId: string,
  page: Page<DirectoryUserData>,
): Promise<void> {
  const { store, runId, directoryId } = run;
  const version = versionOfAnswer(page.asOfMs);
  const users = page.items.filter((user) => user.directory_id === directoryId);
  const ids = users.map(({ id }) => id);
  // Who joined since the users were listed is in this page: an edge of nobody would wait for their event.
  const seen = await seenAmong(store, runId, 'user', ids);
  await takeInUsers(
    run,
    users.filter(({ id }) => !seen.has(id)),
    version,
  );
  const mirrors = await mirrorsOf(run, ids);
  const group = await store.collections.directoryGroups.findOne({ _id: groupId });
  const edges = await store.collections.directoryEdges
    .find({ _id: { $in: ids.map((id) => `${groupId}/${id}`) } })
    .toArray();
  const byId = new Map(edges.map((edge) => [edge._id, edge]));
  const all = ids.map((directoryUserId) => {
    const id = `${groupId}/${directoryUserId}`;
    const held = byId.get(id);
    const mirror = mirrors.get(directoryUserId);
    const telling: EdgeTelling = {
      directoryId,
      workosOrganizationId: null,
      groupId,
      directoryUserId,
      present: true,
      version,
    };
    const found = compareEdge(held, group, mirror);
    return { id, telling, held: held?.version ?? null, found };
  });
  await takeInDiffering(run, 'edge', {
    all,
    version,
    take: async ({ telling }) => takeInEdge(store, telling, run),
    confirm: ({ telling }) => ({ kind: 'person', id: telling.directoryUserId }),
  });
}

function compareEdge(
  held: DirectoryEdgeDocument | undefined,
  group: DirectoryGroupDocument | null,
  mirror: DirectoryUser | undefined,
): Comparison {
  // Of a forgotten person no groups are kept.
  if (mirror !== undefined && isForgotten(mirror)) return 'same';
  if (held?.present !== true) return 'added';
  const ended = group?.deletedVersion ?? null;
  return ended === null || compareVersions(held.version, ended) > 0 ? 'same' : 'added';
}

interface Compared {
  id: string;
  held: Version | null;
  found: Comparison;
}

interface Differing<T extends Compared> {
  all: readonly T[];
  version: Version;
  take: (one: T) => Promise<Taken>;
  /** What is asked about by its id where something newer is held; the thing itself if absent. */
  confirm?: (one: T) => Pick<Noted, 'kind' | 'id'>;
}

/**
 * Notes everything that was listed, and takes in what differs. Where something newer is held, neither of the
 * two is believed: it is asked about again once the margin has passed.
 */
async function takeInDiffering<T extends Compared>(
  { store, runId, failed }: Reconciling,
  kind: ReconciledKind,
  { all, version, take, confirm }: Differing<T>,
): Promise<void> {
  const again = (one: T): Noted => ({
    ...(confirm?.(one) ?? { kind, id: one.id }),
    found: null,
    confirm: true,
  });
  const isTooNew = ({ held, found }: T): boolean => found !== 'same' && !isNewer(version, held);
  await noteItems(
    store,
    runId,
    all.flatMap((one) => {
      // What is too new is listed nevertheless: it is not absent.
      if (isTooNew(one)) return [{ kind, id: one.id, found: null }, again(one)];
      return [{ kind, id: one.id, found: one.found }];
    }),
  );
  const differing = all.filter((one) => one.found !== 'same' && !isTooNew(one));
  for (let at = 0; at < differing.length; at += parallel) {
    const batch = differing.slice(at, at + parallel);
    const noted = await Promise.all(
      batch.map(async (one): Promise<Noted[]> => {
        const is = await takeInOrNote(failed, async () => take(one));
        if (is === 'newer') return [again(one)];
        return is === 'unreadable' ? [{ kind, id: one.id, found: is }] : [];
      }),
    );
    await noteItems(store, runId, noted.flat());
  }
}

async function noteUnreadable(
  { store, runId }: Reconciling,
  kind: ReconciledKind,
  { unreadable, asOfMs }: Page<unknown>,
): Promise<void> {
  const nameless = unreadable.count - unreadable.ids.length;
  const ids = [
    ...unreadable.ids,
    ...Array.from({ length: nameless }, (_, index) => `unreadable-${asOfMs}-${index}`),
  ];
  await noteItems(
    store,
    runId,
    ids.map((id): Noted => ({ kind, id, found: 'unreadable' })),
  );
}
