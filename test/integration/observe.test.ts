import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { createActivities, type Activities } from '../../activities/index.ts';
import { createObservingHost } from '../../connectors/observing-host.ts';
import type { Membership } from '../../domain/membership.ts';
import { newId } from '../../platform/ids.ts';
import { recordOnlyObserved } from '../../transitions/lifecycle/record-only-observed.ts';
import { goLive } from '../../transitions/organization/go-live.ts';
import {
  afterCoolingOff,
  drive,
  membershipById,
  membershipOf,
  sandbox,
} from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { poisoned } from '../support/fences.ts';
import { activityAlone, quietTemporal } from '../support/quiet-temporal.ts';
import { openTenure, scriptedLookup, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;
/** As an observing worker runs them. */
let observing: Activities;

beforeAll(async () => {
  quietTemporal();
  tenure = await openTenure();
  observing = createActivities(
    {
      store: tenure.store,
      file: tenure.file,
      host: createObservingHost(tenure.host),
      directoryLookup: scriptedLookup(),
      directoryListing: null,
      polling: null,
      revocation: { readBackPauseMs: 1, giveUpAfterMs: 1000 },
      newUserId: () => newId('user'),
      maxPauseMs: 1000,
      guardSettleMs: 0,
      onVerifiedEmpty: () => undefined,
    },
    () => undefined,
  );
}, 60_000);

afterAll(async () => tenure.close());

async function inWorker<A, R>(activity: (input: A) => Promise<R>, input: A): Promise<R> {
  return activityAlone().run(activity, input);
}

async function newcomer() {
  const organizationId = workosId('org');
  await sandbox(tenure, organizationId);
  const person = {
    id: workosId('directory_user'),
    organizationId,
    directoryId: workosId('directory'),
  };
  await tenure.take(userEvent('created', person));
  const { _id } = await membershipOf(tenure, person.id);
  await drive(tenure, _id);
  return { person, membershipId: _id };
}

async function leaver(): Promise<{ membership: Membership; person: { id: string } }> {
  const { person, membershipId } = await newcomer();
  await tenure.take(userEvent('deleted', person));
  return { membership: await membershipById(tenure, membershipId), person };
}

describe('somebody who left while Tenure was live', () => {
  it('is not anonymized once it only observes, not even at the very commit', async () => {
    const { membership } = await leaver();
    const membershipId = membership._id;
    const nowMs = afterCoolingOff();
    // A live worker looked at everything; the worker that comes to commit observes.
    const { step, revision, generation } = await drive(tenure, membershipId, {
      nowMs,
      stopAt: 'commit',
    });
    expect(step.do).toBe('commit');
    const seen = await observing.commit({ membershipId, revision, generation, nowMs });
    expect(seen).toMatchObject({ phase: 'blocked', blockedBy: [{ code: 'observing' }] });
    expect(await membershipById(tenure, membershipId)).toMatchObject({
      erasure: null,
      observed: { anonymization: expect.any(Date) },
    });
    // A live worker that still runs beside it does not either.
    expect((await drive(tenure, membershipId, { nowMs })).phase).toBe('blocked');
  });

  it('is given back later what was taken in earnest, should they return meanwhile', async () => {
    const { membership } = await leaver();
    const membershipId = membership._id;
    const moves = tenure.store.collections.ownershipMoves;
    const move = {
      membershipId,
      generation: 1,
      kind: 'project',
      fromOwner: membership.userId,
      toOwner: 'user_boss',
      at: new Date(),
    };
    await moves.insertMany([
      { ...move, _id: `${membershipId}/1/project/"p1"`, resourceId: '"p1"' },
      { ...move, _id: `${membershipId}/1/project/"p2"`, resourceId: '"p2"', observed: true },
    ]);
    await tenure.store.collections.memberships.updateOne(
      { _id: membershipId },
      { $set: { giveBack: true, backed: true } },
    );
    await inWorker(observing.returnOwnership, { membershipId, nowMs: Date.now() });
    expect(await membershipById(tenure, membershipId)).toMatchObject({ giveBack: false });
    while (await goLive(tenure.store, tenure.file));
    const live = await membershipById(tenure, membershipId);
    expect(live).toMatchObject({ giveBack: true });
    expect(live).not.toHaveProperty('observed');
    expect(
      (await moves.find({ membershipId }).toArray()).map(({ resourceId }) => resourceId),
    ).toEqual(['"p1"']);
  });
});

describe('an erasure that had begun before Tenure observed', () => {
  it('waits: nothing is written, and it goes on once Tenure is live', async () => {
    const { membership } = await leaver();
    const membershipId = membership._id;
    const nowMs = afterCoolingOff();
    await drive(tenure, membershipId, { nowMs, stopAt: 'erase' });
    await expect(inWorker(observing.erasePerson, { membershipId, nowMs })).rejects.toThrow(
      'OnlyObserving',
    );
    const user = await tenure.store.collections.users.findOne({ _id: membership.userId });
    expect(user?.profile).not.toBeNull();
    expect((await drive(tenure, membershipId, { nowMs })).phase).toBe('anonymized');
  });
});

describe('going live', () => {
  it('counts the cooling-off of the policy from now, never shorter than it was, for those who are out', async () => {
    const { membership } = await leaver();
    const membershipId = membership._id;
    await inWorker(observing.revokeSessions, { membershipId, nowMs: Date.now(), closing: 1 });
    const extended = new Date(Date.now() + 3_600_000);
    const { memberships } = tenure.store.collections;
    await memberships.updateOne({ _id: membershipId }, { $set: { dueAt: extended } });
    const from = Date.now();
    while (await goLive(tenure.store, tenure.file));
    const live = await membershipById(tenure, membershipId);
    expect(live).toMatchObject({ dueAt: extended, phase: 'closingAccess', transfer: null });
    expect(live.revokedClosings).toBeLessThan(live.closings);
    expect(live.disabledAt?.getTime()).toBeGreaterThanOrEqual(from);
    expect(live.pendingSince).toBeInstanceOf(Date);
  });

  it('takes up everybody else, those who are in too, where one person cannot be', async () => {
    const { membership: stuck } = await leaver();
    const { membershipId: inside } = await newcomer();
    for (const id of [stuck._id, inside]) await recordOnlyObserved(tenure.store, id);
    const store = poisoned(tenure.store, stuck._id);
    await expect(goLive(store, tenure.file)).rejects.toThrow('1 failed.');
    expect(await membershipById(tenure, inside)).not.toHaveProperty('observed');
    expect(await membershipById(tenure, stuck._id)).toHaveProperty('observed');
    while (await goLive(tenure.store, tenure.file));
    expect(await membershipById(tenure, stuck._id)).not.toHaveProperty('observed');
  });

  it('leaves alone whom nothing was observed of', async () => {
    const { membership } = await leaver();
    const before = await membershipById(tenure, membership._id);
    while (await goLive(tenure.store, tenure.file));
    expect(await membershipById(tenure, membership._id)).toEqual(before);
  });
});
