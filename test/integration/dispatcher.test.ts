import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';

import type { Membership } from '../../domain/membership.ts';
import type { LifecycleSignals } from '../../platform/temporal/lifecycle-signals.ts';
import { newId } from '../../platform/ids.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { raiseOrganization } from '../../transitions/organization/raise-organization.ts';
import { lateCommitMs, spreadFacts } from '../../transitions/organization/spread-facts.ts';
import { keepAnchor } from '../../workers/anchor-keeper.ts';
import { createDispatcher } from '../../workers/dispatcher.ts';
import { drive, membershipById, membershipOf, spread } from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;
let signalled: string[];
let down: boolean;
let refused: string | null;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

beforeEach(async () => {
  signalled = [];
  down = false;
  refused = null;
  const { memberships, dispatches, organizations, fences } = tenure.store.collections;
  await Promise.all([
    memberships.deleteMany({}),
    dispatches.deleteMany({}),
    organizations.deleteMany({}),
    fences.deleteMany({ _id: 'anchor' }),
  ]);
});

/** Makes it a membership's turn again. */
async function backAgain(_id: string): Promise<void> {
  const nextAt = new Date(Date.now() - 1);
  await tenure.store.collections.dispatches.updateOne({ _id }, { $set: { nextAt } });
}

const signals: LifecycleSignals = {
  async signal({ membershipId }) {
    if (down || membershipId === refused) throw new Error('Temporal does not take it');
    signalled.push(membershipId);
  },
  lookAgain: () => undefined,
};

function dispatcher(joinAdmission = 50) {
  return createDispatcher({
    store: tenure.store,
    signals,
    joinAdmission,
    onSignalled: () => undefined,
  });
}

/** Memberships that wait, cheaply: copies of one that arrived. */
async function waiting(
  count: number,
  organizationId: string,
  changes: Partial<Membership> = {},
): Promise<string[]> {
  const { memberships } = tenure.store.collections;
  let pattern = await memberships.findOne({});
  if (pattern === null) {
    const one = {
      id: workosId('directory_user'),
      organizationId: 'org_pattern',
      directoryId: 'directory_p',
    };
    await tenure.take(userEvent('created', one));
    pattern = await membershipOf(tenure, one.id);
    await drive(tenure, pattern._id);
  }
  const since = Date.now() - 60_000;
  const copies = Array.from({ length: count }, (_, nth) => ({
    ...pattern,
    _id: workosId('membership'),
    userId: workosId('user'),
    organizationId,
    urgent: false,
    revision: 5,
    lookedRevision: 4,
    resting: false,
    pendingSince: new Date(since + nth),
    ...changes,
  }));
  await memberships.insertMany(copies);
  return copies.map(({ _id }) => _id);
}

/** As if the dispatcher had signalled them and their next turn were in an hour. */
async function backingOff(ids: string[], nextMs = 3_600_000): Promise<void> {
  await tenure.store.collections.dispatches.insertMany(
    ids.map((_id) => ({
      _id,
      revision: 5,
      attempts: 9,
      signalledAt: new Date(Date.now() - 60_000),
      nextAt: new Date(Date.now() + nextMs),
    })),
  );
}

describe('the dispatcher', () => {
  it('signals leavers before joins, however long those wait', async () => {
    const joins = await waiting(3, 'org_a');
    const leavers = await waiting(2, 'org_b', { urgent: true });
    await dispatcher().tick();
    expect(signalled.slice(0, 2).toSorted()).toEqual(leavers.toSorted());
    expect(signalled.slice(2).toSorted()).toEqual(joins.toSorted());
  });

  it('leaves what has just become urgent to the API for a second', async () => {
    await waiting(1, 'org_a', { urgent: true, pendingSince: new Date() });
    await dispatcher().tick();
    expect(signalled).toEqual([]);
  });

  it('signals nobody who is looked at', async () => {
    await waiting(1, 'org_a');
    await tenure.store.collections.memberships.updateMany({}, { $unset: { pendingSince: '' } });
    await dispatcher().tick();
    expect(signalled).toEqual([]);
  });

  it('signals a membership once a second at most, also a newer revision of it', async () => {
    const [id] = await waiting(1, 'org_a', { urgent: true });
    const one = dispatcher();
    await one.tick();
    await one.tick();
    await tenure.store.collections.memberships.updateOne({ _id: id! }, { $inc: { revision: 1 } });
    await one.tick();
    expect(signalled).toEqual([id]);
    await tenure.store.collections.dispatches.updateOne(
      { _id: id! },
      { $set: { signalledAt: new Date(Date.now() - 1001) } },
    );
    await one.tick();
    expect(signalled).toEqual([id, id]);
  });

  it('repeats one revision with pauses that double up to five minutes', async () => {
    const [id] = await waiting(1, 'org_a', { urgent: true });
    const { dispatches } = tenure.store.collections;
    const pauses: number[] = [];
    for (let nth = 0; nth < 11; nth += 1) {
      await dispatcher().tick();
      const sent = await dispatches.findOne({ _id: id! });
      pauses.push(Math.round((sent!.nextAt.getTime() - sent!.signalledAt.getTime()) / 1000));
      await dispatches.updateOne({ _id: id! }, { $set: { nextAt: new Date(0) } });
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    expect(signalled).toHaveLength(11);
  });

  it('is not done with a round that found somebody, and is with one whose people wait for their turn', async () => {
    await waiting(1, 'org_a', { urgent: true });
    const one = dispatcher();
    expect(await one.tick()).toBe(true);
    expect(await one.tick()).toBe(false);
  });

  it('shares the room for joins between organizations', async () => {
    const large = await waiting(300, 'org_a');
    const small = await waiting(2, 'org_b');
    await dispatcher(10).tick();
    expect(signalled).toHaveLength(7);
    expect(signalled.filter((id) => large.includes(id))).toHaveLength(5);
    expect(signalled.filter((id) => small.includes(id))).toHaveLength(2);
  });

  it('comes round to every organization where there are more than it has room for', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await waiting(20, `org_${name}`);
    const one = dispatcher(2);
    const served = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      signalled = [];
      await one.tick();
      expect(signalled).toHaveLength(2);
      for (const id of signalled) {
        served.add((await membershipById(tenure, id)).organizationId);
        await tenure.store.collections.memberships.updateOne(
          { _id: id },
          { $set: { lookedRevision: 5 }, $unset: { pendingSince: '' } },
        );
      }
    }
    expect([...served].toSorted()).toEqual(['org_a', 'org_b', 'org_c', 'org_d', 'org_e']);
  });

  it('holds joins back once its room is full, and goes on when they are looked at', async () => {
    const joins = await waiting(5, 'org_a');
    const one = dispatcher(3);
    await one.tick();
    await one.tick();
    expect(signalled).toEqual(joins.slice(0, 3));
    await tenure.store.collections.memberships.updateOne(
      { _id: joins[0]! },
      { $set: { lookedRevision: 5 }, $unset: { pendingSince: '' } },
    );
    await one.tick();
    expect(signalled).toEqual(joins.slice(0, 4));
  });

  it('passes over hundreds that nobody can look at', async () => {
    await backingOff(await waiting(250, 'org_a', { urgent: true }));
    await backingOff(await waiting(60, 'org_b'));
    const [leaver] = await waiting(1, 'org_z', {
      urgent: true,
      pendingSince: new Date(Date.now() - 5000),
    });
    const [join] = await waiting(1, 'org_b', { pendingSince: new Date(Date.now() - 5000) });
    await dispatcher().tick();
    expect(signalled).toEqual([leaver, join]);
  });

  it('lets nobody wait behind one whom Temporal refuses, and gives that one another turn', async () => {
    const leavers = await waiting(30, 'org_a', { urgent: true });
    const joins = await waiting(2, 'org_b');
    refused = leavers[0]!;
    await dispatcher().tick();
    expect(signalled.toSorted()).toEqual([...leavers.slice(1), ...joins].toSorted());
    signalled = [];
    const [late] = await waiting(1, 'org_b');
    await backAgain(refused);
    await dispatcher().tick();
    expect(signalled).toEqual([late]);
    await backAgain(refused);
    refused = null;
    await dispatcher().tick();
    expect(signalled).toEqual([late, leavers[0]]);
  });

  it('signals a change that follows a look at once, also while its join still counts', async () => {
    const [join] = await waiting(1, 'org_a');
    const { tick } = dispatcher(4);
    await tick();
    const { memberships, dispatches } = tenure.store.collections;
    await memberships.updateOne({ _id: join! }, { $set: { lookedRevision: 5, revision: 6 } });
    await dispatches.updateOne({ _id: join! }, { $set: { signalledAt: new Date(0) } });
    signalled = [];
    await tick();
    expect(signalled).toEqual([join]);
  });

  it('loses nothing while Temporal is down', async () => {
    const leavers = await waiting(30, 'org_a', { urgent: true });
    down = true;
    expect(await dispatcher().tick()).toBe(false);
    expect(await tenure.store.collections.dispatches.countDocuments()).toBe(0);
    down = false;
    await dispatcher().tick();
    expect(signalled.toSorted()).toEqual(leavers.toSorted());
  });
});

describe('a fact about a whole organization', () => {
  it('reaches every membership of it in batches, each once, and no other organization', async () => {
    const here = await waiting(1_200, 'org_a', { resting: true });
    const [elsewhere] = await waiting(1, 'org_b');
    const [forgotten] = await waiting(1, 'org_a', { phase: 'anonymized' });
    await inTransaction(tenure.store, async (tx) => raiseOrganization(tx, 'org_a'));
    // Longer ago than any transaction may last, which could still bring somebody unjudged.
    await tenure.store.collections.organizations.updateOne(
      { _id: 'org_a' },
      { $set: { revisedAt: new Date(Date.now() - lateCommitMs) } },
    );
    expect(await spread(tenure)).toBe(6);
    const { memberships, organizations } = tenure.store.collections;
    expect(
      await memberships.countDocuments({ _id: { $in: here }, revision: 6, resting: false }),
    ).toBe(1_200);
    expect((await membershipById(tenure, elsewhere!)).revision).toBe(5);
    expect((await membershipById(tenure, forgotten!)).revision).toBe(5);
    const organization = await organizations.findOne({ _id: 'org_a' });
    expect(organization?.spreadRevision).toBe(organization?.revision);
    expect(organization).not.toHaveProperty('spreading');
  });

  it('is spread for as long as somebody may come by the facts from before it, by clocks that differ', async () => {
    await waiting(1, 'org_a', { resting: true });
    await inTransaction(tenure.store, async (tx) => raiseOrganization(tx, 'org_a'));
    const { organizations } = tenure.store.collections;
    const isSpreading = async (): Promise<boolean> =>
      (await organizations.findOne({ _id: 'org_a' }))?.spreading === true;
    // The change took ten seconds to commit, somebody's joining ten more, and a clock is nine seconds off.
    const changed = (agoMs: number) => ({ $set: { revisedAt: new Date(Date.now() - agoMs) } });
    await organizations.updateOne({ _id: 'org_a' }, changed(29_000));
    await spread(tenure);
    expect(await isSpreading()).toBe(true);
    const [late] = await waiting(1, 'org_a', { resting: true });
    await spread(tenure);
    expect((await membershipById(tenure, late!)).revision).toBe(6);
    await organizations.updateOne({ _id: 'org_a' }, changed(lateCommitMs));
    await spread(tenure);
    expect(await isSpreading()).toBe(false);
  });

  it('begins anew where the fact changes again in between, and goes on where another process stopped', async () => {
    const here = await waiting(600, 'org_a');
    await inTransaction(tenure.store, async (tx) => raiseOrganization(tx, 'org_a'));
    await spreadFacts(tenure.store, { file: tenure.file, newUserId: () => newId('user') });
    await inTransaction(tenure.store, async (tx) => raiseOrganization(tx, 'org_a'));
    await spread(tenure);
    const { memberships } = tenure.store.collections;
    expect(await memberships.countDocuments({ _id: { $in: here }, revision: { $gte: 6 } })).toBe(
      600,
    );
    expect(await memberships.countDocuments({ _id: { $in: here }, revision: 7 })).toBe(200);
  });
});

describe('the loss of the memory of Temporal', () => {
  /** A Temporal that remembers the anchor, or nothing. */
  function temporal() {
    const remembered: { epoch?: string } = {};
    const client = {
      workflow: {
        getHandle: () => ({
          async describe() {
            if (remembered.epoch === undefined)
              throw new WorkflowNotFoundError('gone', 'anchor', undefined);
            return { memo: { epoch: remembered.epoch }, status: { name: 'RUNNING' } };
          },
        }),
        start: jest.fn(async (_type: string, options: { memo: { epoch: string } }) => {
          remembered.epoch = options.memo.epoch;
        }),
      },
    };
    return { remembered, client: client as unknown as Client };
  }

  it('raises exactly those whose run should be open, once', async () => {
    const { remembered, client } = temporal();
    await keepAnchor(tenure.store, client, 'test');
    expect(await keepAnchor(tenure.store, client, 'test')).toBeNull();
    const looked = { lookedRevision: 5, resting: false };
    const cooling = await waiting(3, 'org_a', { ...looked, phase: 'coolingOff' });
    const resting = await waiting(2, 'org_a', { ...looked, resting: true });
    const all = { _id: { $in: [...cooling, ...resting] } };
    await tenure.store.collections.memberships.updateMany(all, { $unset: { pendingSince: '' } });

    delete remembered.epoch;
    expect(await keepAnchor(tenure.store, client, 'test')).toBe(3);
    for (const id of cooling) {
      const raised = await membershipById(tenure, id);
      expect(raised).toMatchObject({ revision: 6, lookedRevision: 5 });
      expect(raised.pendingSince).toBeDefined();
    }
    for (const id of resting) {
      const still = await membershipById(tenure, id);
      expect(still.revision).toBe(5);
      expect(still).not.toHaveProperty('pendingSince');
    }
    expect(await keepAnchor(tenure.store, client, 'test')).toBeNull();
  });

  it('is noticed by another epoch too, as after a restored backup', async () => {
    const { remembered, client } = temporal();
    await keepAnchor(tenure.store, client, 'test');
    await waiting(1, 'org_a');
    remembered.epoch = 'of an earlier time';
    expect(await keepAnchor(tenure.store, client, 'test')).toBe(1);
  });

  it('is not concluded from a Temporal that does not answer', async () => {
    const { client } = temporal();
    const silent = {
      workflow: {
        getHandle: () => ({ describe: async () => Promise.reject(new Error('unavailable')) }),
      },
    } as unknown as Client;
    await keepAnchor(tenure.store, client, 'test');
    const [id] = await waiting(1, 'org_a');
    await expect(keepAnchor(tenure.store, silent, 'test')).rejects.toThrow('unavailable');
    expect((await membershipById(tenure, id!)).revision).toBe(5);
  });
});
