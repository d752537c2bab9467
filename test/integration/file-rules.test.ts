import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { HostFile, PolicyDefaults } from '../../domain/host-file.ts';
import type { Membership } from '../../domain/membership.ts';
import { takeIn } from '../../intake/take-in.ts';
import {
  announceFileRules,
  fileRulesOf,
} from '../../transitions/organization/announce-file-rules.ts';
import { approveGuard, rejectGuard } from '../../transitions/guards/decide-guard.ts';
import { putPolicy } from '../../transitions/organization/put-policy.ts';
import { spreadFileRules } from '../../transitions/organization/spread-file-rules.ts';
import { spreadGuards } from '../../transitions/guards/spread-guards.ts';
import { resolvePolicy } from '../../platform/policy-schema.ts';
import { drive, membershipById, membershipOf, spread } from '../support/by-hand.ts';
import { directoryEvent, userEvent, workosId } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

const times = 5;

let tenure: TestTenure;
/** The file with which the workers started first. */
let before: HostFile;
/** The file after an operator edited it: whoever is `terminated` is out. */
let after: HostFile;

beforeEach(async () => {
  tenure = await openTenure();
  before = tenure.file;
  after = edited({ leavingAttributes: [{ attribute: 'status', values: ['terminated'] }] });
}, 60_000);

afterEach(async () => tenure.close());

function edited(policy: PolicyDefaults): HostFile {
  return { ...before, defaults: { policy: { ...before.defaults.policy, ...policy } } };
}

interface Person {
  id: string;
  organizationId: string;
  directoryId: string;
  membershipId: string;
}

/** An organization without a policy of its own, and somebody in it who is in. */
async function somebody(organizationId = workosId('org')): Promise<Person> {
  const directoryId = workosId('directory');
  await tenure.take(directoryEvent('activated', { id: directoryId, organizationId }));
  const person = { id: workosId('directory_user'), organizationId, directoryId };
  await tenure.take(userEvent('created', person));
  const { _id } = await membershipOf(tenure, person.id);
  await drive(tenure, _id);
  return { ...person, membershipId: _id };
}

/** The directory says of them what the edited file calls a leaving, to a process that has this file. */
async function terminate(person: Person, file: HostFile): Promise<void> {
  const envelope = userEvent('updated', { ...person, customAttributes: { status: 'terminated' } });
  const told = { transport: 'webhook', receivedAt: new Date() } as const;
  await takeIn(tenure.store, envelope, told, { ...tenure.intake, file });
}

/** The file reaches the organizations, as the chore of a worker does it; their people not yet. */
async function takeOver(): Promise<void> {
  while (await spreadFileRules(tenure.store));
}

/** A worker starts with this file, and does all that follows. */
async function start(file: HostFile): Promise<void> {
  await announceFileRules(tenure.store, file);
  await takeOver();
  await spread({ store: tenure.store, file });
  while (await spreadGuards(tenure.store, { ...tenure, file }));
}

const standing = async ({ membershipId }: Person): Promise<Membership> =>
  membershipById(tenure, membershipId);

async function guardsOf({ organizationId }: Person) {
  return tenure.store.collections.guards.find({ organizationId }).toArray();
}

async function organizationOf({ organizationId }: Person) {
  return tenure.store.collections.organizations.findOne({ _id: organizationId });
}

const word = (guardId: string) => ({ guardId, by: 'admin:ada', reason: null });

describe('a changed host file', () => {
  it('holds up every ending that it causes, however few', async () => {
    await start(before);
    const [gone, stays] = [await somebody(), await somebody()];
    await terminate(gone, before);
    await start(after);
    const [guard, ...more] = await guardsOf(gone);
    expect(more).toEqual([]);
    expect(guard).toMatchObject({
      kind: 'configuration',
      state: 'open',
      shown: true,
      changedBy: 'hostFile',
    });
    expect(await standing(gone)).toMatchObject({
      access: { state: 'closed' },
      guard: { state: 'waits', id: guard!._id },
    });
    const muchLater = Date.now() + 400 * 86_400_000;
    const look = await drive(tenure, gone.membershipId, { nowMs: muchLater });
    expect(look).toMatchObject({ phase: 'blocked', blockedBy: [{ code: 'guard' }] });
    expect((await standing(stays)).access.state).toBe('open');
  });

  it('puts nobody out before it has reached their organization', async () => {
    await start(before);
    const person = await somebody();
    await announceFileRules(tenure.store, after);
    await terminate(person, after);
    expect((await standing(person)).access.state).toBe('open');
  });

  it('holds up whom an event reveals between its organization and its people', async () => {
    await start(before);
    const person = await somebody();
    await announceFileRules(tenure.store, after);
    await takeOver();
    // A process that still has the older file judges by the same rules.
    await terminate(person, before);
    const [guard] = await guardsOf(person);
    expect(await standing(person)).toMatchObject({
      access: { state: 'closed' },
      guard: { state: 'waits', id: guard!._id },
    });
  });

  it('lets nobody slip through while events and workers that start meet', async () => {
    await start(before);
    for (let time = 0; time < times; time += 1) {
      const people = await Promise.all([somebody(), somebody(), somebody()]);
      await Promise.all([
        announceFileRules(tenure.store, after),
        ...[after, before, after].map(async (file, nth) => terminate(people[nth]!, file)),
        takeOver(),
        takeOver(),
      ]);
      await start(after);
      for (const person of people) {
        const [guard, ...more] = await guardsOf(person);
        expect(more).toEqual([]);
        expect((await standing(person)).guard).toMatchObject({ state: 'waits', id: guard!._id });
      }
      await start(before);
      await tenure.store.collections.guards.deleteMany({});
    }
  }, 120_000);

  it('would end people as ordinary leavers if each process went by its own file', async () => {
    // The control: nothing is written down, as if no worker had ever said what its file says.
    const person = await somebody();
    await terminate(person, after);
    expect(await standing(person)).toMatchObject({ access: { state: 'closed' }, guard: null });
  });

  it('is one guard for an organization, however many workers start with it at once', async () => {
    await start(before);
    const person = await somebody();
    const { revision } = (await organizationOf(person))!;
    await Promise.all(
      Array.from({ length: 5 }, async () => {
        await announceFileRules(tenure.store, after);
        await takeOver();
      }),
    );
    expect(await guardsOf(person)).toHaveLength(1);
    expect(await organizationOf(person)).toMatchObject({
      revision: revision + 1,
      fileRules: fileRulesOf(after),
    });
    await start(after);
    expect(await guardsOf(person)).toHaveLength(1);
  });

  it('lets people in again when it is changed back, also after a rejection', async () => {
    await start(before);
    const person = await somebody();
    await terminate(person, before);
    await start(after);
    const [guard] = await guardsOf(person);
    await rejectGuard(tenure.store, word(guard!._id));
    await start(after);
    const later = Date.now() + 400 * 86_400_000;
    expect((await drive(tenure, person.membershipId, { nowMs: later })).phase).toBe('retained');
    await start(before);
    await drive(tenure, person.membershipId);
    expect((await standing(person)).access.state).toBe('open');
  });

  it('counts down after an approval', async () => {
    await start(before);
    const person = await somebody();
    await terminate(person, before);
    await start(after);
    const [guard] = await guardsOf(person);
    await approveGuard(tenure.store, { ...word(guard!._id), admins: 1 });
    await start(after);
    expect((await drive(tenure, person.membershipId)).phase).toBe('coolingOff');
  });

  it('changes nothing where the organization has a policy of its own', async () => {
    await start(before);
    const person = await somebody();
    const policy = resolvePolicy(null, { deletionAllowed: true });
    await putPolicy(tenure.store, person.organizationId, { policy });
    const { revision } = (await organizationOf(person))!;
    await terminate(person, before);
    await start(after);
    expect(await organizationOf(person)).toMatchObject({ revision });
    expect(await guardsOf(person)).toEqual([]);
    expect((await standing(person)).access.state).toBe('open');
  });

  it('changes nothing where it says the same of who is in', async () => {
    await start(before);
    const person = await somebody();
    const { revision } = (await organizationOf(person))!;
    await start(edited({ coolingOffDays: 60, jit: true, lifecycleAuthority: 'any' }));
    expect(await organizationOf(person)).toMatchObject({ revision });
    expect(await guardsOf(person)).toEqual([]);
  });
});

describe('what the host file says of who is in', () => {
  it('is the word of the last worker to start, and of the API only before the first', async () => {
    expect(await announceFileRules(tenure.store, before, { firstOnly: true })).toBe(false);
    const first = await somebody();
    expect((await organizationOf(first))?.fileRules).toEqual(fileRulesOf(before));
    expect(await announceFileRules(tenure.store, after)).toBe(true);
    expect(await announceFileRules(tenure.store, before, { firstOnly: true })).toBe(false);
    const second = await somebody();
    expect((await organizationOf(second))?.fileRules).toEqual(fileRulesOf(after));
  });

  it('is taken for changed where nobody wrote down what it said', async () => {
    const person = await somebody();
    await terminate(person, before);
    await tenure.store.collections.organizations.updateMany({}, { $set: { fileRules: null } });
    await start(after);
    const [guard] = await guardsOf(person);
    expect((await standing(person)).guard).toMatchObject({ state: 'waits', id: guard!._id });
  });
});
