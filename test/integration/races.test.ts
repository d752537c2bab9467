import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { currentRecord } from '../../domain/directory-user.ts';
import { takeIn } from '../../intake/take-in.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { commitErasure } from '../../transitions/erasure/commit-erasure.ts';
import { placeHold, type HoldRequest } from '../../transitions/holds/place-hold.ts';
import { importUser } from '../../transitions/organization/import-users.ts';
import { openMembership } from '../../transitions/membership/open-membership.ts';
import {
  afterCoolingOff,
  drive,
  membershipById,
  membershipOf,
  sandbox,
  spread,
} from '../support/by-hand.ts';
import { directoryEvent, userEvent, workosId } from '../support/events.ts';
import { slow } from '../support/fences.ts';
import { describeRaces, unlessRefused, type Race, type Races } from '../support/races.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

async function organizationWith(directories: number): Promise<[string, string[]]> {
  const organizationId = workosId('org');
  await sandbox(tenure, organizationId);
  const ids = Array.from({ length: directories }, () => workosId('directory'));
  for (const id of ids) {
    await tenure.take(directoryEvent('activated', { id, organizationId }));
  }
  return [organizationId, ids];
}

const shared = new Map<number, Promise<[string, string[]]>>();

async function sharedOrganization(directories: number): Promise<[string, string[]]> {
  const made = shared.get(directories) ?? organizationWith(directories);
  shared.set(directories, made);
  return made;
}

/** A person with one directory user in each of the directories, open. */
async function openPerson(directories: number, organization = sharedOrganization(directories)) {
  const [organizationId, ids] = await organization;
  const email = `${workosId('mail')}@example.com`;
  const people = ids.map((directoryId) => ({
    id: workosId('directory_user'),
    organizationId,
    directoryId,
    email,
  }));
  for (const person of people) await tenure.take(userEvent('created', person));
  const first = people[0]!;
  const membership = await membershipOf(tenure, first.id);
  await drive(tenure, membership._id);
  return {
    people,
    person: first,
    membership: await membershipOf(tenure, first.id),
    organizationId,
  };
}

/** A leaver whose conditions all hold, one step before the commit. */
async function atTheCommit(organization?: Promise<[string, string[]]>) {
  const { person, membership, organizationId } = await openPerson(1, organization);
  await tenure.take(userEvent('deleted', person));
  return { person, membership, organizationId, commit: await dueToCommit(membership._id) };
}

async function dueToCommit(membershipId: string): Promise<(store: Store) => Promise<boolean>> {
  const nowMs = afterCoolingOff();
  const { step, revision, generation } = await drive(tenure, membershipId, {
    nowMs,
    stopAt: 'commit',
  });
  expect(step.do).toBe('commit');
  const request = { membershipId, revision, generation, nowMs };
  return async (store) => commitErasure(store, tenure.file, request);
}

async function isCommitted(membershipId: string): Promise<boolean> {
  return (await membershipById(tenure, membershipId)).erasure !== null;
}

/** Holds cover more than one person, so they may come after a commit, but never at the same moment. */
function holdAgainstCommit(
  scopeOf: (userId: string, organizationId: string) => HoldRequest['scope'],
): () => Promise<Race> {
  return async () => {
    // An organization that is held would stand in the way of the races that follow.
    const { membership, organizationId, commit } = await atTheCommit(organizationWith(1));
    const scope = scopeOf(membership.userId, organizationId);
    return {
      atOnce: [
        async (store) =>
          unlessRefused(placeHold(store, { scope, kind: 'legal', reason: null, by: 'test' })),
        commit,
      ],
      async wrong(openedAtMs) {
        const hold = await tenure.store.collections.holds.findOne({ scope });
        const { erasure } = await membershipById(tenure, membership._id);
        // A hold on anybody's resource would stand in the way of every race that follows.
        await tenure.store.collections.holds.deleteMany({ scope });
        if (hold === null || erasure === null) return null;
        if ('userId' in scope) return 'held and erased';
        const latest = Math.max(hold.createdAt.getTime(), erasure.committedAt.getTime());
        return latest <= openedAtMs ? 'held and erased at once' : null;
      },
    };
  };
}

const races: Races = {
  'two directory users of one new person arrive': async () => {
    const [organizationId, directories] = await organizationWith(2);
    const email = `${workosId('mail')}@example.com`;
    const events = directories.map((directoryId) =>
      userEvent('created', { id: workosId('directory_user'), organizationId, directoryId, email }),
    );
    return {
      atOnce: events.map((event) => async (store) => tenure.take(event, store)),
      wrong: async () => notOne(organizationId),
    };
  },

  'two directory users of one membership leave': async () => {
    const { people, membership } = await openPerson(2);
    const events = people.map((person) => userEvent('deleted', person));
    return {
      atOnce: events.map((event) => async (store) => tenure.take(event, store)),
      async wrong() {
        const { access, backed, generation } = await membershipById(tenure, membership._id);
        if (access.state === 'open' || backed) return 'the door stays open';
        return generation === 1 ? null : `${generation} leavings`;
      },
    };
  },

  'a return and the commit': async () => {
    const { person, membership, commit } = await atTheCommit();
    const event = userEvent('updated', person);
    return {
      atOnce: [async (store) => tenure.take(event, store), commit],
      async wrong() {
        const now = await membershipOf(tenure, person.id);
        if (currentRecord((await mirrorOf(person.id))!).state !== 'active')
          return 'the return is lost';
        if (now.erasure !== null) return 'a return is erased';
        if (!now.backed) return 'the return is lost';
        // Committed first: then the one who returns is a new user.
        return now._id === membership._id || (await isCommitted(membership._id))
          ? null
          : 'two people';
      },
    };
  },

  'a hold on the user and the commit': holdAgainstCommit((userId) => ({ userId })),
  'a hold on the organization and the commit': holdAgainstCommit((_, organizationId) => ({
    organizationId,
  })),
  'a hold on a resource and the commit': holdAgainstCommit(() => ({
    resource: { kind: 'project', id: workosId('project') },
  })),

  'a directory that is back and the commit of somebody who left with it': async () => {
    const { person, membership, organizationId } = await openPerson(1, organizationWith(1));
    const { memberships, organizations } = tenure.store.collections;
    const directory = { id: person.directoryId, organizationId };
    await tenure.take(directoryEvent('deleted', directory));
    await spread(tenure);
    // As an admin's approval leaves them.
    await memberships.updateOne({ _id: membership._id }, { $set: { 'guard.state': 'approved' } });
    const commit = await dueToCommit(membership._id);
    const back = directoryEvent('activated', directory);
    return {
      atOnce: [async (store) => tenure.take(back, store), commit],
      async wrong(openedAtMs) {
        const { erasure } = await membershipById(tenure, membership._id);
        const raised = await organizations.findOne({ _id: organizationId });
        if (erasure === null || raised === null) return null;
        // A commit that came first is in time. One that did not see that the facts changed is not.
        const latest = Math.max(raised.revisedAt.getTime(), erasure.committedAt.getTime());
        return latest <= openedAtMs ? 'erased while their directory came back' : null;
      },
    };
  },

  'the opening and a leaving': async () => {
    const [organizationId, [directoryId]] = await sharedOrganization(1);
    const person = { id: workosId('directory_user'), organizationId, directoryId: directoryId! };
    await tenure.take(userEvent('created', person));
    const { _id } = await membershipOf(tenure, person.id);
    const { step, revision } = await drive(tenure, _id, { stopAt: 'open' });
    expect(step.do).toBe('open');
    const event = userEvent('deleted', person);
    return {
      atOnce: [
        async (store) => openMembership(slow(store, 60), _id, revision),
        async (store) => tenure.take(event, store),
      ],
      async wrong() {
        const { access, generation } = await membershipById(tenure, _id);
        if (access.state === 'open') return 'open after the leaving';
        return generation === 1 ? null : 'the leaving is lost';
      },
    };
  },

  'an import and the announcement of the first directory': async () => {
    const organizationId = workosId('org');
    await sandbox(tenure, organizationId);
    const user = {
      id: workosId('host_user'),
      organizationId,
      email: `${organizationId}@x.example`,
    };
    const event = directoryEvent('activated', { id: workosId('directory'), organizationId });
    return {
      atOnce: [
        async (store) =>
          importUser(
            store,
            { ...user, username: null, name: 'Ada', roles: [], status: 'active' },
            'import',
          ),
        async (store) => tenure.take(event, store),
      ],
      async wrong() {
        const { memberships, organizations } = tenure.store.collections;
        const open = await memberships.countDocuments({ organizationId, 'access.state': 'open' });
        const organization = await organizations.findOne({ _id: organizationId });
        return organization?.directorySync === 'enabled' && open > 0
          ? 'open where only a directory may open'
          : null;
      },
    };
  },

  'an import and the arrival of the same person': async () => {
    const [organizationId, [directoryId]] = await organizationWith(1);
    const email = `${workosId('mail')}@example.com`;
    const id = workosId('directory_user');
    const event = userEvent('created', { id, organizationId, directoryId: directoryId!, email });
    const user = { id: workosId('host_user'), organizationId, email, username: null, name: 'Ada' };
    return {
      atOnce: [
        async (store) => importUser(store, { ...user, roles: [], status: 'active' }, 'import'),
        async (store) => tenure.take(event, store),
      ],
      async wrong(openedAtMs) {
        const found = await tenure.store.collections.memberships.find({ organizationId }).toArray();
        // Whoever is imported after they came by a directory has a membership of their own: nobody is
        // matched by e-mail then. But whoever comes second must have seen the first one.
        const blind = found.every(({ createdAt }) => createdAt.getTime() <= openedAtMs);
        return found.length > 1 && blind ? `${found.length} memberships at once` : null;
      },
    };
  },
};

async function notOne(organizationId: string): Promise<string | null> {
  const { memberships, users } = tenure.store.collections;
  const both = [
    await memberships.countDocuments({ organizationId }),
    await users.countDocuments({ organizationIds: organizationId }),
  ];
  return both.join() === '1,1' ? null : `${both[0]} memberships of ${both[1]} users`;
}

async function mirrorOf(directoryUserId: string) {
  return tenure.store.collections.directoryUsers.findOne({ 'records.id': directoryUserId });
}

describeRaces('two transactions at once', races, { store: () => tenure.store });

describe('many copies at once', () => {
  it('takes one of fifty copies of an event, whichever way they come, and calls the others duplicates', async () => {
    const [organizationId, [directoryId]] = await organizationWith(1);
    const person = { id: workosId('directory_user'), organizationId, directoryId: directoryId! };
    const event = userEvent('created', person);
    const taken = await Promise.all(
      Array.from({ length: 50 }, async (_, nth) =>
        takeIn(
          tenure.store,
          event,
          { transport: nth % 2 === 0 ? 'webhook' : 'poll', receivedAt: new Date() },
          { ...tenure.intake, timeoutMs: 30_000 },
        ),
      ),
    );
    expect(taken.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(await tenure.store.collections.inbox.countDocuments({ _id: event.id })).toBe(1);
    expect(await notOne(organizationId)).toBeNull();
    const { revision } = await membershipOf(tenure, person.id);
    expect(revision).toBe(1);
  }, 60_000);

  it('takes twenty events of a new directory at once', async () => {
    const organizationId = workosId('org');
    const directoryId = workosId('directory');
    const people = Array.from({ length: 20 }, () => workosId('directory_user'));
    await Promise.all(
      people.map(async (id) =>
        tenure.take(userEvent('created', { id, organizationId, directoryId })),
      ),
    );
    const { memberships, organizations, directories } = tenure.store.collections;
    expect(await memberships.countDocuments({ organizationId })).toBe(20);
    expect(await organizations.countDocuments({ _id: organizationId })).toBe(1);
    expect(await directories.countDocuments({ organizationId })).toBe(1);
  }, 60_000);

  it('imports into a new organization at once, also one user twice', async () => {
    const organizationId = workosId('org');
    const ids = Array.from({ length: 10 }, () => workosId('host_user'));
    const users = [...ids, ...ids].map((id, nth) => ({
      id,
      organizationId,
      // No key in common: only the unique index sees that it is one user.
      email: `${id}-${nth}@example.com`,
      username: null,
      name: null,
      roles: [],
      status: 'active' as const,
    }));
    const imported = await Promise.all(
      users.map(async (user) => importUser(tenure.store, user, 'import')),
    );
    expect(imported.filter(({ outcome: is }) => is === 'created')).toHaveLength(10);
    expect(await tenure.store.collections.memberships.countDocuments({ organizationId })).toBe(10);
  }, 60_000);
});
