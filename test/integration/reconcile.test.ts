import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { MongoServerError } from 'mongodb';

import type { Membership } from '../../domain/membership.ts';
import type { DirectoryListing } from '../../platform/workos/directory-listing.ts';
import { longestRunMs } from '../../domain/reconciliation.ts';
import { takeInDirectoryState } from '../../intake/take-in-directory-state.ts';
import { StoreUnavailable } from '../../platform/mongo/deadline.ts';
import { drive, spread } from '../support/by-hand.ts';
import { ListingFailed } from '../../platform/workos/listing-failed.ts';
import type { EventEnvelope } from '../../platform/workos/wire.ts';
import { deliverEvents, listingOf, passMargin, reconcile } from '../support/reconciling.ts';
import type { TestSimulator } from '../support/simulator.ts';
import { startForTest } from '../support/simulator-in-test.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
});

afterAll(async () => tenure.close());

/** A directory of so many people whose events were all taken in, older than any listing from now on. */
async function acme(people: number, options: { known?: boolean } = {}) {
  const simulator = await startForTest();
  const { directory } = simulator.tenant();
  const activated = simulator.events().length;
  const users = Array.from(
    { length: people },
    (_, index) => simulator.join(directory.id, { firstName: `P${index}` }).user,
  );
  const known = options.known ?? true;
  let next = 0;
  for (const event of simulator.events().slice(0, known ? undefined : activated)) {
    await tenure.take(event);
    next += 1;
  }
  await passMargin();
  const listing = listingOf(simulator);
  return { simulator, directory, users, listing, next };
}

async function membershipOf(directoryUserId: string): Promise<Membership> {
  const { directoryUsers, memberships } = tenure.store.collections;
  const mirror = await directoryUsers.findOne({ 'records.id': directoryUserId });
  const found = await memberships.findOne({ _id: mirror?.membershipId ?? '' });
  if (found === null) throw new Error(`${directoryUserId} has no membership.`);
  return found;
}

async function recordOf(directoryUserId: string) {
  const mirror = await tenure.store.collections.directoryUsers.findOne({
    'records.id': directoryUserId,
  });
  return mirror?.records.find(({ id }) => id === directoryUserId);
}

/** Who is active, and which edges are present, in the mirror of a directory and in the simulator. */
async function mirrored(directoryId: string) {
  const { directoryUsers, directoryEdges, directoryGroups } = tenure.store.collections;
  const mirrors = await directoryUsers.find({ directoryId }).toArray();
  const edges = await directoryEdges.find({ directoryId, present: true }).toArray();
  const groups = await directoryGroups.find({ directoryId, state: 'active' }).toArray();
  return {
    people: mirrors
      .flatMap(({ records }) => records)
      .filter(({ state }) => state === 'active')
      .map(({ id, profile }) => `${id} ${profile?.firstName}`)
      .toSorted(),
    groups: groups.map(({ _id, name }) => `${_id} ${name}`).toSorted(),
    edges: edges
      .filter(({ groupId }) => groups.some(({ _id }) => _id === groupId))
      .map(({ _id }) => _id)
      .toSorted(),
  };
}

function truth({ world }: TestSimulator, directoryId: string) {
  const { people, groups } = world.state;
  const active = people
    .filter((person) => person.directoryId === directoryId && person.visible)
    .map(({ user }) => user);
  return {
    people: active
      .filter(({ state }) => state === 'active')
      .map(({ id, firstName }) => `${id} ${firstName}`)
      .toSorted(),
    groups: groups
      .filter((group) => group.directoryId === directoryId)
      .map(({ id, name }) => `${id} ${name}`)
      .toSorted(),
    edges: active
      .flatMap(({ id, groupIds }) => groupIds.map((groupId) => `${groupId}/${id}`))
      .toSorted(),
  };
}

const nothing = { added: 0, changed: 0, absent: 0 };

describe('a full comparison of a directory', () => {
  it('takes in everybody of a directory of which only the activation was heard', async () => {
    const { simulator, directory, users, listing } = await acme(230, { known: false });
    const staff = simulator.group(directory.id, 'Staff');
    const sales = simulator.group(directory.id, 'Sales');
    // More than a page of members; the list of groups on the people themselves is empty, as it is in WorkOS.
    for (const { id } of users.slice(0, 120)) simulator.addToGroup(id, staff.id);
    simulator.addToGroup(users[0]!.id, sales.id);
    const run = await reconcile(tenure, listing, directory.id);
    expect(run).toMatchObject({
      outcome: 'complete',
      stopped: null,
      counts: {
        users: { seen: 230, added: 230, changed: 0, absent: 0 },
        groups: { seen: 2, added: 2, changed: 0, absent: 0 },
        edges: { seen: 121, added: 121, changed: 0, absent: 0 },
        unreadable: 0,
        newer: 0,
      },
    });
    expect(await mirrored(directory.id)).toEqual(truth(simulator, directory.id));
    expect(await membershipOf(users[0]!.id)).toMatchObject({ backed: true });
    const notices = await tenure.store.collections.notices
      .find({ code: 'reconciled', subjectId: run._id })
      .toArray();
    expect(notices).toHaveLength(1);
  });

  it('finds nothing the second time, touches nobody and writes no notice', async () => {
    const { simulator, directory, users, listing } = await acme(3);
    const staff = simulator.group(directory.id, 'Staff');
    simulator.addToGroup(users[0]!.id, staff.id);
    await reconcile(tenure, listing, directory.id);
    const before = await Promise.all(users.map(async ({ id }) => membershipOf(id)));
    const run = await reconcile(tenure, listing, directory.id);
    expect(run.counts).toMatchObject({
      users: { seen: 3, ...nothing },
      groups: { seen: 1, ...nothing },
      edges: { seen: 1, ...nothing },
    });
    expect(await Promise.all(users.map(async ({ id }) => membershipOf(id)))).toEqual(before);
    const notices = await tenure.store.collections.notices.findOne({ subjectId: run._id });
    expect(notices).toBeNull();
  });

  it.each([false, true])(
    'repairs whatever was missed, steps repeated after a crash: %s',
    async (twice) => {
      const { simulator, directory, users, listing, next } = await acme(8);
      const [staff, sales, old] = ['Staff', 'Sales', 'Old'].map((name) =>
        simulator.group(directory.id, name),
      );
      for (const { id } of users) simulator.addToGroup(id, staff!.id);
      for (const { id } of users) simulator.addToGroup(id, old!.id);
      await deliverEvents(tenure, simulator, next);
      await passMargin();
      const [renamed, deleted, inactive, moved] = users;
      simulator.update(renamed!.id, { firstName: 'Renamed' });
      simulator.leave(deleted!.id);
      simulator.leave(inactive!.id, { inactiveUsers: 'updated' });
      simulator.removeFromGroup(moved!.id, staff!.id);
      simulator.addToGroup(moved!.id, sales!.id);
      simulator.join(directory.id, { firstName: 'New', groups: [sales!] });
      simulator.world.state.groups = simulator.world.state.groups.filter(
        ({ id }) => id !== old!.id,
      );
      for (const { user } of simulator.world.state.people) {
        user.groupIds = user.groupIds.filter((id) => id !== old!.id);
      }
      const run = await reconcile(tenure, listing, directory.id, { twice });
      expect(run).toMatchObject({
        outcome: 'complete',
        counts: {
          users: { seen: 8, added: 1, changed: 2, absent: 1 },
          groups: { seen: 2, added: 0, changed: 0, absent: 1 },
          newer: 0,
        },
      });
      const { people, groups, edges } = truth(simulator, directory.id);
      const now = await mirrored(directory.id);
      expect({ people: now.people, groups: now.groups }).toEqual({ people, groups });
      expect(now.edges.filter((edge) => !edge.endsWith(deleted!.id))).toEqual(edges);
      for (const gone of [deleted, inactive]) {
        expect(await membershipOf(gone!.id)).toMatchObject({
          backed: false,
          generation: 1,
          access: { state: 'closed', reason: 'notBacked' },
        });
      }
      expect(await membershipOf(moved!.id)).toMatchObject({ backed: true, generation: 0 });
    },
  );

  it('does not undo what a webhook told while a page was under way', async () => {
    const { simulator, directory, users, listing, next } = await acme(2);
    const [leaver, stayer] = users;
    const late: DirectoryListing = {
      ...listing,
      async users(...args) {
        const page = await listing.users(...args);
        // The page still has them; the event is newer than the page.
        if (page.items.some(({ id }) => id === leaver!.id)) {
          simulator.leave(leaver!.id);
          await deliverEvents(tenure, simulator, next);
        }
        return page;
      },
    };
    const run = await reconcile(tenure, late, directory.id);
    expect(await recordOf(leaver!.id)).toMatchObject({ state: 'deleted' });
    expect(await membershipOf(leaver!.id)).toMatchObject({ backed: false, generation: 1 });
    expect(await membershipOf(stayer!.id)).toMatchObject({ backed: true });
    expect(run.outcome).toBe('complete');
  });

  it('reads again by id in the same run what was too new to be judged', async () => {
    const { simulator, directory, users, listing, next } = await acme(1);
    simulator.update(users[0]!.id, { firstName: 'Told' });
    await deliverEvents(tenure, simulator, next);
    // Missed, and so soon after an event that the page is no newer than it.
    simulator.update(users[0]!.id, { firstName: 'Missed' });
    const run = await reconcile(tenure, listing, directory.id);
    expect(run.counts).toMatchObject({ users: { seen: 1, changed: 1 }, newer: 0 });
    expect((await recordOf(users[0]!.id))?.profile?.firstName).toBe('Missed');
  });

  it('lets no delivery that is older than the listing undo it', async () => {
    const { simulator, directory, users, listing, next } = await acme(1);
    // Of three changes only the last one is seen, by the listing; the others come late.
    simulator.update(users[0]!.id, { firstName: 'First' });
    simulator.update(users[0]!.id, { firstName: 'P0' });
    await passMargin();
    const run = await reconcile(tenure, listing, directory.id);
    expect(run.counts).toMatchObject({ users: { seen: 1, ...nothing } });
    const missed = simulator.events().slice(next);
    await tenure.take(missed[0] as unknown as EventEnvelope);
    expect((await recordOf(users[0]!.id))?.profile?.firstName).toBe('P0');
  });

  it('lets no edge that is older than the listing come back', async () => {
    const { simulator, directory, users, listing, next } = await acme(2);
    const staff = simulator.group(directory.id, 'Staff');
    simulator.addToGroup(users[0]!.id, staff.id);
    simulator.removeFromGroup(users[0]!.id, staff.id);
    simulator.addToGroup(users[1]!.id, staff.id);
    await passMargin();
    await reconcile(tenure, listing, directory.id);
    const added = simulator
      .events()
      .slice(next)
      .find(({ event }) => event === 'dsync.group.user_added');
    const taken = await tenure.take(added as unknown as EventEnvelope);
    expect(taken).toMatchObject({ outcome: 'stale' });
    expect(await mirrored(directory.id)).toEqual(truth(simulator, directory.id));
  });
});

describe('somebody who joins while a directory is compared', () => {
  it('and is in a group, is taken in with the group', async () => {
    const { simulator, directory, listing } = await acme(1);
    const staff = simulator.group(directory.id, 'Staff');
    let id = '';
    const run = await reconcile(tenure, listing, directory.id, {
      before: ({ phase }) => {
        if (phase !== 'members' || id !== '') return;
        id = simulator.join(directory.id, { firstName: 'Late', groups: [staff] }).user.id;
      },
    });
    expect(run.counts).toMatchObject({ users: { seen: 2, added: 1 }, edges: { added: 1 } });
    expect(await mirrored(directory.id)).toEqual(truth(simulator, directory.id));
    expect(await membershipOf(id)).toMatchObject({ backed: true });
  });

  it('and was told of, is not asked about', async () => {
    const { simulator, directory, users, listing, next } = await acme(1);
    const asked: string[] = [];
    const listening: DirectoryListing = {
      ...listing,
      async user(of) {
        asked.push(of.directoryUserId);
        return listing.user(of);
      },
    };
    simulator.leave(users[0]!.id);
    await reconcile(tenure, listening, directory.id, {
      before: async ({ phase }) => {
        if (phase !== 'absentUsers') return;
        simulator.join(directory.id, { firstName: 'Late' });
        await deliverEvents(tenure, simulator, next + 1);
      },
    });
    expect(asked).toEqual([users[0]!.id]);
  });
});

describe('absence', () => {
  it('counts for nobody whom a page left out and WorkOS knows by their id', async () => {
    const { directory, users, listing } = await acme(3);
    const blind: DirectoryListing = {
      ...listing,
      async users(...args) {
        const page = await listing.users(...args);
        return { ...page, items: page.items.filter(({ id }) => id !== users[1]!.id) };
      },
    };
    const run = await reconcile(tenure, blind, directory.id);
    expect(run.counts).toMatchObject({ users: { seen: 3, ...nothing } });
    expect(await membershipOf(users[1]!.id)).toMatchObject({ backed: true, generation: 0 });
  });

  it('misses nobody and ends nobody while pages shift', async () => {
    const { simulator, directory, users, listing } = await acme(150);
    const gone = users.slice(90, 110);
    let left = false;
    await reconcile(tenure, listing, directory.id, {
      before: ({ phase, after }) => {
        if (left || phase !== 'users' || after === null) return;
        left = true;
        for (const { id } of gone) simulator.leave(id);
        simulator.join(directory.id, { firstName: 'Late' });
      },
    });
    expect((await mirrored(directory.id)).people).toEqual(
      expect.arrayContaining(truth(simulator, directory.id).people),
    );
    for (const { id } of users.filter((user) => !gone.includes(user))) {
      expect(await membershipOf(id)).toMatchObject({ generation: 0 });
    }
    // Who had been read already is seen to be gone by the next run.
    await reconcile(tenure, listing, directory.id);
    expect((await mirrored(directory.id)).people).toEqual(truth(simulator, directory.id).people);
  });

  it.each([
    ['of users', '/directory_users'],
    ['of groups', '/directory_groups'],
  ])('counts for nobody if a page %s could not be read for good', async (_what, path) => {
    const { simulator, directory, users, listing } = await acme(2);
    simulator.leave(users[0]!.id);
    simulator.settings.apiFaults.push({ id: 'f', path, status: 403 });
    const run = await reconcile(tenure, listing, directory.id);
    expect(run).toMatchObject({ outcome: 'stopped', stopped: 'refused' });
    expect(run.counts?.users.absent).toBe(0);
    expect(await membershipOf(users[0]!.id)).toMatchObject({ backed: true, generation: 0 });
  });

  it('counts for nobody if a page could not be read for a moment: the step is tried again', async () => {
    const { simulator, directory, users, listing } = await acme(2);
    simulator.leave(users[0]!.id);
    simulator.settings.apiFaults.push({ id: 'f', path: '/directory_users', status: 500 });
    await expect(reconcile(tenure, listing, directory.id)).rejects.toThrow(ListingFailed);
    expect(await membershipOf(users[0]!.id)).toMatchObject({ backed: true, generation: 0 });
  });

  it.each([
    ['deleted', 'directoryGone'],
    ['invalid_credentials', 'directoryNotConnected'],
  ] as const)('is not looked for in a directory that is %s', async (state, stop) => {
    const { simulator, directory, users, listing } = await acme(2);
    simulator.leave(users[0]!.id);
    const run = await reconcile(tenure, listing, directory.id, {
      before: ({ phase }) => {
        if (phase !== 'confirm') return;
        if (state === 'deleted') simulator.deleteDirectory(directory.id);
        else simulator.directoryState(directory.id, state);
      },
    });
    expect(run).toMatchObject({ outcome: 'stopped', stopped: stop });
    for (const { id } of users) {
      expect(await membershipOf(id)).toMatchObject({ backed: true, generation: 0 });
    }
  });

  it('of a re-created person is that of the old record only', async () => {
    const { simulator, directory, users, listing } = await acme(1);
    const before = await membershipOf(users[0]!.id);
    const again = simulator.recreate(users[0]!.id, true);
    await reconcile(tenure, listing, directory.id);
    expect(again.user.id).not.toBe(users[0]!.id);
    const after = await membershipOf(again.user.id);
    expect(after).toMatchObject({ _id: before._id, backed: true, generation: 0 });
    expect(await recordOf(users[0]!.id)).toMatchObject({ state: 'deleted' });
  });
});

describe('a directory that WorkOS answers for again', () => {
  const stateOf = async (directoryId: string) =>
    tenure.store.collections.directories.findOne({ _id: directoryId });

  async function found(state: 'unlinked' | 'invalid_credentials', directoryId: string) {
    await takeInDirectoryState(tenure.store, directoryId, state, new Date());
    await spread(tenure);
  }

  it('brings back whom its end put out as soon as it was compared, and asks for no second comparison', async () => {
    const { directory, users, listing } = await acme(1);
    await found('unlinked', directory.id);
    expect(await membershipOf(users[0]!.id)).toMatchObject({ backed: false });
    expect((await reconcile(tenure, listing, directory.id)).outcome).toBe('complete');
    expect(await stateOf(directory.id)).toMatchObject({ state: 'active', unlinkedAt: null });
    expect(await stateOf(directory.id)).not.toHaveProperty('reconcileWantedAt');
    await spread(tenure);
    const { _id } = await membershipOf(users[0]!.id);
    await drive(tenure, _id);
    expect(await membershipOf(users[0]!.id)).toMatchObject({ access: { state: 'open' } });
  });

  it('ends the alert over broken credentials', async () => {
    const { directory, listing } = await acme(1);
    await found('invalid_credentials', directory.id);
    await reconcile(tenure, listing, directory.id);
    const notices = await tenure.store.collections.notices
      .find({ code: 'directoryState', directoryId: directory.id })
      .sort({ at: 1 })
      .toArray();
    expect(notices.map(({ subjectId }) => subjectId)).toEqual(['invalid_credentials', 'active']);
  });

  it('is not one that broke again before the end, which stops the comparison', async () => {
    const { simulator, directory, listing } = await acme(1);
    await found('invalid_credentials', directory.id);
    const run = await reconcile(tenure, listing, directory.id, {
      before: ({ phase }) => {
        if (phase === 'absentMembers') simulator.directoryState(directory.id, 'validating');
      },
    });
    expect(run).toMatchObject({ outcome: 'stopped', stopped: 'directoryNotConnected' });
    expect(await stateOf(directory.id)).toMatchObject({ state: 'invalid_credentials' });
  });
});

describe('a comparison that lasted longer than what it saw is kept', () => {
  it('takes nobody for absent, and is begun anew', async () => {
    const { simulator, directory, users, listing } = await acme(2);
    const staff = simulator.group(directory.id, 'Staff');
    simulator.addToGroup(users[1]!.id, staff.id);
    simulator.leave(users[0]!.id, { inactiveUsers: 'deleted' });
    const { reconciliations, reconciledItems } = tenure.store.collections;
    const run = await reconcile(tenure, listing, directory.id, {
      before: async ({ phase }) => {
        if (phase !== 'absentUsers') return;
        // No worker ran for so long, and MongoDB has dropped what it keeps for two days.
        const startedAt = new Date(Date.now() - longestRunMs - 1000);
        await reconciliations.updateMany({ directoryId: directory.id }, { $set: { startedAt } });
        await reconciledItems.deleteMany({});
      },
    });
    expect(run).toMatchObject({ outcome: 'stopped', stopped: 'tooOld' });
    expect(await membershipOf(users[0]!.id)).toMatchObject({ backed: true });
    const { directories } = tenure.store.collections;
    const wanted = (await directories.findOne({ _id: directory.id }))?.reconcileWantedAt;
    expect(wanted?.getTime()).toBeGreaterThan(Date.now());
  });

  it('goes on until then', async () => {
    const { directory, listing } = await acme(1);
    const { reconciliations } = tenure.store.collections;
    const run = await reconcile(tenure, listing, directory.id, {
      before: async () => {
        const startedAt = new Date(Date.now() - longestRunMs + 60_000);
        await reconciliations.updateMany({ directoryId: directory.id }, { $set: { startedAt } });
      },
    });
    expect(run.outcome).toBe('complete');
  });
});

describe('what cannot be taken in', () => {
  /** One who was not heard of and cannot be made, and one whose leaving was missed. */
  async function newcomerAndLeaver() {
    const at = await acme(2);
    at.simulator.join(at.directory.id, { firstName: 'New' });
    at.simulator.leave(at.users[1]!.id, { inactiveUsers: 'deleted' });
    return at;
  }

  it('is counted and told, and everybody else is compared, whoever is absent included', async () => {
    const { directory, users, listing } = await newcomerAndLeaver();
    const failures: unknown[] = [];
    const newUserId = (): string => {
      throw new TypeError('No id can be made.');
    };
    const run = await reconcile(tenure, listing, directory.id, {
      deps: { newUserId },
      failed: (error) => failures.push(error),
    });
    expect(run).toMatchObject({
      outcome: 'complete',
      counts: { users: { added: 0, absent: 1 }, unreadable: 1 },
    });
    expect(failures).toEqual([expect.any(TypeError)]);
    expect(await membershipOf(users[1]!.id)).toMatchObject({ backed: false, generation: 1 });
    expect(await membershipOf(users[0]!.id)).toMatchObject({ backed: true, generation: 0 });
  });

  it('makes a notice, though nothing else differs', async () => {
    const { simulator, directory, listing } = await acme(1);
    simulator.join(directory.id, { firstName: 'New' });
    const run = await reconcile(tenure, listing, directory.id, {
      deps: {
        newUserId: () => {
          throw new TypeError('No id can be made.');
        },
      },
      failed: () => undefined,
    });
    const { notices } = tenure.store.collections;
    expect(await notices.countDocuments({ code: 'reconciled', subjectId: run._id })).toBe(1);
  });

  it('stops nothing either where it is asked about by its id', async () => {
    const { simulator, directory, users, listing } = await acme(1);
    simulator.update(users[0]!.id, { firstName: 'Changed' });
    const empty: DirectoryListing = {
      ...listing,
      users: async (...args) => ({ ...(await listing.users(...args)), items: [] }),
    };
    const file = new Proxy(tenure.file, {
      get(target, key, receiver): unknown {
        if (key === 'attributes') throw new TypeError('No profile can be made.');
        return Reflect.get(target, key, receiver);
      },
    });
    const failures: unknown[] = [];
    const run = await reconcile(tenure, empty, directory.id, {
      deps: { file },
      failed: (error) => failures.push(error),
    });
    expect(run).toMatchObject({ outcome: 'complete', counts: { unreadable: 1 } });
    expect(failures).toHaveLength(1);
    expect(await membershipOf(users[0]!.id)).toMatchObject({ backed: true, generation: 0 });
  });

  it('for MongoDB’s sake is tried again: an outage is nobody’s own', async () => {
    for (const outage of [
      new StoreUnavailable('MongoDB did not commit'),
      new MongoServerError({ code: 13, errmsg: 'not authorized' }),
    ]) {
      const { directory, users, listing } = await newcomerAndLeaver();
      const failures: unknown[] = [];
      const comparing = reconcile(tenure, listing, directory.id, {
        deps: {
          newUserId: () => {
            throw outage;
          },
        },
        failed: (error) => failures.push(error),
      });
      await expect(comparing).rejects.toThrow(outage);
      expect(failures).toEqual([]);
      expect(await membershipOf(users[1]!.id)).toMatchObject({ backed: true });
    }
  });
});

describe('what cannot be read', () => {
  it('is counted, and nobody leaves by it', async () => {
    const { simulator, directory, users, listing } = await acme(2);
    simulator.update(users[0]!.id, { firstName: 'Changed' });
    const broken: DirectoryListing = {
      ...listing,
      async users(...args) {
        const page = await listing.users(...args);
        const items = page.items.filter(({ id }) => id !== users[1]!.id);
        return { ...page, items, unreadable: { ids: [users[1]!.id], count: 2 } };
      },
    };
    const run = await reconcile(tenure, broken, directory.id);
    expect(run).toMatchObject({ outcome: 'complete', counts: { unreadable: 2 } });
    expect(run.counts?.users).toEqual({ seen: 1, added: 0, changed: 1, absent: 0 });
    expect(await membershipOf(users[1]!.id)).toMatchObject({ backed: true, generation: 0 });
  });

  it('by its place is read from the beginning, and at last given up', async () => {
    const { directory, listing } = await acme(1);
    let tries = 0;
    const moving = (lost: number): DirectoryListing => ({
      ...listing,
      async users(directoryId, after) {
        if (after === null) return { ...(await listing.users(directoryId, null)), after: 'x' };
        tries += 1;
        if (tries <= lost) throw new ListingFailed('cursorRefused');
        return listing.users(directoryId, null);
      },
    });
    expect(await reconcile(tenure, moving(2), directory.id)).toMatchObject({ outcome: 'complete' });
    tries = 0;
    expect(await reconcile(tenure, moving(9), directory.id)).toMatchObject({
      outcome: 'stopped',
      stopped: 'listingMoves',
    });
  });
});
