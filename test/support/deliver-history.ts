import { currentRecord } from '../../domain/directory-user.ts';
import { edgeCounts } from '../../domain/group-edges.ts';
import type { RoleMapping } from '../../domain/grants.ts';
import { checkAccess } from '../../gate/decide.ts';
import { groupTellingOf } from '../../intake/parse-group-event.ts';
import { tellingOf } from '../../intake/parse-user-event.ts';
import {
  takeInAbsentUser,
  takeInGroup,
  takeInGroupsOfUser,
  takeInUser,
  versionOfAnswer,
} from '../../intake/take-in-answer.ts';
import { takeInPage } from '../../intake/take-in-page.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { resolvePolicy } from '../../platform/policy-schema.ts';
import {
  directoryGroupData,
  directoryUserData,
  type EventEnvelope,
} from '../../platform/workos/wire.ts';
import { openMembership } from '../../transitions/membership/open-membership.ts';
import { ensureOrganization } from '../../transitions/organization/organization.ts';
import { putRoleMappings } from '../../transitions/organization/put-role-mappings.ts';
import { spreadFacts } from '../../transitions/organization/spread-facts.ts';
import { widenMembership } from '../../transitions/membership/widen-membership.ts';
import { membershipById } from './by-hand.ts';
import type { History, Snapshot, TrueGroup, TruePerson } from './directory-history.ts';
import type { TestTenure } from './tenure.ts';

/** One thing that reaches Tenure. */
export type Delivery =
  | { by: 'webhook'; event: EventEnvelope }
  | { by: 'poll'; events: EventEnvelope[] }
  | { by: 'listing'; snapshot: Snapshot; asOfMs: number }
  | { by: 'admin'; mappings: RoleMapping[] }
  | { by: 'spread' };

/** Makes the organization of a history, in the hands of its directories. */
export async function connect(
  tenure: TestTenure,
  organizationId: string,
  policy: { accessByGroup: boolean },
): Promise<void> {
  await inTransaction(tenure.store, async (tx) => ensureOrganization(tx, organizationId));
  await tenure.store.collections.organizations.updateOne(
    { _id: organizationId },
    { $set: { directorySync: 'enabled', policy: resolvePolicy(null, policy) } },
  );
}

/** Delivers one after the other, as they are. */
export async function deliver(
  tenure: TestTenure,
  organizationId: string,
  deliveries: readonly Delivery[],
): Promise<void> {
  for (const delivery of deliveries) await deliverOne(tenure, organizationId, delivery);
}

async function deliverOne(
  tenure: TestTenure,
  organizationId: string,
  delivery: Delivery,
): Promise<void> {
  const { store, file, intake } = tenure;
  switch (delivery.by) {
    case 'webhook':
      await tenure.take(delivery.event);
      return;
    case 'poll':
      await takeInPage(
        store,
        delivery.events,
        { transport: 'poll', receivedAt: new Date() },
        {
          intake,
          signal: new AbortController().signal,
          onTaken: () => undefined,
          onFailed: (error) => {
            throw error;
          },
        },
      );
      return;
    case 'listing':
      await takeInSnapshot(tenure, delivery.snapshot, delivery.asOfMs);
      return;
    case 'admin':
      await putRoleMappings(store, file, organizationId, {
        mappings: delivery.mappings,
        by: 'admin:test',
        reason: null,
      });
      return;
    case 'spread':
      await spreadRound(tenure);
  }
}

/** What reconciliation takes in of a whole directory: everybody, whoever is known and missing, every group. */
async function takeInSnapshot(
  { store, intake }: TestTenure,
  { users, groups, directoryIds }: Snapshot,
  asOfMs: number,
): Promise<void> {
  const version = versionOfAnswer(asOfMs);
  for (const { data } of users) {
    await takeInUser(store, tellingOf(directoryUserData.parse(data), version, false), intake);
  }
  for (const { data } of groups) {
    await takeInGroup(
      store,
      groupTellingOf(directoryGroupData.parse(data), version, false),
      intake,
    );
  }
  const listed = new Set([...users, ...groups].map(({ id }) => id));
  const ofThese = { directoryId: { $in: directoryIds } };
  const { directoryUsers, directoryGroups } = store.collections;
  for (const mirror of await directoryUsers.find(ofThese).toArray()) {
    for (const record of mirror.records) {
      if (listed.has(record.id) || record.state === 'deleted') continue;
      await takeInAbsentUser(store, { mirror, record, version }, intake);
    }
  }
  for (const group of await directoryGroups.find({ ...ofThese, state: 'active' }).toArray()) {
    if (listed.has(group._id)) continue;
    const { _id: groupId, directoryId, name } = group;
    const gone = { directoryId, workosOrganizationId: null, groupId, name };
    await takeInGroup(store, { ...gone, state: 'deleted', version }, intake);
  }
  for (const { id, directoryId, groupIds } of users) {
    await takeInGroupsOfUser(
      store,
      {
        directoryId,
        directoryUserId: id,
        groups: groupIds.map((groupId) => ({ id: groupId, directory_id: directoryId, name: null })),
        unreadable: [],
        version,
      },
      intake,
    );
  }
}

/** The rounds of spreading of a store: the one under way, and the one after it that somebody waits for. */
interface Rounds {
  underWay: Promise<unknown>;
  next: Promise<void> | null;
}

const roundsOf = new WeakMap<Store, Rounds>();

/**
 * Spreads what was changed until now, for one and all: as in a process of production one round follows the
 * other, and whoever asks while one is under way shares the next. A round looks at every organization of the
 * store, so that fifty histories that each did a round of their own would mostly look at each other.
 */
async function spreadRound({ store, intake }: TestTenure): Promise<void> {
  const rounds = roundsOf.get(store) ?? { underWay: Promise.resolve(), next: null };
  roundsOf.set(store, rounds);
  rounds.next ??= nextRound(rounds, async () => spreadFacts(store, intake));
  return rounds.next;
}

async function nextRound(rounds: Rounds, spread: () => Promise<unknown>): Promise<void> {
  // That it failed, those who shared it know.
  await rounds.underWay.catch(() => undefined);
  rounds.next = null;
  rounds.underWay = spread();
  await rounds.underWay;
}

/** Judges everybody of these organizations by the facts that changed, and calls the spreading done. */
export async function spreadAll(tenure: TestTenure, organizationIds: string[]): Promise<void> {
  while (await spreadFacts(tenure.store, tenure.intake)) {
    // Until nobody is left.
  }
  // In production it ends some seconds later; here nobody else writes.
  await tenure.store.collections.organizations.updateMany(
    { _id: { $in: organizationIds } },
    { $unset: { spreading: '' } },
  );
}

/** What the lifecycles do in the end, without the steps that need a host application. */
export async function open(tenure: TestTenure, organizationId: string): Promise<void> {
  const { memberships } = tenure.store.collections;
  for (const { _id } of await memberships.find({ organizationId }).toArray()) {
    for (const opens of [openMembership, widenMembership]) {
      const { revision } = await membershipById(tenure, _id);
      await opens(tenure.store, _id, revision);
    }
  }
}

/** What people would see, and what the mirror holds; both as far as it may not depend on the order. */
export interface Seen {
  people: unknown[];
  groups: unknown[];
  access: Record<number, { allowed: boolean; roles: string[]; permissions: string[] }>;
}

/** What is seen at the end in Tenure. */
export async function seenOf(tenure: Pick<TestTenure, 'store'>, history: History): Promise<Seen> {
  const seen: Seen = { people: [], groups: [], access: {} };
  for (const person of history.people) {
    seen.people.push(await personSeen(tenure, person));
    const asked = {
      organizationId: history.organizationId,
      directoryUserId: person.ids.at(-1) ?? '',
    };
    const decision = await checkAccess(tenure.store.db, asked);
    const { allowed } = decision;
    const before = seen.access[person.person];
    // Whether two directory users of one person have one user or two depends on who came first.
    seen.access[person.person] = {
      allowed: allowed || (before?.allowed ?? false),
      roles: union(before?.roles, allowed ? decision.roles : []),
      permissions: union(before?.permissions, allowed ? decision.permissions : []),
    };
  }
  for (const group of history.groups) seen.groups.push(await groupSeen(tenure, group));
  return seen;
}

/** What ought to be seen at the end, told from the history alone. */
export function truthOf(history: History, { accessByGroup }: { accessByGroup: boolean }): Seen {
  const truth: Seen = { people: [], groups: [], access: {} };
  const mappings = history.mappings.at(-1) ?? [];
  for (const person of history.people) {
    const { state, ids, directoryId, firstName } = person;
    truth.people.push(
      state === 'gone'
        ? { directoryId, state }
        : {
            directoryId,
            state,
            id: ids.at(-1),
            ...(state === 'active'
              ? { firstName, roles: person.roles, groupIds: person.groupIds.toSorted() }
              : {}),
          },
    );
    const held = mappings.filter(({ directoryGroupId: id }) => person.groupIds.includes(id));
    const allowed =
      state === 'active' && (!accessByGroup || held.some(({ grantsAccess }) => grantsAccess));
    const before = truth.access[person.person];
    const mappedRoles = held.flatMap(({ roles }) => roles);
    truth.access[person.person] = {
      allowed: allowed || (before?.allowed ?? false),
      roles: union(before?.roles, allowed ? [...mappedRoles, ...person.roles] : []),
      permissions: union(
        before?.permissions,
        allowed ? held.flatMap(({ permissions }) => permissions) : [],
      ),
    };
  }
  for (const { id, exists, name } of history.groups) {
    truth.groups.push(exists ? { id, exists, name } : { id, exists });
  }
  return truth;
}

async function personSeen(
  { store }: Pick<TestTenure, 'store'>,
  person: TruePerson,
): Promise<unknown> {
  const { directoryId, ids } = person;
  const { directoryUsers, directoryEdges, directoryGroups } = store.collections;
  const mirror = await directoryUsers.findOne({ directoryId, 'records.id': { $in: ids } });
  const record = mirror === null ? null : currentRecord(mirror);
  if (record === null || record.state === 'deleted') return { directoryId, state: 'gone' };
  const { id, state, roles, profile } = record;
  if (state !== 'active') return { directoryId, state, id };
  const edges = await directoryEdges.find({ directoryUserId: id }).toArray();
  const groupIds: string[] = [];
  for (const edge of edges) {
    const group = await directoryGroups.findOne({ _id: edge.groupId });
    if (edgeCounts(edge, group)) groupIds.push(edge.groupId);
  }
  const firstName = profile?.firstName;
  return { directoryId, state, id, firstName, roles, groupIds: groupIds.toSorted() };
}

async function groupSeen(
  { store }: Pick<TestTenure, 'store'>,
  { id }: TrueGroup,
): Promise<unknown> {
  const group = await store.collections.directoryGroups.findOne({ _id: id });
  const exists = group !== null && group.state === 'active';
  return exists ? { id, exists, name: group.name } : { id, exists };
}

function union(before: string[] | undefined, more: string[]): string[] {
  return [...new Set([...(before ?? []), ...more])].toSorted();
}
