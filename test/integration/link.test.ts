import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { checkAccess } from '../../gate/decide.ts';
import { importUser } from '../../transitions/organization/import-users.ts';
import { drive, membershipById, membershipOf, sandbox } from '../support/by-hand.ts';
import { userEvent, workosId, type DirectoryUserSketch } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

/** A company with two directories, such as an HRIS and an identity provider. */
async function company() {
  const organizationId = workosId('org');
  await sandbox(tenure, organizationId);
  const email = `${workosId('mail')}@example.com`;
  const sketch = (directory: 'hris' | 'idp', more: Partial<DirectoryUserSketch> = {}) => ({
    id: workosId('directory_user'),
    organizationId,
    directoryId: `directory_${directory}_${organizationId}`,
    email,
    ...more,
  });
  const add = async (changes: { email?: string | null; username?: string | null } = {}) =>
    importUser(
      tenure.store,
      {
        id: workosId('host_user'),
        organizationId,
        email,
        username: null,
        name: 'Ada Lovelace',
        roles: ['editor'],
        status: 'active',
        ...changes,
      },
      'import',
    );
  return { organizationId, email, sketch, add };
}

async function arrive(person: DirectoryUserSketch & { id: string }) {
  await tenure.take(userEvent('created', person));
  return membershipOf(tenure, person.id);
}

async function count(organizationId: string): Promise<number> {
  return tenure.store.collections.memberships.countDocuments({ organizationId });
}

async function notices(organizationId: string): Promise<string[]> {
  const found = await tenure.store.collections.notices.find({ organizationId }).toArray();
  return found.map(({ code }) => code).filter((code) => code !== 'unannouncedDirectory');
}

describe('a directory user who is seen for the first time', () => {
  it('is linked to the one who was there before Directory Sync, who keeps access and roles', async () => {
    const { organizationId, sketch, add, email } = await company();
    const { id, membershipId } = await add({ email: email.toUpperCase() });
    const linked = await arrive(sketch('idp'));
    expect(linked).toMatchObject({ _id: membershipId, userId: id, backed: true, everBacked: true });
    expect(linked.access.state).toBe('open');
    expect(linked.roles).toEqual([{ role: 'editor', source: 'manual' }]);
    expect(await count(organizationId)).toBe(1);
  });

  it('is linked by the username as well', async () => {
    const { sketch, add } = await company();
    const { membershipId } = await add({ email: null, username: 'Ada' });
    const linked = await arrive(sketch('idp', { email: null, username: 'ada' }));
    expect(linked._id).toBe(membershipId);
  });

  it('is linked to somebody whom another directory of the company backs now', async () => {
    const { organizationId, sketch } = await company();
    const first = await arrive(sketch('hris'));
    const second = await arrive(sketch('idp'));
    expect(second._id).toBe(first._id);
    expect(await count(organizationId)).toBe(1);
  });

  it('stays in while one of both directories has them', async () => {
    const { sketch } = await company();
    const [hris, idp] = [sketch('hris'), sketch('idp')];
    await arrive(hris);
    const { _id } = await arrive(idp);
    await drive(tenure, _id);
    await tenure.take(userEvent('deleted', hris));
    expect((await membershipById(tenure, _id)).access.state).toBe('open');
    await tenure.take(userEvent('deleted', idp));
    expect((await membershipById(tenure, _id)).access.reason).toBe('notBacked');
  });

  it('takes along a leaver who was there before Directory Sync', async () => {
    const { sketch, add } = await company();
    const { membershipId } = await add();
    const person = sketch('idp', { state: 'inactive' });
    await tenure.take(userEvent('created', person));
    expect(await membershipById(tenure, membershipId)).toMatchObject({
      generation: 1,
      access: { state: 'closed', reason: 'notBacked' },
    });
  });

  it('waits for an admin where it may be several, is denied meanwhile, and makes nobody', async () => {
    const { organizationId, sketch, add, email } = await company();
    const users = [await add(), await add()];
    const person = sketch('idp');
    await tenure.take(userEvent('created', person));
    await tenure.take(userEvent('updated', { ...person, firstName: 'Augusta' }));
    const requests = await tenure.store.collections.linkRequests.find({ organizationId }).toArray();
    expect(requests).toHaveLength(1);
    expect(requests[0]?.candidateUserIds.toSorted()).toEqual(users.map(({ id }) => id).toSorted());
    expect(JSON.stringify(requests)).not.toContain(email);
    expect(await count(organizationId)).toBe(2);
    const asked = { organizationId, directoryUserId: person.id };
    expect(await checkAccess(tenure.store.db, asked)).toMatchObject({
      allowed: false,
      reason: 'pendingLink',
    });
    expect(await notices(organizationId)).toEqual(['looksAlike', 'linkRequested']);
  });

  it('withdraws the request of somebody who leaves before the decision, and forgets the address at the gate', async () => {
    const { organizationId, sketch, add, email } = await company();
    await add();
    await add();
    const person = sketch('idp');
    await tenure.take(userEvent('created', person));
    await tenure.take(userEvent('deleted', person));
    const { linkRequests, gate } = tenure.store.collections;
    expect(await linkRequests.findOne({ organizationId })).toMatchObject({
      resolution: 'withdrawn',
      resolvedBy: 'directory',
    });
    expect(await gate.countDocuments({ directoryUserIds: person.id })).toBe(0);
    expect(await gate.countDocuments({ emails: email.toLowerCase() })).toBe(2);
    expect(
      await checkAccess(tenure.store.db, { organizationId, directoryUserId: person.id }),
    ).toMatchObject({ allowed: false, reason: 'unknown' });
  });

  it('tells the admins of an import that looks like somebody whom a directory brought, and merges nobody', async () => {
    const { organizationId, sketch, add } = await company();
    const person = await arrive(sketch('idp'));
    const imported = await add();
    expect(imported.membershipId).not.toBe(person._id);
    expect(await count(organizationId)).toBe(2);
    expect(await notices(organizationId)).toEqual(['looksAlike']);
  });

  it('waits for an admin where e-mail and username lead to two people', async () => {
    const { organizationId, sketch, add } = await company();
    await add();
    await add({ email: null, username: 'ada' });
    await tenure.take(userEvent('created', sketch('idp', { username: 'ada' })));
    expect(await tenure.store.collections.linkRequests.countDocuments({ organizationId })).toBe(1);
  });

  it.each<[string, (of: Awaited<ReturnType<typeof company>>) => Promise<unknown>]>([
    [
      'who left',
      async ({ sketch }) => {
        const former = sketch('hris');
        await arrive(former);
        await tenure.take(userEvent('deleted', former));
      },
    ],
    ['of the same directory', async ({ sketch }) => arrive(sketch('idp'))],
  ])(
    'is somebody else than one with the same address %s, and the admins are told',
    async (_who, before) => {
      const at = await company();
      await before(at);
      const [former] = await tenure.store.collections.memberships
        .find({ organizationId: at.organizationId })
        .toArray();
      const person = at.sketch('idp');
      const newcomer = await arrive(person);
      expect(newcomer._id).not.toBe(former?._id);
      expect(newcomer.userId).not.toBe(former?.userId);
      expect(await notices(at.organizationId)).toEqual(['looksAlike']);
    },
  );

  it('is nobody of another organization, and the admins are told', async () => {
    const [one, other] = [await company(), await company()];
    const first = await arrive(one.sketch('idp'));
    const second = await arrive(other.sketch('idp', { email: one.email }));
    expect(second.userId).not.toBe(first.userId);
    expect(await notices(other.organizationId)).toEqual(['looksAlike']);
    expect(await notices(one.organizationId)).toEqual([]);
  });

  it('is not found by an address that only looks alike', async () => {
    const { organizationId, sketch, add, email } = await company();
    await add();
    for (const alike of [
      email.replace('a', '\u0430'),
      `x+${email}`,
      email.replace('.com', '.com.evil.example'),
    ]) {
      await arrive(sketch('idp', { email: alike }));
    }
    expect(await count(organizationId)).toBe(4);
  });

  it('without any address is somebody new', async () => {
    const { organizationId, sketch, add } = await company();
    await add({ email: null });
    await arrive(sketch('idp', { email: null }));
    expect(await count(organizationId)).toBe(2);
  });

  it('makes nobody while inactive, and somebody once active', async () => {
    const { organizationId, sketch, email } = await company();
    const person = sketch('idp', { state: 'inactive' });
    await tenure.take(userEvent('created', person));
    expect(await count(organizationId)).toBe(0);
    const mirror = await tenure.store.collections.directoryUsers.findOne({
      'records.id': person.id,
    });
    expect(JSON.stringify(mirror)).not.toContain(email);
    await tenure.take(userEvent('updated', { ...person, state: 'active' }));
    expect(await count(organizationId)).toBe(1);
  });
});

describe('a directory user who is known', () => {
  it('is never looked for by e-mail again, and keeps the membership when the address changes', async () => {
    const { organizationId, sketch, add } = await company();
    const person = sketch('idp', { email: `${workosId('mail')}@example.com` });
    const first = await arrive(person);
    const { membershipId } = await add();
    await tenure.take(
      userEvent('updated', sketch('idp', { ...person, email: (await company()).email })),
    );
    expect((await membershipOf(tenure, person.id))._id).toBe(first._id);
    expect(first._id).not.toBe(membershipId);
    const user = await tenure.store.collections.users.findOne({ _id: first.userId });
    expect(user?.emailHistory.map(({ email }) => email)).toEqual([person.email]);
    expect(await count(organizationId)).toBe(2);
  });

  it('comes back under a new id with the same idp_id: same membership, same user', async () => {
    const { organizationId, sketch } = await company();
    const person = sketch('idp', { idpId: 'idp-ada' });
    const before = await arrive(person);
    await tenure.take(userEvent('deleted', person));
    const again = { ...person, id: workosId('directory_user') };
    const after = await arrive(again);
    expect(after).toMatchObject({
      _id: before._id,
      userId: before.userId,
      backed: true,
      generation: 1,
    });
    expect(await count(organizationId)).toBe(1);
    await tenure.take(userEvent('deleted', person));
    expect((await membershipById(tenure, before._id)).backed).toBe(true);
  });
});
