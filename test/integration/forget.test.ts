import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { checkAccess } from '../../gate/decide.ts';
import { possibleReports } from '../../transitions/erasure/forget-as-manager.ts';
import { forgetPerson } from '../../transitions/erasure/forget-person.ts';
import { importUser } from '../../transitions/organization/import-users.ts';
import {
  afterCoolingOff,
  drive,
  membershipById,
  membershipOf,
  sandbox,
} from '../support/by-hand.ts';
import { laterTime, userEvent, workosId, type DirectoryUserSketch } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

type Person = DirectoryUserSketch & { id: string; email: string };

async function arrive(organizationId: string, more: Partial<Person> = {}): Promise<Person> {
  await sandbox(tenure, organizationId);
  const person = {
    id: workosId('directory_user'),
    organizationId,
    directoryId: `directory_${organizationId}`,
    email: `${workosId('mail').toLowerCase()}@example.com`,
    ...more,
  };
  await tenure.take(userEvent('created', person));
  const { _id } = await membershipOf(tenure, person.id);
  await drive(tenure, _id);
  return person;
}

/** Lets a person leave and be forgotten; returns the membership. */
async function forget(person: Person): Promise<string> {
  const { _id } = await membershipOf(tenure, person.id);
  await tenure.take(userEvent('deleted', person));
  await drive(tenure, _id, { nowMs: afterCoolingOff() });
  expect((await membershipById(tenure, _id)).outcome).toBe('anonymized');
  return _id;
}

/** The whole of Tenure's own database as text, but for what belongs to no person. */
async function everything(): Promise<string> {
  const all = await Promise.all(
    Object.values(tenure.store.collections).map(async (one) => one.find({}).toArray()),
  );
  return JSON.stringify(all);
}

async function storeBody(data: Record<string, unknown>): Promise<string> {
  const id = workosId('event');
  await tenure.take({ id, event: 'dsync.group.user_added', created_at: laterTime(), data });
  return id;
}

async function bodyOf(eventId: string): Promise<string | undefined> {
  const found = await tenure.store.collections.inbox.findOne({ _id: eventId });
  return found?.body;
}

describe('a forgotten person', () => {
  it('leaves random ids, WorkOS ids and versions, and nothing else', async () => {
    const organizationId = workosId('org');
    const person = await arrive(organizationId, { firstName: 'Adaline', lastName: 'Canaryson' });
    await tenure.take(userEvent('updated', { ...person, email: `new-${person.email}` }));
    expect(await everything()).toContain(person.email);
    const id = await forget(person);
    const left = await everything();
    for (const trace of [person.email, 'Adaline', 'Canaryson', `idp-${person.id}`]) {
      expect(left).not.toContain(trace);
    }
    const mirror = await tenure.store.collections.directoryUsers.findOne({
      'records.id': person.id,
    });
    expect(mirror).toMatchObject({
      membershipId: null,
      records: [{ id: person.id, profile: null }],
    });
    const { userId } = await membershipById(tenure, id);
    expect(await checkAccess(tenure.store.db, { organizationId, userId })).toMatchObject({
      allowed: false,
      reason: 'anonymized',
    });
    const byDirectory = { organizationId, directoryUserId: person.id };
    expect(await checkAccess(tenure.store.db, byDirectory)).toMatchObject({ reason: 'unknown' });
  });

  it('is not brought back by late events, which leave ids and version only', async () => {
    const person = await arrive(workosId('org'), { lastName: 'Latecanary' });
    const old = userEvent('updated', person);
    const id = await forget(person);
    expect(await tenure.take(old)).toMatchObject({ outcome: 'stale' });
    await tenure.take(userEvent('updated', { ...person, state: 'inactive' }));
    await tenure.take(userEvent('deleted', person));
    const left = await everything();
    for (const trace of [person.email, 'Latecanary', `idp-${person.id}`]) {
      expect(left).not.toContain(trace);
    }
    const { organizationId } = person;
    const { memberships } = tenure.store.collections;
    expect(await memberships.countDocuments({ organizationId })).toBe(1);
    expect((await membershipById(tenure, id)).phase).toBe('anonymized');
  });

  it('who comes back is a new user', async () => {
    const person = await arrive(workosId('org'));
    const id = await forget(person);
    await tenure.take(userEvent('updated', person));
    const anew = await membershipOf(tenure, person.id);
    expect(anew._id).not.toBe(id);
    expect(anew.userId).not.toBe((await membershipById(tenure, id)).userId);
    await drive(tenure, anew._id);
    const asked = { organizationId: person.organizationId, directoryUserId: person.id };
    expect(await checkAccess(tenure.store.db, asked)).toMatchObject({ allowed: true });
  });

  describe.each(['forgotten', 'being erased'] as const)('who is %s and comes back', (how) => {
    it('is linked to nobody who has their address, not at a later telling either', async () => {
      const person = await arrive(workosId('org'));
      const { organizationId, email } = person;
      const { _id } = await membershipOf(tenure, person.id);
      await tenure.take(userEvent('deleted', person));
      await drive(tenure, _id, {
        nowMs: afterCoolingOff(),
        ...(how === 'forgotten' ? {} : { stopAt: 'erase' as const }),
      });
      const other = await importUser(
        tenure.store,
        {
          id: workosId('host_user'),
          organizationId,
          email: how === 'forgotten' ? email : `other-${email}`,
          username: null,
          name: 'Ada Byron',
          roles: ['owner'],
          status: 'active',
        },
        'import',
      );
      await tenure.store.collections.users.updateOne({ _id: other.id }, [
        { $set: { emailKey: email } },
      ]);
      await tenure.take(userEvent('updated', person));
      const anew = await membershipOf(tenure, person.id);
      expect([_id, other.membershipId]).not.toContain(anew._id);
      expect(anew.roles).toEqual([]);
      expect((await membershipById(tenure, other.membershipId)).everBacked).toBe(false);
      await tenure.take(userEvent('updated', person));
      expect((await membershipOf(tenure, person.id))._id).toBe(anew._id);
      const { notices } = tenure.store.collections;
      expect(await notices.countDocuments({ organizationId, code: 'looksAlike' })).toBe(1);
    });
  });

  it('who comes back during the erasure is a new user too, and the erasure finishes', async () => {
    const person = await arrive(workosId('org'));
    const { _id } = await membershipOf(tenure, person.id);
    await tenure.take(userEvent('deleted', person));
    await drive(tenure, _id, { nowMs: afterCoolingOff(), stopAt: 'erase' });
    await tenure.take(userEvent('updated', person));
    const anew = await membershipOf(tenure, person.id);
    expect(anew._id).not.toBe(_id);
    await drive(tenure, _id, { nowMs: afterCoolingOff() });
    expect((await membershipById(tenure, _id)).outcome).toBe('anonymized');
    const { organizationId } = person;
    const codes = await tenure.store.collections.notices.find({ organizationId }).toArray();
    expect(codes.map(({ code }) => code)).toContain('returnAfterErasure');
    const user = await tenure.store.collections.users.findOne({ _id: anew.userId });
    expect(user?.profile?.email).toBe(person.email);
  });

  it('is found as the new user at once, however long the erasure takes', async () => {
    const person = await arrive(workosId('org'));
    const { organizationId } = person;
    const { _id } = await membershipOf(tenure, person.id);
    await tenure.take(userEvent('updated', { ...person, state: 'inactive' }));
    await drive(tenure, _id, { nowMs: afterCoolingOff(), stopAt: 'erase' });
    await tenure.take(userEvent('updated', person));
    const anew = await membershipOf(tenure, person.id);
    await drive(tenure, anew._id);
    for (const asked of [
      { directoryUserId: person.id },
      { sso: { idpId: `idp-${person.id}` } },
      { emailKey: person.email },
    ]) {
      expect(await checkAccess(tenure.store.db, { organizationId, ...asked })).toMatchObject({
        reason: 'open',
        membershipId: anew._id,
      });
    }
  });

  it.each(['updated', 'deleted'] as const)(
    'is not linked to whoever has the address now by a late %s event',
    async (type) => {
      const person = await arrive(workosId('org'));
      await forget(person);
      const newcomer = await arrive(person.organizationId, {
        email: person.email,
        directoryId: `directory_hris_${person.organizationId}`,
      });
      await tenure.take(userEvent(type, { ...person, state: 'inactive' }));
      const mirror = await tenure.store.collections.directoryUsers.findOne({
        'records.id': person.id,
      });
      expect(mirror).toMatchObject({ membershipId: null, records: [{ profile: null }] });
      expect(await membershipOf(tenure, newcomer.id)).toMatchObject({ access: { state: 'open' } });
    },
  );

  it('is forgotten again without harm, as after a crash', async () => {
    const person = await arrive(workosId('org'));
    const id = await forget(person);
    const membership = await membershipById(tenure, id);
    const again = await forgetPerson(tenure.store, membership, membership.erasure!);
    expect(again).toMatchObject({ directoryUsers: 0, managers: 0, inbox: 0 });
  });
});

describe('a manager who is forgotten', () => {
  it('goes from the records of the people who reported to them, also by a mapped attribute', async () => {
    const organizationId = workosId('org');
    const boss = await arrive(organizationId);
    const report = await arrive(organizationId, {
      customAttributes: { manager_email: boss.email.toUpperCase(), lead: boss.email, team: 'A' },
    });
    await forget(boss);
    const mirror = await tenure.store.collections.directoryUsers.findOne({
      'records.id': report.id,
    });
    expect(mirror?.records[0]?.profile).toMatchObject({
      managerEmail: null,
      email: report.email,
      attributes: { team: 'A' },
    });
    expect(JSON.stringify(mirror).toLowerCase()).not.toContain(boss.email);
  });

  it.each<[string, { written: string[]; others: string[]; email: string }]>([
    [
      'in ASCII',
      {
        email: 'zoe.king@example.com',
        written: [
          ' ZOE.King@Example.com\t',
          '\u00a0zoe.king@example.com\n',
          'Zoe.KING@EXAMPLE.COM',
        ],
        // The last one begins its name with the Kelvin sign, which is another letter.
        others: ['zoeking@example.com', 'ada@example.com', 'zoe.\u212aing@example.com'],
      },
    ],
    [
      'in whatever letters',
      {
        email: 'zo\u00eb.\u{104d8}@example.com',
        written: [' ZOE\u0308.\u{104b0}@Example.com\t', '\u00a0zoe\u0308.\u{104b0}@example.com\n'],
        others: ['zoe.\u{104b0}@example.com', 'ada@example.com'],
      },
    ],
  ])('goes however the address was written, %s', async (_letters, { email, written, others }) => {
    const organizationId = workosId('org');
    const boss = await arrive(organizationId, { email });
    const reports: Person[] = [];
    for (const manager_email of [...written, ...others]) {
      reports.push(await arrive(organizationId, { customAttributes: { manager_email } }));
    }
    await forget(boss);
    const mirrors = await tenure.store.collections.directoryUsers
      .find({ 'records.id': { $in: reports.map(({ id }) => id) } })
      .toArray();
    const left = mirrors.map(({ records }) => records[0]?.profile?.managerEmail ?? '');
    expect(left.filter((manager) => manager !== '').toSorted()).toEqual(others.toSorted());
  });

  it('is found at those who name them, without reading everybody else', async () => {
    const organizationId = workosId('org');
    for (const manager_email of ['Zoe@example.com', 'zoe@EXAMPLE.com', 'ada@example.com']) {
      await arrive(organizationId, { customAttributes: { manager_email } });
    }
    await arrive(organizationId);
    await arrive(workosId('org'), { customAttributes: { manager_email: 'zoe@example.com' } });
    const reports = possibleReports(tenure.store, organizationId, ['zoe@example.com']);
    const { executionStats } = await reports.explain('executionStats');
    expect(executionStats).toMatchObject({ nReturned: 2, totalDocsExamined: 2 });
  });

  it('leaves a recycled address to whoever has it now', async () => {
    const organizationId = workosId('org');
    const boss = await arrive(organizationId);
    const newcomer = await arrive(organizationId, { directoryId: `directory_b_${organizationId}` });
    const report = await arrive(organizationId, {
      customAttributes: { manager_email: boss.email },
    });
    const { _id } = await membershipOf(tenure, boss.id);
    await tenure.take(userEvent('deleted', boss));
    await tenure.take(userEvent('updated', { ...newcomer, email: boss.email }));
    await drive(tenure, _id, { nowMs: afterCoolingOff() });
    const mirror = await tenure.store.collections.directoryUsers.findOne({
      'records.id': report.id,
    });
    expect(mirror?.records[0]?.profile?.managerEmail).toBe(boss.email);
  });
});

describe('bodies in the inbox', () => {
  it('about a forgotten person go; others lose the address only', async () => {
    const person = await arrive(workosId('org'));
    const about = await storeBody({ user: { id: person.id, email: person.email } });
    const mentions = await storeBody({
      user: { id: 'directory_user_x', manager: `<${person.email.toUpperCase()}>`, name: 'Grace' },
    });
    const strange = await storeBody({ user: { id: 'directory_user_y', name: 'Alan' } });
    await forget(person);
    expect(await bodyOf(about)).toBeUndefined();
    expect(JSON.parse((await bodyOf(mentions)) ?? '')).toEqual({
      user: { id: 'directory_user_x', manager: null, name: 'Grace' },
    });
    expect(await bodyOf(strange)).toContain('Alan');
  });

  it('of another organization where the person still is stay whole', async () => {
    const person = await arrive(workosId('org'));
    const elsewhere = await arrive(workosId('org'), { email: person.email });
    const waiting = await storeBody({ user: { id: elsewhere.id, email: person.email } });
    await forget(person);
    expect(await bodyOf(waiting)).toContain(person.email);
    await forget(elsewhere);
    expect(await bodyOf(waiting)).toBeUndefined();
  });
});

describe('a user of two organizations', () => {
  it('keeps the profile until the last membership is erased', async () => {
    const [one, other] = [workosId('org'), workosId('org')];
    const email = `${workosId('mail').toLowerCase()}@example.com`;
    const user = { id: workosId('host_user'), email, username: null, name: 'Ada', roles: [] };
    const people: Person[] = [];
    for (const organizationId of [one, other]) {
      await importUser(tenure.store, { ...user, organizationId, status: 'active' }, 'import');
      people.push(await arrive(organizationId, { email }));
    }
    const { users } = tenure.store.collections;
    const first = await membershipById(tenure, await forget(people[0]!));
    expect(first).toMatchObject({ userId: user.id, erasure: { wholeUser: false } });
    expect((await users.findOne({ _id: user.id }))?.profile?.email).toBe(email);
    expect((await membershipOf(tenure, people[1]!.id)).access.state).toBe('open');
    const last = await membershipById(tenure, await forget(people[1]!));
    expect(last.erasure?.wholeUser).toBe(true);
    expect(await users.findOne({ _id: user.id })).toMatchObject({
      profile: null,
      emailHistory: [],
    });
    expect(await everything()).not.toContain(email);
  });
});

describe('the id of a user who was anonymized', () => {
  it('is refused by a later import, in whatever organization', async () => {
    const [one, other] = [workosId('org'), workosId('org')];
    const email = `${workosId('mail').toLowerCase()}@example.com`;
    const user = { id: workosId('host_user'), email, username: null, name: 'Ada', roles: [] };
    await importUser(tenure.store, { ...user, organizationId: one, status: 'active' }, 'import');
    await forget(await arrive(one, { email }));
    const again = importUser(
      tenure.store,
      { ...user, organizationId: other, status: 'active' },
      'import',
    );
    await expect(again).rejects.toMatchObject({ code: 'erasureStarted' });
    expect(await tenure.store.collections.memberships.countDocuments({ userId: user.id })).toBe(1);
    expect(await everything()).not.toContain(email);
  });

  it('is refused from the commit on: the erasure would take the profile of the new membership', async () => {
    const person = await arrive(workosId('org'));
    const { _id, userId } = await membershipOf(tenure, person.id);
    await tenure.take(userEvent('deleted', person));
    await drive(tenure, _id, { nowMs: afterCoolingOff(), stopAt: 'erase' });
    const again = importUser(
      tenure.store,
      {
        id: userId,
        organizationId: workosId('org'),
        email: null,
        username: null,
        name: 'Ada',
        roles: [],
        status: 'active',
      },
      'import',
    );
    await expect(again).rejects.toMatchObject({ code: 'erasureStarted' });
  });
});
