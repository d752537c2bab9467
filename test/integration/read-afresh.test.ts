import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { createCheckConditions } from '../../activities/check-conditions.ts';
import { createReadAfresh } from '../../activities/read-afresh.ts';
import type { Membership } from '../../domain/membership.ts';
import { createDirectoryLookup } from '../../platform/workos/directory-lookup.ts';
import type { DirectoryListing } from '../../platform/workos/directory-listing.ts';
import { ListingFailed } from '../../platform/workos/listing-failed.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { wantFreshRead } from '../../transitions/membership/want-fresh-read.ts';
import { drive, membershipById, membershipOf, sandbox, spread } from '../support/by-hand.ts';
import { mapGroups, mapped } from '../support/groups.ts';
import { deliverEvents, depsOf, listingOf, passMargin, reconcile } from '../support/reconciling.ts';
import type { EventEnvelope } from '../../platform/workos/wire.ts';
import { startForTest } from '../support/simulator-in-test.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
});

afterAll(async () => tenure.close());

/** One person in the group `Staff` of a directory that keeps whoever is inactive; both groups give a role. */
async function place(policy: { accessByGroup?: boolean } = {}) {
  const simulator = await startForTest({ inactiveUsers: 'updated' });
  const { organization, directory } = simulator.tenant();
  await sandbox(tenure, organization.id, policy);
  const staff = simulator.group(directory.id, 'Staff');
  const sales = simulator.group(directory.id, 'Sales');
  await mapGroups(tenure, organization.id, [
    mapped(staff.id, { roles: ['member'] }),
    mapped(sales.id, { roles: ['seller'] }),
  ]);
  const { user } = simulator.join(directory.id, { firstName: 'Ada', groups: [staff] });
  let next = await deliverEvents(tenure, simulator);
  const { _id } = await membershipOf(tenure, user.id);
  await drive(tenure, _id);
  const listing = listingOf(simulator);
  return {
    simulator,
    directory,
    organizationId: organization.id,
    staff,
    sales,
    user,
    listing,
    membership: async () => membershipById(tenure, _id),
    /** Delivers what happened since the last time. */
    hear: async (): Promise<void> => {
      next = await deliverEvents(tenure, simulator, next);
    },
    /** What happened since the last time is never heard of. */
    miss: (): void => {
      next = simulator.events().length;
    },
    read: async (by: DirectoryListing | null = listing) =>
      createReadAfresh(depsOf(tenure, { directoryListing: by }))({
        membershipId: _id,
        nowMs: Date.now(),
      }),
  };
}

type Place = Awaited<ReturnType<typeof place>>;

/** Leaves, and comes back by an event of their own; of the groups nothing is told. */
async function comeBack({ simulator, user, hear, membership }: Place): Promise<Membership> {
  simulator.leave(user.id);
  await hear();
  simulator.return(user.id);
  await hear();
  return membership();
}

const roles = ({ roles: given, wanted }: Membership) => ({
  roles: given.map(({ role }) => role),
  wanted: wanted.roles,
});

describe('reading somebody afresh who comes back', () => {
  it('brings the groups that they are in now, which WorkOS does not announce again', async () => {
    const ada = await place();
    expect(roles(await ada.membership())).toEqual({ roles: ['member'], wanted: ['member'] });
    ada.simulator.removeFromGroup(ada.user.id, ada.staff.id);
    ada.simulator.addToGroup(ada.user.id, ada.sales.id);
    ada.miss();
    await passMargin();
    const back = await comeBack(ada);
    expect(back.readAfresh.wanted).toBe(back.readAfresh.done + 1);
    expect(roles(back).wanted).toEqual(['member']);
    await passMargin();
    await ada.read();
    const read = await ada.membership();
    expect(roles(read).wanted).toEqual(['seller']);
    expect(read.readAfresh.done).toBe(read.readAfresh.wanted);
  });

  it('asks again after the margin where what was heard last is too new to be judged', async () => {
    const ada = await place();
    const back = await comeBack(ada);
    // Heard just now, and undone so soon that the first answer is no newer than it.
    ada.simulator.removeFromGroup(ada.user.id, ada.staff.id);
    await ada.hear();
    ada.simulator.addToGroup(ada.user.id, ada.staff.id);
    ada.miss();
    expect(back.backed).toBe(true);
    // Longer than it takes to get here, whatever else the machine does.
    await ada.read(listingOf(ada.simulator, { marginMs: 4000 }));
    expect(roles(await ada.membership()).wanted).toEqual(['member']);
  });

  it('lets no older telling of their groups count afterwards', async () => {
    const ada = await place();
    ada.simulator.addToGroup(ada.user.id, ada.sales.id);
    const added = ada.simulator.events().at(-1);
    ada.simulator.removeFromGroup(ada.user.id, ada.sales.id);
    ada.miss();
    await comeBack(ada);
    await passMargin();
    await ada.read();
    const late = await tenure.take(added as unknown as EventEnvelope);
    expect(late).toMatchObject({ outcome: 'stale' });
    expect(roles(await ada.membership()).wanted).toEqual(['member']);
  });

  it('fails while WorkOS does not answer clearly, so that it is tried again before anything opens', async () => {
    const ada = await place();
    const back = await comeBack(ada);
    for (const path of ['/directory_users/*', '/directory_groups', '/directories/*']) {
      ada.simulator.settings.apiFaults = [{ id: 'f', path, status: 500 }];
      await expect(ada.read()).rejects.toThrow(ListingFailed);
    }
    expect((await ada.membership()).readAfresh).toEqual(back.readAfresh);
    ada.simulator.settings.apiFaults = [];
    await ada.read();
    expect((await ada.membership()).readAfresh.done).toBe(back.readAfresh.wanted);
  });

  it('only takes it for done without a key', async () => {
    const ada = await place();
    const back = await comeBack(ada);
    await ada.read(null);
    const read = await ada.membership();
    expect(read.readAfresh.done).toBe(back.readAfresh.wanted);
    // There is nobody to ask, now or later: what the events told of their groups stands.
    expect(roles(read).wanted).toEqual(['member']);
  });

  describe.each(['invalid_credentials', 'validating'] as const)(
    'of a directory that is %s',
    (state) => {
      const breakIt = ({ simulator, directory }: Place): void =>
        simulator.directoryState(directory.id, state);

      it('opens without the roles of groups from before, which a comparison brings back', async () => {
        const ada = await place();
        ada.simulator.addToGroup(ada.user.id, ada.sales.id);
        ada.miss();
        const back = await comeBack(ada);
        breakIt(ada);
        await ada.read();
        const read = await ada.membership();
        expect(read).toMatchObject({ backed: true, generation: 1 });
        expect(read.readAfresh.done).toBe(back.readAfresh.wanted);
        expect(roles(read).wanted).toEqual([]);
        await drive(tenure, read._id);
        const open = await ada.membership();
        expect(open.access.state).toBe('open');
        expect(roles(open).roles).toEqual([]);
        ada.simulator.directoryState(ada.directory.id, 'linked');
        await passMargin();
        await reconcile(tenure, ada.listing, ada.directory.id);
        expect(roles(await ada.membership()).wanted).toEqual(['member', 'seller']);
      });

      it('keeps the groups that were told after the return, and lets no older word count any more', async () => {
        const ada = await place();
        ada.simulator.addToGroup(ada.user.id, ada.sales.id);
        const older = ada.simulator.events().at(-1);
        ada.simulator.removeFromGroup(ada.user.id, ada.sales.id);
        ada.miss();
        await comeBack(ada);
        const lab = ada.simulator.group(ada.directory.id, 'Lab');
        ada.simulator.addToGroup(ada.user.id, lab.id);
        await ada.hear();
        await mapGroups(tenure, ada.organizationId, [
          mapped(ada.staff.id, { roles: ['member'] }),
          mapped(ada.sales.id, { roles: ['seller'] }),
          mapped(lab.id, { roles: ['chemist'] }),
        ]);
        await spread(tenure);
        breakIt(ada);
        await ada.read();
        expect(roles(await ada.membership()).wanted).toEqual(['chemist']);
        const late = await tenure.take(older as unknown as EventEnvelope);
        expect(late).toMatchObject({ outcome: 'stale' });
        expect(roles(await ada.membership()).wanted).toEqual(['chemist']);
      });

      it('waits, and counts no leaving, where only a group from before would let them in', async () => {
        const ada = await place({ accessByGroup: true });
        const back = await comeBack(ada);
        breakIt(ada);
        await expect(ada.read()).rejects.toThrow(ListingFailed);
        const waiting = await ada.membership();
        expect(waiting).toMatchObject({ backed: true, generation: 1 });
        expect(waiting.access).toMatchObject({ state: 'closed', reason: 'opening' });
        expect(waiting.readAfresh).toEqual(back.readAfresh);
        ada.simulator.directoryState(ada.directory.id, 'linked');
        await passMargin();
        await ada.read();
        expect((await ada.membership()).readAfresh.done).toBe(back.readAfresh.wanted);
      });

      it('takes nothing from somebody who is in', async () => {
        const ada = await place();
        const { _id } = await ada.membership();
        ada.simulator.update(ada.user.id, { firstName: 'Augusta' });
        await ada.hear();
        await inTransaction(tenure.store, async (tx) => wantFreshRead(tx, _id));
        breakIt(ada);
        await ada.read();
        expect(roles(await ada.membership())).toEqual({ roles: ['member'], wanted: ['member'] });
      });
    },
  );

  it('takes a 404 for a leaving that nothing told, while the directory answers', async () => {
    const ada = await place();
    await comeBack(ada);
    await passMargin();
    ada.simulator.leave(ada.user.id, { inactiveUsers: 'deleted' });
    ada.miss();
    await ada.read();
    expect(await ada.membership()).toMatchObject({ backed: false, generation: 2 });
  });

  it('takes a 404 for nothing when the directory has gone', async () => {
    const ada = await place();
    await comeBack(ada);
    await passMargin();
    const gone: DirectoryListing = {
      ...ada.listing,
      async user(of) {
        ada.simulator.leave(ada.user.id, { inactiveUsers: 'deleted' });
        const answer = await ada.listing.user(of);
        ada.simulator.deleteDirectory(ada.directory.id);
        return answer;
      },
    };
    await ada.read(gone);
    expect(await ada.membership()).toMatchObject({ backed: true, generation: 1 });
  });

  it('is wanted once more by a return that came while it was asked', async () => {
    const ada = await place();
    await comeBack(ada);
    const interrupted: DirectoryListing = {
      ...ada.listing,
      async groupsOfUser(...args) {
        const page = await ada.listing.groupsOfUser(...args);
        await comeBack(ada);
        return page;
      },
    };
    await ada.read({ ...interrupted, marginMs: 0 });
    const { readAfresh } = await ada.membership();
    expect(readAfresh.done).toBeLessThan(readAfresh.wanted);
  });
});

describe('the last look at somebody who left by losing the last group that grants access', () => {
  async function look(ada: Place): Promise<string | undefined> {
    const { _id: membershipId, generation } = await ada.membership();
    const lookup = createDirectoryLookup({
      apiKey: ada.simulator.apiKey,
      apiUrl: `http://127.0.0.1:${ada.simulator.port}`,
      timeoutMs: 2000,
    });
    const deps = depsOf(tenure, { directoryLookup: lookup, directoryListing: ada.listing });
    await createCheckConditions(deps)({ membershipId, generation, nowMs: Date.now() });
    return (await ada.membership()).conditions?.lastLook;
  }

  async function outOfStaff(): Promise<Place> {
    const ada = await place({ accessByGroup: true });
    ada.simulator.removeFromGroup(ada.user.id, ada.staff.id);
    await ada.hear();
    expect(await ada.membership()).toMatchObject({ backed: false, generation: 1 });
    await passMargin();
    return ada;
  }

  it('finds them gone although WorkOS calls them active', async () => {
    const ada = await outOfStaff();
    expect(await look(ada)).toBe('gone');
    expect(await ada.membership()).toMatchObject({ backed: false, generation: 1 });
  });

  it('finds them back if they are in such a group again, though no event told', async () => {
    const ada = await outOfStaff();
    ada.simulator.addToGroup(ada.user.id, ada.sales.id);
    ada.miss();
    expect(await look(ada)).toBe('active');
    expect(await ada.membership()).toMatchObject({ backed: true });
  });

  it('waits while their groups cannot be read', async () => {
    const ada = await outOfStaff();
    ada.simulator.settings.apiFaults.push({ id: 'f', path: '/directory_groups', status: 500 });
    expect(await look(ada)).toBe('uncertain');
  });
});
