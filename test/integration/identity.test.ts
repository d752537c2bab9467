import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { ActivityDeps } from '../../activities/deps.ts';
import { findRecipient } from '../../activities/find-recipient.ts';
import { linkKey } from '../../domain/link-keys.ts';
import { checkAccess } from '../../gate/decide.ts';
import { takeIn } from '../../intake/take-in.ts';
import { policyInForce } from '../../transitions/organization/policy-in-force.ts';
import { drive, membershipById, membershipOf, sandbox } from '../support/by-hand.ts';
import { company, type Company, type Sketch } from '../support/company.ts';
import { directoryEvent, userEvent } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

async function open(person: Sketch) {
  await tenure.take(userEvent('created', person));
  const { _id } = await membershipOf(tenure, person.id);
  await drive(tenure, _id);
  return membershipById(tenure, _id);
}

async function profileOf(userId: string) {
  const user = await tenure.store.collections.users.findOne({ _id: userId });
  return user?.profile;
}

describe('a recycled e-mail address', () => {
  it('gives the newcomer nothing of the one who left: no role, session, resource or identity', async () => {
    const at = await company(tenure);
    const former = at.sketch('idp');
    const left = await open(former);
    const sessions = tenure.hostDb.collection<{ _id: string }>('sessions');
    const projects = tenure.hostDb.collection<{ _id: string }>('projects');
    const { organizationId } = at;
    const owned = { organizationId, ownerId: left.userId };
    await projects.insertOne({ _id: `p_${organizationId}`, ...owned });
    await tenure.take(userEvent('deleted', former));
    await sessions.insertOne({
      _id: `s_${organizationId}`,
      userId: left.userId,
      organizationId,
    } as {
      _id: string;
    });
    const newcomer = at.sketch('idp', { firstName: 'Grace' });
    const joined = await open(newcomer);
    expect(joined.userId).not.toBe(left.userId);
    expect(joined).toMatchObject({ roles: [], permissions: [], features: [], suspendedRoles: [] });
    const { gate } = tenure.store.collections;
    const rows = await gate.find({ organizationId }).toArray();
    const row = rows.find(({ _id }) => _id === joined._id);
    expect(row).toMatchObject({ directoryUserIds: [newcomer.id], idpIds: [`idp-${newcomer.id}`] });
    const byOldIdentity = await checkAccess(tenure.store.db, {
      organizationId,
      sso: { idpId: `idp-${former.id}` },
      emailKey: linkKey(at.email) ?? '',
    });
    expect(byOldIdentity.allowed).toBe(false);
    const byAddress = { organizationId, emailKey: linkKey(at.email) ?? '' };
    expect(await checkAccess(tenure.store.db, byAddress)).toMatchObject({
      allowed: true,
      userId: joined.userId,
    });
    expect(await projects.countDocuments({ ownerId: joined.userId })).toBe(0);
    expect(await sessions.countDocuments({ userId: joined.userId })).toBe(0);
  });

  it('that two of one directory have at once is only an address: nobody is told apart by it', async () => {
    const at = await company(tenure);
    const first = await open(at.sketch('idp'));
    const second = at.sketch('idp', { firstName: 'Grace' });
    const joined = await open(second);
    expect(joined.userId).not.toBe(first.userId);
    const both = { organizationId: at.organizationId, emailKey: linkKey(at.email) ?? '' };
    expect(await checkAccess(tenure.store.db, both)).toMatchObject({
      allowed: false,
      reason: 'ambiguous',
    });
  });
});

describe('several directories behind one person', () => {
  async function twoDirectories(directoryOrder: string[], lifecycleAuthority: string[] | 'any') {
    const at = await company(tenure);
    const people = [
      at.sketch('hris', { firstName: 'Augusta', username: 'augusta' }),
      at.sketch('idp', { firstName: 'Ada' }),
    ];
    const authority =
      lifecycleAuthority === 'any'
        ? 'any'
        : lifecycleAuthority.map((name) => `directory_${name}_${at.organizationId}`);
    await sandbox(tenure, at.organizationId, { lifecycleAuthority: authority });
    const file = {
      ...tenure.file,
      directoryOrder: directoryOrder.map((name) =>
        name.includes(' ') ? name : `directory_${name}_${at.organizationId}`,
      ),
    };
    const take = async (event: Parameters<typeof tenure.take>[0]) =>
      takeIn(
        tenure.store,
        event,
        { transport: 'webhook', receivedAt: new Date() },
        { ...tenure.intake, file },
      );
    return { at, people, take };
  }

  it.each<[string, string[], string[] | 'any', string]>([
    ['by directory id', [], 'any', 'Augusta'],
    ['by the order of the host file', ['idp', 'hris'], 'any', 'Ada'],
    ['by the type of the directory', ['okta scim v2.0'], 'any', 'Ada'],
    ['by the order of the policy, before the host file’s', ['hris'], ['idp', 'hris'], 'Ada'],
  ])('say the profile %s, whichever comes first', async (_by, order, authority, firstName) => {
    for (const reversed of [false, true]) {
      const { at, people, take } = await twoDirectories(order, authority);
      const { organizationId } = at;
      const idp = people[1]?.directoryId ?? '';
      await take(directoryEvent('activated', { id: idp, organizationId }));
      for (const person of reversed ? people.toReversed() : people) {
        await take(userEvent('created', person));
      }
      const { userId } = await membershipOf(tenure, people[0]?.id ?? '');
      // What the first leaves empty is taken from the other.
      expect(await profileOf(userId)).toMatchObject({ firstName, username: 'augusta' });
    }
  });

  it('let the one that has a say decide, and the other one neither in nor out', async () => {
    const { at, people, take } = await twoDirectories([], ['hris']);
    const [hris, idp] = people as [Sketch, Sketch];
    await take(userEvent('created', hris));
    await take(userEvent('created', idp));
    const { _id, userId } = await membershipOf(tenure, hris.id);
    expect((await membershipOf(tenure, idp.id))._id).toBe(_id);
    await drive(tenure, _id);
    await take(userEvent('deleted', idp));
    expect((await membershipById(tenure, _id)).access.state).toBe('open');
    await take(userEvent('updated', idp));
    await take(userEvent('updated', { ...hris, state: 'inactive' }));
    expect((await membershipById(tenure, _id)).access.reason).toBe('notBacked');
    expect(await at.count()).toBe(1);
    expect((await profileOf(userId))?.firstName).toBe('Augusta');
  });

  it('end nobody who was there before by a record of a directory without a say', async () => {
    const { at, people, take } = await twoDirectories([], ['hris']);
    const { membershipId } = await at.add();
    const [, idp] = people as [Sketch, Sketch];
    await take(userEvent('created', idp));
    await take(userEvent('deleted', idp));
    expect(await membershipById(tenure, membershipId)).toMatchObject({
      generation: 0,
      access: { state: 'open' },
    });
  });

  it.each([
    ['the one with a say', false],
    ['the other one', true],
  ])('find the one who was there before, %s first', async (_who, reversed) => {
    const { at, people, take } = await twoDirectories([], ['hris']);
    const { membershipId } = await at.add();
    for (const person of reversed ? people.toReversed() : people) {
      await take(userEvent('created', person));
      expect((await membershipOf(tenure, person.id))._id).toBe(membershipId);
    }
    expect(await at.count()).toBe(1);
  });

  it('find each other though the one without a say came first, once it tells of the person again', async () => {
    const { at, people, take } = await twoDirectories([], ['hris']);
    const [hris, idp] = people as [Sketch, Sketch];
    await take(userEvent('created', idp));
    expect(await at.count()).toBe(0);
    await take(userEvent('created', hris));
    await take(userEvent('updated', idp));
    const { _id } = await membershipOf(tenure, hris.id);
    expect((await membershipOf(tenure, idp.id))._id).toBe(_id);
  });
});

describe('access by group', () => {
  it('ends nobody who was there before, and is in the directory but in no group yet', async () => {
    const at = await company(tenure, { accessByGroup: true });
    const { membershipId } = await at.add();
    await tenure.take(userEvent('created', at.sketch('idp')));
    expect(await membershipById(tenure, membershipId)).toMatchObject({
      generation: 0,
      access: { state: 'open' },
    });
  });
});

describe('one person in several organizations', () => {
  it('leaves one and stays as they are in the other, revision and all', async () => {
    const [one, other] = [await company(tenure), await company(tenure)];
    const id = `host_user_${one.organizationId}`;
    const here = await one.add({ id });
    const there = await other.add({ id, email: one.email });
    const people = [one.sketch('idp'), other.sketch('idp', { email: one.email })];
    for (const person of people) await tenure.take(userEvent('created', person));
    expect((await membershipOf(tenure, people[0]?.id ?? ''))._id).toBe(here.membershipId);
    expect((await membershipOf(tenure, people[1]?.id ?? ''))._id).toBe(there.membershipId);
    for (const { membershipId } of [here, there]) await drive(tenure, membershipId);
    const before = await membershipById(tenure, there.membershipId);
    const profile = await profileOf(id);
    await tenure.take(userEvent('deleted', people[0]!));
    await drive(tenure, here.membershipId);
    expect((await membershipById(tenure, here.membershipId)).phase).toBe('coolingOff');
    expect(await membershipById(tenure, there.membershipId)).toEqual(before);
    expect(await profileOf(id)).toEqual(profile);
    const asked = { userId: id };
    expect(
      await checkAccess(tenure.store.db, { ...asked, organizationId: other.organizationId }),
    ).toMatchObject({ allowed: true, roles: ['editor'] });
    expect(
      await checkAccess(tenure.store.db, { ...asked, organizationId: one.organizationId }),
    ).toMatchObject({ allowed: false, reason: 'notBacked' });
  });
});

describe('the manager whom a directory names', () => {
  async function staff(at: Company, managers: Record<string, string | null>) {
    const emailOf = (name: string) => `${name}.${at.email}`;
    const people = Object.entries(managers).map(([name, manager]) =>
      at.sketch('idp', {
        email: emailOf(name),
        firstName: name,
        customAttributes: manager === null ? {} : { manager_email: manager },
      }),
    );
    const found: Record<string, { person: Sketch; userId: string; membershipId: string }> = {};
    for (const person of people) {
      const { _id, userId } = await open(person);
      found[person.firstName ?? ''] = { person, userId, membershipId: _id };
    }
    return found;
  }

  async function recipientOf(membershipId: string): Promise<string> {
    const membership = await membershipById(tenure, membershipId);
    const { store, file, host } = tenure;
    const policy = await policyInForce(store, file, membership.organizationId);
    return findRecipient({ store, file, host } as ActivityDeps, host, membership, policy);
  }

  it('is the other one in a cycle while they are there, and the organization once both left', async () => {
    const at = await company(tenure);
    const of = (name: string) => `${name}.${at.email}`;
    const { ada, ben } = await staff(at, { ada: of('ben'), ben: of('ada') });
    await tenure.take(userEvent('deleted', ada!.person));
    expect(await recipientOf(ada!.membershipId)).toBe(ben!.userId);
    await tenure.take(userEvent('deleted', ben!.person));
    const organization = tenure.host.organizationOwner(at.organizationId);
    expect(await recipientOf(ada!.membershipId)).toBe(organization);
    expect(await recipientOf(ben!.membershipId)).toBe(organization);
  });

  it('is never the person themself', async () => {
    const at = await company(tenure);
    const { ada } = await staff(at, { ada: `ada.${at.email}` });
    expect(await recipientOf(ada!.membershipId)).toBe(
      tenure.host.organizationOwner(at.organizationId),
    );
  });

  it('is nobody of another organization', async () => {
    const elsewhere = await company(tenure);
    await staff(elsewhere, { boss: null });
    const at = await company(tenure);
    const { ada } = await staff(at, { ada: `boss.${elsewhere.email}` });
    await tenure.take(userEvent('deleted', ada!.person));
    expect(await recipientOf(ada!.membershipId)).toBe(
      tenure.host.organizationOwner(at.organizationId),
    );
  });

  it('is nobody where two have that address, or the address is empty or unknown', async () => {
    const at = await company(tenure);
    const of = (name: string) => `${name}.${at.email}`;
    const { ada, ben, cleo } = await staff(at, {
      ada: of('twin'),
      ben: '   ',
      cleo: of('nobody'),
      twin: null,
    });
    await open(at.sketch('idp', { email: of('twin') }));
    for (const one of [ada, ben, cleo]) {
      expect(await recipientOf(one!.membershipId)).toBe(
        tenure.host.organizationOwner(at.organizationId),
      );
    }
  });
});

describe('e-mails within one directory', () => {
  it('that are repeated make as many people as there are records, and the admins are told', async () => {
    const at = await company(tenure);
    const joined = [
      await open(at.sketch('idp')),
      await open(at.sketch('idp')),
      await open(at.sketch('idp')),
    ];
    expect(new Set(joined.map(({ userId }) => userId)).size).toBe(3);
    expect(await at.notices()).toEqual(['looksAlike', 'looksAlike']);
  });

  it('that are repeated link one of them only to who was there before', async () => {
    const at = await company(tenure);
    const { membershipId } = await at.add();
    const first = await open(at.sketch('idp'));
    const second = await open(at.sketch('idp'));
    expect(first._id).toBe(membershipId);
    expect(second._id).not.toBe(membershipId);
    expect(second.roles).toEqual([]);
  });

  it('that are null or blank match nobody', async () => {
    const at = await company(tenure);
    await at.add({ email: null });
    for (const email of [null, null]) await open(at.sketch('idp', { email }));
    expect(await at.count()).toBe(3);
    expect(await at.notices()).toEqual([]);
  });
});
