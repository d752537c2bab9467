import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { createCheckConditions } from '../../activities/check-conditions.ts';
import { defaultRevocationPolicy } from '../../connectors/revocation.ts';
import type { Look } from '../../transitions/lifecycle/record-look.ts';
import { recordLook } from '../../transitions/lifecycle/record-look.ts';
import { approveGuard, rejectGuard } from '../../transitions/guards/decide-guard.ts';
import { importUser } from '../../transitions/organization/import-users.ts';
import { drive, membershipById, spread } from '../support/by-hand.ts';
import { directoryEvent, laterTime, userEvent, workosId } from '../support/events.ts';
import { GuardedDirectory, type Guarded } from '../support/guarded.ts';
import { openTenure, scriptedLookup, type TestTenure } from '../support/tenure.ts';

const dayMs = 86_400_000;

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

const word = (guardId: string) => ({ guardId, by: 'admin:ada', reason: null });
const approve = async (guardId: string) =>
  approveGuard(tenure.store, { ...word(guardId), admins: 1 });

/** The directory is deleted, and everybody in it has lost their access. */
async function tearDown(directory: GuardedDirectory): Promise<void> {
  const { directoryId, organizationId } = directory;
  await tenure.take(directoryEvent('deleted', { id: directoryId, organizationId }));
  await spread(tenure);
  await directory.spread();
}

/**
 * The last look at the due time, as the lifecycle does it. `missing`: WorkOS knows the directory no more;
 * `uncertain`: it does, but gives no clear answer about the person.
 */
async function lastLook(
  { id, membershipId }: Guarded,
  { directoryId }: GuardedDirectory,
  answers: 'missing' | 'uncertain' = 'missing',
): Promise<Look> {
  const nowMs = Date.now() + 400 * dayMs;
  const lookup = scriptedLookup();
  if (answers === 'missing') lookup.directories.set(directoryId, 'missing');
  else lookup.people.set(id, answers);
  const check = createCheckConditions({
    store: tenure.store,
    file: tenure.file,
    host: tenure.host,
    directoryLookup: lookup,
    directoryListing: null,
    polling: null,
    revocation: defaultRevocationPolicy,
    newUserId: tenure.intake.newUserId,
    maxPauseMs: 1000,
    guardSettleMs: 0,
    onVerifiedEmpty: () => undefined,
  });
  const seen = await drive(tenure, membershipId, { nowMs, stopAt: 'checkConditions' });
  if (seen.step.do !== 'checkConditions') return seen;
  await check({ membershipId, generation: seen.generation, nowMs });
  const look = await recordLook(tenure.store, tenure.file, membershipId, nowMs);
  if (look === null) throw new Error('There is no membership.');
  return look;
}

describe('an organization that was deleted while nobody was in it', () => {
  it('has no guard left, and lets nobody in later who could be ended without one', async () => {
    const directory = await GuardedDirectory.open(tenure);
    const { organizationId, directoryId } = directory;
    // As where it came by SSO only: there an import lets people in.
    const { organizations, memberships } = tenure.store.collections;
    await organizations.updateOne({ _id: organizationId }, { $set: { directorySync: 'disabled' } });
    const data = { id: organizationId, object: 'organization', name: 'Acme' };
    await tenure.take({
      id: workosId('event'),
      event: 'organization.deleted',
      created_at: laterTime(),
      data,
    });
    await spread(tenure);
    await directory.letTimePass();
    await spread(tenure);
    await directory.spread();
    expect(await directory.guards()).toEqual([]);

    const user = { email: null, username: null, name: 'Ada', roles: [], status: 'active' as const };
    const id = workosId('host_user');
    const imported = await importUser(tenure.store, { ...user, id, organizationId }, 'admin:ada');
    // Something else changes, by which everybody is judged anew.
    await directory.putPolicy({ coolingOffDays: 45 });
    await spread(tenure);
    const look = await drive(tenure, imported.membershipId, { nowMs: Date.now() + 400 * dayMs });
    expect(look).toMatchObject({ step: { do: 'rest' }, phase: 'settled' });
    expect(await membershipById(tenure, imported.membershipId)).toMatchObject({
      access: { state: 'closed' },
      generation: 0,
      dueAt: null,
    });

    const late = { id: workosId('directory_user'), organizationId, directoryId };
    await tenure.take(userEvent('created', late));
    expect(await memberships.countDocuments({ organizationId })).toBe(1);
  });
});

describe('the end of a directory', () => {
  it('is approved once, and the approval stands in for asking it', async () => {
    const directory = await GuardedDirectory.open(tenure);
    const people = await directory.people(2);
    await tearDown(directory);
    const guard = await directory.guard();
    expect(guard).toMatchObject({
      kind: 'teardown',
      shown: true,
      state: 'open',
      changedBy: 'directory',
    });
    expect(await directory.states(people)).toEqual(['waits', 'waits']);
    expect(await directory.timeline(people[0]!, 'left')).toMatchObject([{ actor: 'directory' }]);
    await approve(guard._id);
    await directory.spread();
    expect(await lastLook(people[0]!, directory)).toMatchObject({ step: { do: 'commit' } });
  });

  it('is rejected: nobody is erased, and a deleted directory is not asked again', async () => {
    const directory = await GuardedDirectory.open(tenure);
    const people = await directory.people(2);
    await tearDown(directory);
    const { directories } = tenure.store.collections;
    await directories.updateOne(
      { _id: directory.directoryId },
      { $unset: { reconcileWantedAt: '' } },
    );
    await rejectGuard(tenure.store, word((await directory.guard())._id));
    await directory.spread();
    expect(await lastLook(people[0]!, directory)).toMatchObject({ phase: 'retained' });
    const known = await directories.findOne({
      _id: directory.directoryId,
    });
    expect(known?.reconcileWantedAt).toBeUndefined();
  });

  it('can be approved also for those who left long before it', async () => {
    const directory = await GuardedDirectory.open(tenure);
    const [early] = await directory.people(1);
    await directory.leaveAndCount([early!]);
    await tearDown(directory);
    await directory.letTimePass();
    await spread(tenure);
    await directory.spread();
    // Nobody was left to lose access.
    expect(await directory.guards()).toEqual([]);

    const seen = await lastLook(early!, directory);
    const guard = await directory.guard();
    expect(guard).toMatchObject({ kind: 'teardown', shown: true, state: 'open' });
    expect(seen).toMatchObject({
      step: { do: 'rest' },
      phase: 'blocked',
      blockedBy: [{ code: 'guard', detail: guard._id }, { code: 'directoryGone' }],
    });
    await approve(guard._id);
    await directory.spread();
    expect(await lastLook(early!, directory)).toMatchObject({ step: { do: 'commit' } });
  });

  it('that was approved once stands in for no later end of the same directory', async () => {
    const directory = await GuardedDirectory.open(tenure);
    const [early, other] = await directory.people(2);
    await directory.leaveAndCount([early!]);
    await tearDown(directory);
    await approve((await directory.guard())._id);
    await directory.letTimePass();
    await spread(tenure);
    await directory.spread();
    const { directoryId, organizationId } = directory;
    await tenure.take(directoryEvent('activated', { id: directoryId, organizationId }));
    await spread(tenure);
    await directory.look(other!);

    await tearDown(directory);
    const [, again] = await directory.guards();
    const seen = await lastLook(early!, directory);
    expect(seen).toMatchObject({
      phase: 'blocked',
      blockedBy: [{ code: 'guard', detail: again!._id }, { code: 'directoryGone' }],
    });
    await approve(again!._id);
    await directory.spread();
    expect(await lastLook(early!, directory)).toMatchObject({ step: { do: 'commit' } });
  });

  it('that no event told of is one guard for all whom it concerns', async () => {
    const directory = await GuardedDirectory.open(tenure);
    const people = await directory.people(3);
    await directory.leaveAndCount(people);
    await Promise.all(people.map(async (one) => lastLook(one, directory)));
    const guard = await directory.guard();
    for (const one of people) {
      expect((await directory.membership(one)).guard).toMatchObject({
        id: guard._id,
        state: 'waits',
      });
    }
  });

  it('stands in for nothing once the directory is connected again', async () => {
    const directory = await GuardedDirectory.open(tenure);
    const [one] = await directory.people(1);
    await tearDown(directory);
    await approve((await directory.guard())._id);
    await directory.spread();
    const { directories } = tenure.store.collections;
    await directories.updateOne({ _id: directory.directoryId }, { $set: { deletedAt: null } });
    const seen = await lastLook(one!, directory, 'uncertain');
    expect((await directory.membership(one!)).conditions?.lastLook).toBe('uncertain');
    expect(seen.step.do).toBe('checkConditions');
  });
});
