import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { cancelDeletion } from '../../transitions/commands/cancel-deletion.ts';
import { approveGuard, rejectGuard } from '../../transitions/guards/decide-guard.ts';
import { extendCoolingOff } from '../../transitions/commands/extend-cooling-off.ts';
import { placeHold } from '../../transitions/holds/place-hold.ts';
import { reactivateMembership } from '../../transitions/commands/reactivate-membership.ts';
import { resumeDeletion } from '../../transitions/commands/resume-deletion.ts';
import { spreadGuards } from '../../transitions/guards/spread-guards.ts';
import { withdrawEmptyGuards } from '../../transitions/guards/withdraw-guards.ts';
import { drive, membershipOf, spread } from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { GuardedDirectory, type Guarded } from '../support/guarded.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Later than any due time here. */
const muchLater = (): number => Date.now() + 400 * dayMs;

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

const approve = async (guardId: string, reason: string | null = null) =>
  approveGuard(tenure.store, { guardId, by: 'admin:ada', reason, admins: 1 });
const reject = async (guardId: string, reason: string | null = null) =>
  rejectGuard(tenure.store, { guardId, by: 'admin:ada', reason });
const byAda = ({ membershipId }: Guarded) => ({ membershipId, actor: 'admin:ada', reason: null });

/** A directory of which four have left and wait. */
async function massLeaving(policy = {}) {
  const directory = await GuardedDirectory.open(tenure, {}, policy);
  const people = await directory.people(5);
  const leavers = people.slice(0, 4);
  await directory.leaveAndCount(leavers);
  return {
    directory,
    leavers,
    first: leavers[0]!,
    stayer: people[4]!,
    guard: await directory.guard(),
  };
}

describe('the guard against mass changes', () => {
  it('lets as many pass as the policy allows', async () => {
    const directory = await GuardedDirectory.open(tenure);
    const leavers = await directory.people(3);
    await directory.leaveAndCount(leavers);
    expect(await directory.states(leavers)).toEqual(['passed', 'passed', 'passed']);
    expect(await directory.guards()).toEqual([]);
    expect((await directory.look(leavers[0]!)).phase).toBe('coolingOff');
  });

  it('holds up everybody of the window once there is one more, also who had passed', async () => {
    const directory = await GuardedDirectory.open(tenure);
    const leavers = await directory.people(5);
    await directory.leaveAndCount(leavers.slice(0, 3));
    for (const one of leavers.slice(0, 3)) await directory.look(one);
    await directory.leaveAndCount(leavers.slice(3));
    expect(await directory.states(leavers)).toEqual(Array(5).fill('waits'));
    const guard = await directory.guard();
    expect(guard).toMatchObject({
      kind: 'mass',
      directoryId: directory.directoryId,
      state: 'open',
    });
    for (const one of leavers) {
      const { access, revokedClosings, closings } = await directory.membership(one);
      expect({ state: access.state, revoked: revokedClosings === closings }).toEqual({
        state: 'closed',
        revoked: true,
      });
      expect(await directory.look(one, muchLater())).toMatchObject({
        step: { do: 'rest' },
        phase: 'blocked',
        blockedBy: [{ code: 'guard', detail: guard._id }],
      });
    }
    const { notices } = tenure.store.collections;
    expect(await notices.countDocuments({ code: 'guardOpened', subjectId: guard._id })).toBe(1);
  });

  it('goes by the percentage where that is more, whoever left within the window among the people', async () => {
    const directory = await GuardedDirectory.open(tenure, { maxUsers: 1, maxPercent: 50 });
    const people = await directory.people(6);
    await directory.leaveAndCount(people.slice(0, 3));
    expect(await directory.states(people.slice(0, 3))).toEqual(['passed', 'passed', 'passed']);
    await directory.leaveAndCount(people.slice(3, 4));
    expect(await directory.states(people.slice(0, 4))).toEqual(Array(4).fill('waits'));
  });

  it('counts who leaves one of several directories as one of the people of that directory', async () => {
    const directory = await GuardedDirectory.open(tenure, { maxUsers: 20 });
    const { organizationId } = directory;
    // Known to the HRIS as well, half of them: its id comes first, and it let them go before.
    const hris = `directory_00${organizationId}`;
    const people: Guarded[] = [];
    const linked: string[] = [];
    for (let nth = 0; nth < 25; nth += 1) {
      const id = workosId('directory_user');
      const email = `${id.toLowerCase()}@example.com`;
      const inIdp = { id, organizationId, directoryId: directory.directoryId, email };
      await tenure.take(userEvent('created', inIdp));
      const { _id: membershipId } = await membershipOf(tenure, id);
      await drive(tenure, membershipId);
      if (nth < 12) {
        const inHris = { ...inIdp, id: workosId('directory_user'), directoryId: hris };
        await tenure.take(userEvent('created', inHris));
        linked.push((await membershipOf(tenure, inHris.id))._id);
        await tenure.take(userEvent('deleted', inHris));
      }
      people.push({ ...inIdp, membershipId });
    }
    expect(hris < directory.directoryId).toBe(true);
    expect(linked).toEqual(people.slice(0, 12).map(({ membershipId }) => membershipId));
    await directory.leaveAndCount(people);
    expect(await directory.guard()).toMatchObject({
      kind: 'mass',
      directoryId: directory.directoryId,
    });
    expect(await directory.states(people)).toEqual(Array(25).fill('waits'));
  }, 60_000);

  it('leaves alone who left before the window, and who leaves after it', async () => {
    const directory = await GuardedDirectory.open(tenure);
    const people = await directory.people(7);
    const now = Date.now();
    const [early, late] = [people[0]!, people[6]!];
    const mass = people.slice(1, 6);
    await directory.leave([early], new Date(now - 2 * hourMs));
    await directory.leave(mass, new Date(now));
    await directory.leave([late], new Date(now + hourMs + 1));
    await directory.count([early, ...mass, late]);
    await directory.spread();
    expect(await directory.states([early, ...mass, late])).toEqual([
      'passed',
      ...Array(5).fill('waits'),
      'passed',
    ]);
  });

  it('holds up who leaves later within the window of an open one, at the same guard', async () => {
    const { directory, stayer, guard } = await massLeaving();
    await directory.leave([stayer], new Date(Date.now() + hourMs / 2));
    await directory.count([stayer]);
    expect((await directory.membership(stayer)).guard).toMatchObject({
      id: guard._id,
      state: 'waits',
    });
    expect((await directory.guard()).window?.until.getTime()).toBeGreaterThan(Date.now());
  });

  it('gathers nobody whose leaving was undone, and comes to its end all the same', async () => {
    const directory = await GuardedDirectory.open(tenure);
    const [undone, ...leavers] = await directory.people(5);
    await directory.leaveAndCount([undone!]);
    // As where the link of the directory user that left is undone, and nobody else lets the person in.
    await tenure.store.collections.memberships.updateOne({ _id: undone!.membershipId }, [
      { $set: { readmitted: '$generation' } },
    ]);
    await directory.leave(leavers);
    await directory.count(leavers);
    const { revision } = await directory.membership(undone!);
    let rounds = 0;
    while ((await spreadGuards(tenure.store, tenure)) && rounds < 20) rounds += 1;
    expect(rounds).toBeLessThan(20);
    expect((await directory.membership(undone!)).revision).toBe(revision);
    expect(await directory.states(leavers)).toEqual(['waits', 'waits', 'waits', 'waits']);
  });

  it('minds one directory at a time', async () => {
    const one = await GuardedDirectory.open(tenure);
    const other = await GuardedDirectory.open(tenure);
    const leavers = await one.people(2);
    const others = await other.people(2);
    await one.leaveAndCount(leavers);
    await other.leaveAndCount(others);
    expect(await one.states(leavers)).toEqual(['passed', 'passed']);
    expect(await other.states(others)).toEqual(['passed', 'passed']);
  });

  it('counts afresh after a decision: who leaves next is one of few', async () => {
    const { directory, stayer, guard } = await massLeaving();
    await approve(guard._id);
    await directory.leaveAndCount([stayer]);
    expect(await directory.states([stayer])).toEqual(['passed']);
  });
});

describe('an approval', () => {
  it('lets everybody go on, not due before the days of grace, and is written on each', async () => {
    const { directory, leavers, guard } = await massLeaving({ coolingOffDays: 30 });
    const { memberships } = tenure.store.collections;
    const ids = leavers.map(({ membershipId }) => membershipId);
    // As if it had waited for a month: by now everybody would be due.
    await memberships.updateMany({ _id: { $in: ids } }, { $set: { dueAt: new Date() } });
    const approved = await approve(guard._id, 'the subsidiary was sold');
    expect(approved).toMatchObject({ state: 'approved', decidedBy: 'admin:ada' });
    await directory.spread();
    for (const one of leavers) {
      const { dueAt, guard: fact, phase, blockedBy } = await directory.membership(one);
      expect(dueAt?.getTime()).toBe((approved.decidedAt?.getTime() ?? 0) + 7 * dayMs);
      expect({ state: fact?.state, phase, blockedBy }).toEqual({
        state: 'approved',
        phase: 'coolingOff',
        blockedBy: [],
      });
      const [last] = (await directory.timeline(one, 'phase')).toReversed();
      expect(last?.detail).toEqual({ phase: 'coolingOff' });
      const lines = await directory.timeline(one, 'guardApproved');
      expect(lines).toMatchObject([{ actor: 'admin:ada', reasonId: approved.reasonId }]);
    }
    const { reasons } = tenure.store.collections;
    const reason = await reasons.findOne({ _id: approved.reasonId ?? '' });
    expect(reason?.text).toBe('the subsidiary was sold');
    expect((await directory.look(leavers[0]!, muchLater())).step.do).toBe('rest');
    expect((await directory.membership(leavers[0]!)).outcome).toBe('anonymized');
  });

  it('makes nothing due sooner than it was', async () => {
    const { directory, first, guard } = await massLeaving();
    const until = new Date(Date.now() + 80 * dayMs);
    await extendCoolingOff(tenure.store, { ...byAda(first), until });
    await approve(guard._id);
    await directory.spread();
    expect((await directory.membership(first)).dueAt).toEqual(until);
  });

  it('needs no grace in a sandbox', async () => {
    const { directory, first, guard } = await massLeaving({
      sandbox: true,
      sandboxCoolingOffSeconds: 1,
    });
    await approve(guard._id);
    await directory.spread();
    await directory.look(first, Date.now() + 5000);
    expect((await directory.membership(first)).outcome).toBe('anonymized');
  });

  it('leaves alone who came back meanwhile, and their next leaving is another one', async () => {
    const { directory, leavers, first, guard } = await massLeaving();
    await directory.return(first);
    await directory.look(first);
    await approve(guard._id);
    await directory.spread();
    const back = await directory.membership(first);
    expect(back).toMatchObject({ guard: null, dueAt: null, access: { state: 'open' } });
    expect(await directory.timeline(first, 'guardApproved')).toEqual([]);
    expect(await directory.states(leavers.slice(1))).toEqual(Array(3).fill('approved'));
    await directory.leaveAndCount([first]);
    expect((await directory.membership(first)).guard).toMatchObject({
      generation: 2,
      state: 'passed',
    });
  });

  it('does not take back an admin’s word on one person', async () => {
    const { directory, leavers, guard } = await massLeaving();
    const [kept, held] = [leavers[0]!, leavers[1]!];
    const cancelled = await cancelDeletion(tenure.store, byAda(kept));
    expect(cancelled).toMatchObject({ phase: 'blocked', blockedBy: [{ code: 'guard' }] });
    const { userId } = await directory.membership(held);
    const scope = { userId };
    const hold = await placeHold(tenure.store, {
      scope,
      kind: 'legal',
      reason: null,
      by: 'admin:ada',
    });
    await approve(guard._id);
    await directory.spread();
    expect((await directory.membership(kept)).phase).toBe('retained');
    expect(await directory.look(kept, muchLater())).toMatchObject({ phase: 'retained' });
    expect(await directory.look(held, muchLater())).toMatchObject({
      phase: 'blocked',
      blockedBy: [{ code: 'hold', detail: hold._id }],
    });
  });
});

describe('while a guard waits', () => {
  it('nobody can be let in whom the directory has as gone', async () => {
    const { first } = await massLeaving();
    await expect(reactivateMembership(tenure.store, byAda(first))).rejects.toMatchObject({
      code: 'directoryInactive',
    });
  });

  it('who comes back is let in by that alone', async () => {
    const { directory, first } = await massLeaving();
    await directory.return(first);
    await directory.look(first);
    expect((await directory.membership(first)).access.state).toBe('open');
  });

  it('there is nothing to decide once everybody came back', async () => {
    const { directory, leavers, guard } = await massLeaving();
    for (const one of leavers) await directory.return(one);
    await directory.letTimePass();
    await directory.spread();
    await withdrawEmptyGuards(tenure.store);
    expect((await directory.guard()).state).toBe('withdrawn');
    await expect(approve(guard._id)).rejects.toMatchObject({ code: 'guardDecided' });
  });
});

describe('a rejection', () => {
  it('keeps everybody whom the directory does not bring back, without a countdown', async () => {
    const { directory, leavers, first, guard } = await massLeaving();
    const rejected = await reject(guard._id, 'a wrong filter in Okta');
    await directory.spread();
    for (const one of leavers) {
      expect(await directory.look(one, muchLater())).toMatchObject({
        step: { do: 'rest' },
        phase: 'retained',
      });
      const { access, retained } = await directory.membership(one);
      expect({ state: access.state, retained }).toMatchObject({
        state: 'closed',
        retained: { by: 'admin:ada', reasonId: rejected.reasonId },
      });
      expect(await directory.timeline(one, 'guardRejected')).toHaveLength(1);
    }
    await resumeDeletion(tenure.store, byAda(first));
    await directory.look(first, muchLater());
    expect((await directory.membership(first)).outcome).toBe('anonymized');
  });

  it('asks the directory whom it still knows, and lets those in', async () => {
    const { directory, leavers, first, guard } = await massLeaving();
    await reject(guard._id);
    const { directories } = tenure.store.collections;
    const asked = await directories.findOne({ _id: directory.directoryId });
    expect(asked?.reconcileWantedAt).toBeInstanceOf(Date);
    await directory.return(first);
    await directory.spread();
    await directory.look(first);
    expect((await directory.membership(first)).access.state).toBe('open');
    expect(await directory.states(leavers.slice(1))).toEqual(Array(3).fill('rejected'));
  });

  it('undoes the leaving of whom the directory brings back soon, manual roles included', async () => {
    const { directory, leavers, guard } = await massLeaving();
    const [soon, late] = [leavers[0]!, leavers[1]!];
    const { memberships } = tenure.store.collections;
    const ids = [soon.membershipId, late.membershipId];
    await memberships.updateMany({ _id: { $in: ids } }, { $set: { suspendedRoles: ['billing'] } });
    await reject(guard._id);
    await directory.spread();
    const longAgo = new Date(Date.now() - 8 * dayMs);
    await memberships.updateOne({ _id: late.membershipId }, { $set: { 'retained.at': longAgo } });
    for (const one of [soon, late]) {
      await directory.return(one);
      await directory.look(one);
    }
    const manual = [{ role: 'billing', source: 'manual' }];
    expect(await directory.membership(soon)).toMatchObject({ roles: manual, suspendedRoles: [] });
    expect(await directory.membership(late)).toMatchObject({
      roles: [],
      suspendedRoles: ['billing'],
    });
  });

  it('is told of as a whole: where everybody stood before it, and since', async () => {
    const { directory, leavers, first, guard } = await massLeaving();
    await reject(guard._id);
    await directory.spread();
    for (const one of leavers) await directory.look(one);
    const { timeline } = tenure.store.collections;
    const lines = await timeline
      .find({ membershipId: first.membershipId, type: { $in: [/^guard/, 'phase'] } })
      .sort({ revision: 1, _id: 1 })
      .toArray();
    expect(lines.slice(-4).map(({ type, detail }) => [type, detail['phase']])).toEqual([
      ['guardWaits', undefined],
      ['phase', 'blocked'],
      ['guardRejected', undefined],
      ['phase', 'retained'],
    ]);
  });

  it('cannot follow a decision', async () => {
    const { guard } = await massLeaving();
    await approve(guard._id);
    await expect(reject(guard._id)).rejects.toMatchObject({ code: 'guardDecided' });
    await expect(approve(guard._id)).rejects.toMatchObject({ code: 'guardDecided' });
    await expect(reject('guard_x')).rejects.toMatchObject({ code: 'notFound' });
  });
});

describe('four eyes', () => {
  const word = (guardId: string, by: string) => ({ guardId, by, reason: null, admins: 2 });

  it('are needed to approve where two admins exist, and one admin has two only', async () => {
    const { directory, leavers, guard } = await massLeaving();
    const first = await approveGuard(tenure.store, word(guard._id, 'admin:ada'));
    expect(first).toMatchObject({ state: 'open', approvals: [{ by: 'admin:ada' }] });
    await directory.spread();
    expect(await directory.states(leavers)).toEqual(Array(4).fill('waits'));
    await expect(approveGuard(tenure.store, word(guard._id, 'admin:ada'))).rejects.toMatchObject({
      code: 'secondAdminNeeded',
    });
    const second = await approveGuard(tenure.store, word(guard._id, 'admin:bob'));
    expect(second).toMatchObject({ state: 'approved', decidedBy: 'admin:bob' });
  });

  it('are not needed to reject, also after one approval', async () => {
    const { guard } = await massLeaving();
    await approveGuard(tenure.store, word(guard._id, 'admin:ada'));
    const { by, guardId, reason } = word(guard._id, 'admin:bob');
    expect(await rejectGuard(tenure.store, { by, guardId, reason })).toMatchObject({
      state: 'rejected',
    });
  });

  it('are two different ones also when one admin approves twice at the same moment', async () => {
    const { guard } = await massLeaving();
    const twice = await Promise.allSettled([
      approveGuard(tenure.store, word(guard._id, 'admin:ada')),
      approveGuard(tenure.store, word(guard._id, 'admin:ada')),
    ]);
    expect(twice.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect((await tenure.store.collections.guards.findOne({ _id: guard._id }))?.state).toBe('open');
  });
});

describe('a change of configuration', () => {
  const leaving = { leavingAttributes: [{ attribute: 'status', values: ['terminated'] }] };

  /** One whom the new policy calls a leaver, and one whom it does not. */
  async function changed() {
    const directory = await GuardedDirectory.open(tenure);
    const [gone] = await directory.people(1);
    const [stays] = await directory.people(1);
    await terminate(gone!);
    await directory.putPolicy({ coolingOffDays: 30, ...leaving });
    await spread(tenure);
    await directory.spread();
    return { directory, gone: gone!, stays: stays! };
  }

  /** The directory calls them terminated, which by now means nothing. */
  async function terminate(person: Guarded): Promise<void> {
    await tenure.take(
      userEvent('updated', { ...person, customAttributes: { status: 'terminated' } }),
    );
  }

  it('holds up every ending that it causes, however few', async () => {
    const { directory, gone, stays } = await changed();
    const guard = await directory.guard();
    expect(guard).toMatchObject({ kind: 'configuration', state: 'open', shown: true });
    const { access, guard: fact } = await directory.membership(gone);
    expect({ state: access.state, fact }).toMatchObject({
      state: 'closed',
      fact: { state: 'waits', id: guard._id },
    });
    expect((await directory.look(gone, muchLater())).phase).toBe('blocked');
    expect((await directory.membership(stays)).access.state).toBe('open');
    const { notices } = tenure.store.collections;
    expect(await notices.countDocuments({ code: 'guardOpened', subjectId: guard._id })).toBe(1);
  });

  it('stands on the timelines of those whom it ends, with who made it', async () => {
    const { directory, gone } = await changed();
    const { _id: guardId, changedBy } = await directory.guard();
    expect(changedBy).toBe('admin:ada');
    expect(await directory.timeline(gone, 'left')).toMatchObject([
      { actor: 'configuration', detail: { guardId, changedBy: 'admin:ada' } },
    ]);
    await rejectGuard(tenure.store, { guardId, by: 'admin:bob', reason: null });
    await directory.spread();
    expect(await directory.timeline(gone, 'returned')).toMatchObject([
      { actor: 'configuration', detail: { changedBy: 'admin:bob' } },
    ]);
  });

  it('is written back by a rejection, which lets everybody in again', async () => {
    const { directory, gone } = await changed();
    expect((await directory.membership(gone)).access.state).toBe('closed');
    const guard = await directory.guard();
    await reject(guard._id);
    const { organizations } = tenure.store.collections;
    const organization = await organizations.findOne({ _id: directory.organizationId });
    expect(organization?.policy?.leavingAttributes).toEqual([]);
    await directory.spread();
    await directory.look(gone);
    expect((await directory.membership(gone)).access.state).toBe('open');
  });

  it('stands after an approval', async () => {
    const { directory, gone } = await changed();
    await approve((await directory.guard())._id);
    await directory.spread();
    await directory.look(gone, muchLater());
    expect((await directory.membership(gone)).outcome).toBe('anonymized');
  });

  it('that ends nobody’s access is no guard to anybody', async () => {
    const directory = await GuardedDirectory.open(tenure);
    await directory.people(1);
    await directory.putPolicy({ coolingOffDays: 45 });
    expect(await directory.guards()).toEqual([]);
    await directory.putPolicy(leaving);
    expect(await directory.guards()).toMatchObject([{ shown: false }]);
    await spread(tenure);
    await directory.letTimePass();
    await spread(tenure);
    await directory.spread();
    expect(await directory.guards()).toEqual([]);
    const { organizations } = tenure.store.collections;
    const organization = await organizations.findOne({ _id: directory.organizationId });
    expect(organization?.guardId).toBeNull();
  });

  it('is undone in the order it was made: never what an admin has set since', async () => {
    const { directory } = await changed();
    const [first] = await directory.guards();
    await directory.putPolicy({ coolingOffDays: 30, ...leaving, suspendedCountsAsLeaving: false });
    await expect(reject(first!._id)).rejects.toMatchObject({ code: 'changedSince' });
    const second = (await directory.guards()).find(({ _id }) => _id !== first!._id)!;
    await reject(second._id);
    await reject(first!._id);
    const { organizations } = tenure.store.collections;
    const organization = await organizations.findOne({ _id: directory.organizationId });
    expect(organization?.policy).toMatchObject({
      leavingAttributes: [],
      suspendedCountsAsLeaving: true,
    });
  });

  it('is nobody’s mass: who leaves beside it passes', async () => {
    const directory = await GuardedDirectory.open(tenure);
    const people = await directory.people(5);
    for (const one of people.slice(0, 4)) await terminate(one);
    await directory.putPolicy({
      ...leaving,
      guard: { maxUsers: 3, maxPercent: 0, windowMinutes: 60, graceDays: 7 },
    });
    await spread(tenure);
    await directory.leaveAndCount([people[4]!]);
    expect(await directory.states(people)).toEqual([...Array(4).fill('waits'), 'passed']);
  });
});
