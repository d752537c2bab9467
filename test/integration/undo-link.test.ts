import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { Refusal } from '../../domain/errors.ts';
import { checkAccess } from '../../gate/decide.ts';
import { changeMembership } from '../../transitions/membership/change-membership.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { resolveLinkRequest } from '../../transitions/links/resolve-link-request.ts';
import { spreadGuards } from '../../transitions/guards/spread-guards.ts';
import { undoLink } from '../../transitions/links/undo-link.ts';
import {
  afterCoolingOff,
  drive,
  membershipById,
  membershipOf,
  spread,
} from '../support/by-hand.ts';
import { company, type Company } from '../support/company.ts';
import { directoryEvent, userEvent } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

async function unlink(membershipId: string, directoryUserId: string, at = tenure) {
  return undoLink(
    at.store,
    { membershipId, directoryUserId, actor: 'admin:ada', reason: 'a namesake' },
    { file: at.file, newUserId: at.intake.newUserId },
  );
}

async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
  return 'not refused';
}

async function userOf(userId: string) {
  const user = await tenure.store.collections.users.findOne({ _id: userId });
  if (user === null) throw new Error('There is no such user.');
  return user;
}

async function asked(at: Company, directoryUserId: string) {
  return checkAccess(tenure.store.db, { organizationId: at.organizationId, directoryUserId });
}

/** Somebody who was there before Directory Sync, wrongly linked to a namesake in the directory. */
async function wronglyLinked() {
  const at = await company(tenure);
  const { id, membershipId } = await at.add();
  const before = { membership: await membershipById(tenure, membershipId), user: await userOf(id) };
  const person = at.sketch('idp', { firstName: 'Grace', lastName: 'Hopper' });
  await at.arrive(person);
  await drive(tenure, membershipId);
  expect((await userOf(id)).profile?.lastName).toBe('Hopper');
  return { at, id, membershipId, person, before };
}

const facts = ['backed', 'everBacked', 'withoutDirectory', 'generation', 'roles'] as const;

describe('a link of somebody who was there before Directory Sync, undone', () => {
  it('gives them back what it replaced, and is no leaving', async () => {
    const { id, membershipId, person, before } = await wronglyLinked();
    await unlink(membershipId, person.id);
    const restored = await membershipById(tenure, membershipId);
    for (const fact of facts) expect(restored[fact]).toEqual(before.membership[fact]);
    expect(restored).toMatchObject({ dueAt: null, guard: null, leftFrom: null });
    const user = await userOf(id);
    for (const field of ['profile', 'emailKey', 'usernameKey', 'emailHistory'] as const) {
      expect(user[field]).toEqual(before.user[field]);
    }
    await drive(tenure, membershipId);
    expect(await membershipById(tenure, membershipId)).toMatchObject({
      access: { state: 'open' },
      status: 'active',
      phase: 'settled',
      generation: 0,
    });
  });

  it('makes the directory user a user of their own, who inherits nothing', async () => {
    const { at, id, membershipId, person } = await wronglyLinked();
    const { separateMembershipId } = await unlink(membershipId, person.id);
    const apart = await membershipOf(tenure, person.id);
    expect(apart._id).toBe(separateMembershipId);
    expect(apart.userId).not.toBe(id);
    expect(apart).toMatchObject({ backed: true, roles: [] });
    expect((await userOf(apart.userId)).profile?.lastName).toBe('Hopper');
    await drive(tenure, apart._id);
    expect(await asked(at, person.id)).toMatchObject({ allowed: true, userId: apart.userId });
    const { directoryUserIds, idpIds } =
      (await tenure.store.collections.gate.findOne({ _id: membershipId })) ?? {};
    expect({ directoryUserIds, idpIds }).toEqual({ directoryUserIds: [], idpIds: [] });
  });

  it('closes both until every session of both is revoked', async () => {
    const { membershipId, person } = await wronglyLinked();
    const { closings } = await membershipById(tenure, membershipId);
    await unlink(membershipId, person.id);
    const both = [
      await membershipById(tenure, membershipId),
      await membershipOf(tenure, person.id),
    ];
    expect(both[0]?.closings).toBe(closings + 1);
    expect(both[1]?.closings).toBe(1);
    for (const one of both) {
      expect(one.access).toEqual({ state: 'closed', reason: 'opening' });
      expect(one.urgent).toBe(true);
      expect((await drive(tenure, one._id, { stopAt: 'revoke' })).step.do).toBe('revoke');
      await drive(tenure, one._id);
      const after = await membershipById(tenure, one._id);
      expect(after.access.state).toBe('open');
      expect(after.revokedClosings).toBe(after.closings);
    }
  });

  it('is written down with who did it and why, and what it replaced is kept no longer', async () => {
    const { at, membershipId, person } = await wronglyLinked();
    const { links, timeline, reasons } = tenure.store.collections;
    expect(JSON.stringify(await links.findOne({ membershipId }))).toContain(at.email);
    await unlink(membershipId, person.id);
    const line = await timeline.findOne({ membershipId, type: 'unlinked' });
    expect(line).toMatchObject({ actor: 'admin:ada', detail: { directoryUserId: person.id } });
    expect(await reasons.findOne({ _id: line?.reasonId ?? '' })).toMatchObject({
      text: 'a namesake',
      membershipId,
    });
    expect(await links.findOne({ membershipId })).toMatchObject({
      how: 'automatic',
      replaced: null,
      undone: { by: 'admin:ada', reasonId: line?.reasonId },
    });
  });

  it('is never made again by itself, also where the directory user was inactive meanwhile', async () => {
    const { membershipId, person } = await wronglyLinked();
    await tenure.take(userEvent('updated', { ...person, state: 'inactive' }));
    await unlink(membershipId, person.id);
    const { directoryUsers } = tenure.store.collections;
    const mirror = await directoryUsers.findOne({ 'records.id': person.id });
    expect(mirror).toMatchObject({ membershipId: null, records: [{ profile: null }] });
    await tenure.take(userEvent('updated', person));
    expect((await membershipOf(tenure, person.id))._id).not.toBe(membershipId);
    expect((await membershipById(tenure, membershipId)).backed).toBe(false);
  });

  it('undoes the leaving that the directory user caused: open again, with roles and resources', async () => {
    const { membershipId, person } = await wronglyLinked();
    await tenure.take(userEvent('deleted', person));
    await drive(tenure, membershipId);
    expect(await membershipById(tenure, membershipId)).toMatchObject({
      phase: 'coolingOff',
      roles: [],
      suspendedRoles: ['editor'],
    });
    await unlink(membershipId, person.id);
    expect(await membershipById(tenure, membershipId)).toMatchObject({
      generation: 1,
      dueAt: null,
      giveBack: true,
      roles: [{ role: 'editor', source: 'manual' }],
    });
    await drive(tenure, membershipId, { nowMs: afterCoolingOff() });
    expect(await membershipById(tenure, membershipId)).toMatchObject({
      access: { state: 'open' },
      generation: 1,
      erasure: null,
    });
  });

  it('undoes the ending of one whom an inactive namesake took along', async () => {
    const at = await company(tenure);
    const { membershipId } = await at.add();
    const person = at.sketch('idp', { state: 'inactive' });
    await tenure.take(userEvent('created', person));
    expect((await membershipById(tenure, membershipId)).access.reason).toBe('notBacked');
    await unlink(membershipId, person.id);
    await drive(tenure, membershipId);
    expect((await membershipById(tenure, membershipId)).access.state).toBe('open');
    expect(await at.count()).toBe(1);
  });

  it('leaves what an admin did since: a disable stands', async () => {
    const { membershipId, person } = await wronglyLinked();
    await inTransaction(tenure.store, async (tx) =>
      changeMembership(tx, membershipId, { actor: 'admin:ada' }, (draft) => {
        draft.disabled = { by: 'admin:ada', at: tx.at, reasonId: null };
        draft.roles.push({ role: 'auditor', source: 'manual' });
      }),
    );
    await unlink(membershipId, person.id);
    await drive(tenure, membershipId);
    const kept = await membershipById(tenure, membershipId);
    expect(kept.access).toEqual({ state: 'closed', reason: 'disabled' });
    expect(kept.roles.map(({ role }) => role)).toEqual(['editor', 'auditor']);
  });

  it('closes without a countdown where only a directory lets anybody in by now', async () => {
    const { at, membershipId, person } = await wronglyLinked();
    await tenure.store.collections.organizations.updateOne(
      { _id: at.organizationId },
      { $set: { directorySync: 'enabled' } },
    );
    await unlink(membershipId, person.id);
    await drive(tenure, membershipId, { nowMs: afterCoolingOff() });
    expect(await membershipById(tenure, membershipId)).toMatchObject({
      access: { state: 'closed', reason: 'notBacked' },
      generation: 0,
      dueAt: null,
      phase: 'settled',
    });
  });
});

describe('a link between an HRIS and an identity provider, undone', () => {
  /** Known from the HRIS, wrongly linked to a namesake of the identity provider. */
  async function twice() {
    const at = await company(tenure);
    const hris = at.sketch('hris', { firstName: 'Ada', lastName: 'Lovelace' });
    const { _id, userId } = await at.arrive(hris);
    await drive(tenure, _id);
    const idp = at.sketch('idp', { firstName: 'Grace', username: 'grace' });
    expect((await at.arrive(idp))._id).toBe(_id);
    await drive(tenure, _id);
    return { at, hris, idp, membershipId: _id, userId };
  }

  it('leaves the one directory behind the membership, with its profile, and is no leaving', async () => {
    const { at, hris, idp, membershipId, userId } = await twice();
    await unlink(membershipId, idp.id);
    await drive(tenure, membershipId);
    expect(await membershipById(tenure, membershipId)).toMatchObject({
      backed: true,
      everBacked: true,
      generation: 0,
      access: { state: 'open' },
    });
    const user = await userOf(userId);
    expect(user.profile).toMatchObject({ firstName: 'Ada', username: null });
    expect(user.emailHistory).toEqual([]);
    expect(await asked(at, hris.id)).toMatchObject({ allowed: true, userId });
    expect((await membershipOf(tenure, idp.id))._id).not.toBe(membershipId);
  });

  it('shows the leaving that it hid: who had left in the HRIS is out', async () => {
    const { hris, idp, membershipId } = await twice();
    await tenure.take(userEvent('deleted', hris));
    expect((await membershipById(tenure, membershipId)).access.state).toBe('open');
    await unlink(membershipId, idp.id);
    expect(await membershipById(tenure, membershipId)).toMatchObject({
      access: { state: 'closed', reason: 'notBacked' },
      generation: 1,
    });
  });

  it('is not there to undo for the directory user who made the membership', async () => {
    const { hris, membershipId } = await twice();
    expect(await refusalOf(unlink(membershipId, hris.id))).toBe('notLinked');
    expect(await refusalOf(unlink(membershipId, 'directory_user_none'))).toBe('notLinked');
    expect(await refusalOf(unlink('membership_none', hris.id))).toBe('notFound');
  });

  it('is undone once', async () => {
    const { idp, membershipId } = await twice();
    await unlink(membershipId, idp.id);
    expect(await refusalOf(unlink(membershipId, idp.id))).toBe('notLinked');
  });

  it('restores what was before both where two links are undone, whichever goes first', async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const at = await company(tenure);
      const { id, membershipId } = await at.add();
      const before = await userOf(id);
      const people = [
        at.sketch('hris', { firstName: 'Grace' }),
        at.sketch('idp', { firstName: 'Mary' }),
      ];
      for (const person of people) expect((await at.arrive(person))._id).toBe(membershipId);
      for (const nth of order) await unlink(membershipId, people[nth]?.id ?? '');
      await drive(tenure, membershipId);
      expect(await membershipById(tenure, membershipId)).toMatchObject({
        backed: false,
        everBacked: false,
        generation: 0,
        access: { state: 'open' },
      });
      const user = await userOf(id);
      expect(user.profile).toEqual(before.profile);
      expect(user.emailHistory).toEqual([]);
    }
  });

  it('takes the roles along that only the other directory gave', async () => {
    const { idp, membershipId } = await twice();
    const event = userEvent('updated', idp);
    await tenure.take({
      ...event,
      data: { ...(event.data as object), role: { slug: 'billing' }, roles: [{ slug: 'billing' }] },
    });
    await drive(tenure, membershipId);
    const held = await membershipById(tenure, membershipId);
    expect(held.roles).toEqual([{ role: 'billing', source: 'directory' }]);
    await unlink(membershipId, idp.id);
    expect((await membershipById(tenure, membershipId)).roles).toEqual([]);
    const apart = await membershipOf(tenure, idp.id);
    await drive(tenure, apart._id);
    expect((await membershipById(tenure, apart._id)).roles).toEqual([
      { role: 'billing', source: 'directory' },
    ]);
  });
});

describe('a link that an admin decided, undone', () => {
  it('lets the leaving of the person go on where it was, with as much of the cooling-off ahead', async () => {
    const at = await company(tenure);
    await at.add();
    await at.add();
    const leaver = at.sketch('hris', { email: `x${at.email}` });
    const { _id, userId } = await at.arrive(leaver);
    await drive(tenure, _id);
    await tenure.take(userEvent('deleted', leaver));
    await drive(tenure, _id);
    const left = await membershipById(tenure, _id);
    const person = at.sketch('idp');
    await tenure.take(userEvent('created', person));
    const [request] = await at.requests();
    await resolveLinkRequest(
      tenure.store,
      {
        requestId: request?._id ?? '',
        actor: 'admin:ada',
        reason: null,
        decision: { action: 'link', userId },
      },
      { file: tenure.file, newUserId: tenure.intake.newUserId },
    );
    await drive(tenure, _id);
    expect((await membershipById(tenure, _id)).access.state).toBe('open');
    await unlink(_id, person.id);
    const again = await membershipById(tenure, _id);
    expect(again).toMatchObject({
      backed: false,
      generation: left.generation,
      disabledAt: left.disabledAt,
      access: { state: 'closed', reason: 'notBacked' },
      giveBack: false,
    });
    expect(again.dueAt?.getTime()).toBeGreaterThanOrEqual(left.dueAt?.getTime() ?? Infinity);
    await drive(tenure, _id, { nowMs: afterCoolingOff() });
    expect((await membershipById(tenure, _id)).outcome).toBe('anonymized');
    // The other person, who may still be either of two, waits again; their data stay.
    expect(await at.requests()).toMatchObject([{ cause: 'several', directoryUserId: person.id }]);
    const { directoryUsers } = tenure.store.collections;
    const mirror = await directoryUsers.findOne({ 'records.id': person.id });
    expect(mirror?.records[0]?.profile?.email).toBe(at.email);
  });
});

describe('a link of somebody who waited at a guard, undone', () => {
  it.each(['open', 'withdrawn', 'rejected'] as const)(
    'lets nobody count down whom no guard let pass: the guard is %s by then',
    async (meanwhile) => {
      const at = await company(tenure);
      await at.add();
      await at.add();
      const leaver = at.sketch('hris', { email: `x${at.email}` });
      const { _id, userId, organizationId } = await at.arrive(leaver);
      await drive(tenure, _id);
      const gone = { id: leaver.directoryId ?? '', organizationId };
      await tenure.take(directoryEvent('deleted', gone));
      await spread(tenure);
      const { guard } = await membershipById(tenure, _id);
      expect(guard).toMatchObject({ state: 'waits' });
      const person = at.sketch('idp');
      await tenure.take(userEvent('created', person));
      const [request] = await at.requests();
      await resolveLinkRequest(
        tenure.store,
        {
          requestId: request?._id ?? '',
          actor: 'admin:ada',
          reason: null,
          decision: { action: 'link', userId },
        },
        { file: tenure.file, newUserId: tenure.intake.newUserId },
      );
      await tenure.store.collections.guards.updateOne(
        { _id: guard?.id ?? '' },
        { $set: { state: meanwhile }, $unset: { spreading: '' } },
      );
      await unlink(_id, person.id);
      while (await spreadGuards(tenure.store, tenure));
      await drive(tenure, _id, { nowMs: afterCoolingOff() });
      expect(await membershipById(tenure, _id)).toMatchObject({
        guard: { id: guard?.id, state: meanwhile === 'rejected' ? 'rejected' : 'waits' },
        phase: meanwhile === 'rejected' ? 'retained' : 'blocked',
        outcome: null,
      });
      const now = await tenure.store.collections.guards.findOne({ _id: guard?.id ?? '' });
      expect(now?.state).toBe(meanwhile === 'rejected' ? 'rejected' : 'open');
    },
  );
});

describe('undoing', () => {
  it('is refused once the erasure has begun, and what links replaced is forgotten with the person', async () => {
    const { at, membershipId, person } = await wronglyLinked();
    await tenure.take(userEvent('deleted', person));
    await drive(tenure, membershipId, { nowMs: afterCoolingOff(), stopAt: 'erase' });
    expect(await refusalOf(unlink(membershipId, person.id))).toBe('erasureStarted');
    await drive(tenure, membershipId, { nowMs: afterCoolingOff() });
    const links = await tenure.store.collections.links.find({ membershipId }).toArray();
    expect(links).toMatchObject([{ replaced: null }]);
    expect(JSON.stringify(links)).not.toContain(at.email);
  });

  it('makes the directory user wait where the host’s users must have unique e-mails', async () => {
    const { at, id, membershipId, person } = await wronglyLinked();
    const { users } = tenure.file;
    if (users === null) throw new Error('The demo projects users.');
    const file = { ...tenure.file, users: { ...users, uniqueEmail: true } };
    expect(await unlink(membershipId, person.id, { ...tenure, file })).toEqual({
      membershipId,
      separateMembershipId: null,
    });
    expect(await at.requests()).toMatchObject([
      { cause: 'emailInUse', candidateUserIds: [id], directoryUserId: person.id },
    ]);
    expect(await asked(at, person.id)).toMatchObject({ allowed: false, reason: 'pendingLink' });
  });
});
