import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { checkAccess } from '../../gate/decide.ts';
import type { RoleMapping } from '../../domain/grants.ts';
import type { EventEnvelope } from '../../platform/workos/wire.ts';
import {
  afterCoolingOff,
  drive,
  membershipById,
  membershipOf,
  sandbox,
  spread,
} from '../support/by-hand.ts';
import { directoryEvent, edgeEvent, groupEvent, userEvent, workosId } from '../support/events.ts';
import { mapGroups, mapped } from '../support/groups.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';
import type { PolicyDefaults } from '../../domain/host-file.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

/** A directory with one group, which gives the role `builder` and lets people in. */
async function company(
  policy: PolicyDefaults = {},
  more: (id: string) => RoleMapping[] = () => [],
) {
  const organizationId = workosId('org');
  const directoryId = `directory_${organizationId}`;
  const group = { id: workosId('directory_group'), directoryId, organizationId };
  await sandbox(tenure, organizationId, policy);
  const mappings = [mapped(group.id, { roles: ['builder'], permissions: ['build'] })];
  await mapGroups(tenure, organizationId, [...mappings, ...more(directoryId)]);
  const person = () => ({
    id: workosId('directory_user'),
    organizationId,
    directoryId,
    email: `${workosId('mail').toLowerCase()}@example.com`,
  });
  return { organizationId, directoryId, group, person };
}

type Person = ReturnType<Awaited<ReturnType<typeof company>>['person']>;

async function take(...events: EventEnvelope[]): Promise<void> {
  for (const event of events) await tenure.take(event);
}

/** Lets the lifecycle run, and says what the gate answers. */
async function answer(person: Person) {
  const { organizationId, id } = person;
  const mirror = await tenure.store.collections.directoryUsers.findOne({ 'records.id': id });
  if (mirror?.membershipId != null) await drive(tenure, mirror.membershipId);
  return gate({ organizationId, id });
}

async function gate({ organizationId, id }: Pick<Person, 'organizationId' | 'id'>) {
  const asked = { organizationId, directoryUserId: id };
  const { allowed, roles, permissions, reason } = await checkAccess(tenure.store.db, asked);
  return { allowed, roles, permissions, reason };
}

const builder = { allowed: true, roles: ['builder'], permissions: ['build'] };
const plain = { allowed: true, roles: [], permissions: [] };

async function groupOf(id: string) {
  return tenure.store.collections.directoryGroups.findOne({ _id: id });
}

async function edgesOf(directoryUserId: string) {
  return tenure.store.collections.directoryEdges.find({ directoryUserId }).toArray();
}

describe('a group', () => {
  it('is mirrored under its id, its newest name counts, and a deletion is remembered', async () => {
    const { group } = await company();
    const created = groupEvent('created', { ...group, name: 'Engineering' });
    const renamed = groupEvent('updated', { ...group, name: 'Builders' });
    await take(renamed);
    expect(await tenure.take(created)).toMatchObject({ outcome: 'stale' });
    expect(await groupOf(group.id)).toMatchObject({ name: 'Builders', state: 'active' });
    const deleted = groupEvent('deleted', group);
    await take(deleted);
    expect(await groupOf(group.id)).toMatchObject({
      state: 'deleted',
      deletedVersion: { eventId: deleted.id },
    });
    expect(await tenure.take(deleted)).toEqual({ duplicate: true });
  });

  it('makes nobody and touches nobody by itself', async () => {
    const { group, organizationId } = await company();
    const taken = await tenure.take(groupEvent('created', group));
    expect(taken).toMatchObject({ outcome: 'applied', urgent: [], touched: [] });
    const { memberships, directoryUsers } = tenure.store.collections;
    expect(await memberships.countDocuments({ organizationId })).toBe(0);
    expect(await directoryUsers.countDocuments({ organizationId })).toBe(0);
  });

  it('is judged for everybody when its deletion is told, not when its name is', async () => {
    const { group, organizationId } = await company();
    const revision = async () =>
      (await tenure.store.collections.organizations.findOne({ _id: organizationId }))?.revision;
    const before = await revision();
    const stranger = { ...group, id: workosId('directory_group') };
    await take(
      groupEvent('created', group),
      groupEvent('updated', { ...group, name: 'Other' }),
      groupEvent('deleted', stranger),
    );
    expect(await revision()).toBe(before);
    await take(groupEvent('deleted', group));
    expect(await revision()).toBe((before ?? 0) + 1);
  });

  it('takes what it gave by its deletion alone, and gives it anew only to those who are added anew', async () => {
    const { group, person } = await company();
    const [stays, comesAgain] = [person(), person()];
    await take(userEvent('created', stays), userEvent('created', comesAgain));
    await take(edgeEvent('user_added', stays, group), edgeEvent('user_added', comesAgain, group));
    expect(await answer(stays)).toMatchObject(builder);
    expect(await answer(comesAgain)).toMatchObject(builder);
    await take(groupEvent('deleted', group));
    await spread(tenure);
    expect(await gate(stays)).toMatchObject(plain);
    expect(await gate(comesAgain)).toMatchObject(plain);
    await take(groupEvent('created', group), edgeEvent('user_added', comesAgain, group));
    await spread(tenure);
    expect(await answer(stays)).toMatchObject(plain);
    expect(await answer(comesAgain)).toMatchObject(builder);
  });

  it('that was deleted and made again is so as well where the deletion comes last', async () => {
    const { group, person } = await company();
    const ada = person();
    await take(userEvent('created', ada), edgeEvent('user_added', ada, group));
    const deleted = groupEvent('deleted', group);
    await take(groupEvent('created', group));
    expect(await answer(ada)).toMatchObject(builder);
    expect(await tenure.take(deleted)).toMatchObject({ outcome: 'applied' });
    await spread(tenure);
    expect(await gate(ada)).toMatchObject(plain);
    expect(await groupOf(group.id)).toMatchObject({ state: 'active' });
  });
});

describe('the groups of a directory', () => {
  it('go with it to another organization', async () => {
    const { group, directoryId } = await company();
    await take(groupEvent('created', group));
    const organizationId = workosId('org');
    await take(directoryEvent('activated', { id: directoryId, organizationId }));
    expect(await groupOf(group.id)).toMatchObject({ organizationId, state: 'active' });
  });
});

describe('an edge', () => {
  it('gives through the lifecycle, and takes at once', async () => {
    const { group, person } = await company();
    const ada = person();
    await take(groupEvent('created', group), userEvent('created', ada));
    expect(await answer(ada)).toMatchObject(plain);
    const { _id } = await membershipOf(tenure, ada.id);
    expect(await tenure.take(edgeEvent('user_added', ada, group))).toMatchObject({
      outcome: 'applied',
      touched: [_id],
    });
    expect(await gate(ada)).toMatchObject(plain);
    expect(await answer(ada)).toMatchObject(builder);
    expect(await tenure.take(edgeEvent('user_removed', ada, group))).toMatchObject({
      outcome: 'applied',
      urgent: [_id],
    });
    expect(await gate(ada)).toMatchObject(plain);
  });

  it.each([
    ['before the group and the person', 2, 1, 0],
    ['before the person', 1, 2, 0],
    ['before the group', 0, 2, 1],
  ])('may come %s', async (_name, ...order) => {
    const { group, person, organizationId } = await company();
    const ada = person();
    const events = [
      userEvent('created', ada),
      groupEvent('created', { ...group, name: 'Engineering' }),
      edgeEvent('user_added', ada, group),
    ];
    for (const nth of order) {
      await take(events[nth]!);
      if (nth !== 2) continue;
      expect(await groupOf(group.id)).toMatchObject({ _id: group.id, organizationId });
    }
    expect(await answer(ada)).toMatchObject(builder);
    expect(await groupOf(group.id)).toMatchObject({ name: 'Engineering' });
  });

  it('makes nobody, whatever it says of the person', async () => {
    const { group, person, organizationId } = await company();
    const ada = person();
    expect(await tenure.take(edgeEvent('user_added', ada, group))).toMatchObject({
      outcome: 'applied',
      touched: [],
    });
    const { memberships, users, directoryUsers, inbox } = tenure.store.collections;
    expect(await memberships.countDocuments({ organizationId })).toBe(0);
    expect(await users.countDocuments({ organizationIds: organizationId })).toBe(0);
    expect(await directoryUsers.countDocuments({ organizationId })).toBe(0);
    const kept = await inbox.find({ subjects: ada.id }).toArray();
    expect(JSON.stringify([kept, await edgesOf(ada.id)])).not.toContain(ada.email);
  });

  it('is as the newest telling says, however they come and however often', async () => {
    const { group, person } = await company();
    const ada = person();
    const added = edgeEvent('user_added', ada, group);
    const removed = edgeEvent('user_removed', ada, group);
    const addedAgain = edgeEvent('user_added', ada, group);
    await take(userEvent('created', ada), removed, added, removed);
    expect(await answer(ada)).toMatchObject(plain);
    await take(addedAgain, added, removed);
    expect(await answer(ada)).toMatchObject(builder);
    expect(await edgesOf(ada.id)).toHaveLength(1);
  });

  it('that ends after its person left is harmless, and no way back in', async () => {
    const { group, person } = await company();
    const ada = person();
    await take(userEvent('created', ada), edgeEvent('user_added', ada, group));
    await answer(ada);
    await take(userEvent('deleted', ada));
    const { _id } = await membershipOf(tenure, ada.id);
    expect(await tenure.take(edgeEvent('user_removed', ada, group))).toMatchObject({
      outcome: 'applied',
    });
    expect(await gate(ada)).toMatchObject({ allowed: false, roles: [] });
    await take(edgeEvent('user_added', ada, group));
    expect(await gate(ada)).toMatchObject({ allowed: false, roles: [] });
    expect(await membershipById(tenure, _id)).toMatchObject({ generation: 1, backed: false });
  });

  it('of an earlier record says nothing of the record that took its place', async () => {
    const { group, person } = await company();
    const before = { ...person(), idpId: 'idp-ada' };
    const now = { ...before, id: workosId('directory_user') };
    await take(userEvent('created', before), edgeEvent('user_added', before, group));
    await take(userEvent('deleted', before), userEvent('created', now));
    expect(await answer(now)).toMatchObject(plain);
    await take(edgeEvent('user_added', now, group));
    expect(await answer(now)).toMatchObject(builder);
    await take(edgeEvent('user_removed', before, group));
    expect(await answer(now)).toMatchObject(builder);
  });

  it('across directories is put into quarantine with a repair, and the person stays as they are', async () => {
    const { group, person, organizationId } = await company();
    const ada = person();
    await take(userEvent('created', ada), groupEvent('created', group));
    const elsewhere = { ...group, id: workosId('directory_group'), directoryId: 'directory_b' };
    const across = edgeEvent('user_added', ada, elsewhere);
    expect(await tenure.take(across)).toMatchObject({ outcome: 'quarantined' });
    // The event agrees with itself, and not with what is known of the group.
    const other = { ...ada, directoryId: `other_${organizationId}` };
    const claimed = edgeEvent('user_added', other, { ...group, directoryId: other.directoryId });
    expect(await tenure.take(claimed)).toMatchObject({ outcome: 'quarantined' });
    const { inbox, notices } = tenure.store.collections;
    for (const { id } of [across, claimed]) {
      expect(await inbox.findOne({ _id: id })).toMatchObject({
        problems: [{ path: 'data.group.directory_id', code: 'edgeAcrossDirectories' }],
        body: expect.any(String),
      });
      expect(await notices.countDocuments({ code: 'edgeAcrossDirectories', subjectId: id })).toBe(
        1,
      );
    }
    expect(await edgesOf(ada.id)).toEqual([]);
    expect(await answer(ada)).toMatchObject(plain);
  });

  it('of a group that nobody mapped is kept, and makes nobody look', async () => {
    const { group, person } = await company();
    const ada = person();
    await take(userEvent('created', ada));
    await answer(ada);
    const unmapped = { ...group, id: workosId('directory_group') };
    const { _id, revision } = await membershipOf(tenure, ada.id);
    expect(await tenure.take(edgeEvent('user_added', ada, unmapped))).toMatchObject({
      outcome: 'applied',
      touched: [],
    });
    expect((await membershipById(tenure, _id)).revision).toBe(revision);
    expect(await edgesOf(ada.id)).toMatchObject([{ groupId: unmapped.id, present: true }]);
  });

  it('and many others about one unknown group may come at once', async () => {
    const { group, person } = await company();
    const people = Array.from({ length: 8 }, person);
    await Promise.all(people.map(async (one) => tenure.take(edgeEvent('user_added', one, group))));
    const edges = await tenure.store.collections.directoryEdges
      .find({ groupId: group.id })
      .toArray();
    expect(edges).toHaveLength(8);
  });
});

describe('access by group', () => {
  const byGroup = { accessByGroup: true };

  it('lets in whom an access group has, and makes nobody of others', async () => {
    const { group, person, organizationId } = await company(byGroup);
    const [inside, outside] = [person(), person()];
    await take(userEvent('created', inside), userEvent('created', outside));
    await take(edgeEvent('user_added', inside, group));
    expect(await answer(inside)).toMatchObject(builder);
    expect(await answer(outside)).toMatchObject({ allowed: false, reason: 'unknown' });
    const { memberships } = tenure.store.collections;
    expect(await memberships.countDocuments({ organizationId })).toBe(1);
  });

  it('ends with the last group that grants it, in the transaction that sees it go', async () => {
    const other = workosId('directory_group');
    const { group, person } = await company(byGroup, () => [mapped(other, { roles: ['reader'] })]);
    const second = { ...group, id: other };
    const ada = person();
    await take(userEvent('created', ada));
    await take(edgeEvent('user_added', ada, group), edgeEvent('user_added', ada, second));
    expect(await answer(ada)).toMatchObject({ allowed: true, roles: ['builder', 'reader'] });
    await take(edgeEvent('user_removed', ada, group));
    expect(await gate(ada)).toMatchObject({ allowed: true, roles: ['reader'] });
    const { _id } = await membershipOf(tenure, ada.id);
    expect(await tenure.take(edgeEvent('user_removed', ada, second))).toMatchObject({
      urgent: [_id],
    });
    expect(await gate(ada)).toMatchObject({ allowed: false, reason: 'notBacked', roles: [] });
    expect(await membershipById(tenure, _id)).toMatchObject({ generation: 1, backed: false });
    await take(edgeEvent('user_added', ada, group));
    expect(await answer(ada)).toMatchObject(builder);
  });

  it('ends with the deletion of the group, counted like any other leaving', async () => {
    const { group, person } = await company(byGroup);
    const ada = person();
    await take(userEvent('created', ada), edgeEvent('user_added', ada, group));
    expect(await answer(ada)).toMatchObject(builder);
    await tenure.store.collections.organizations.updateOne(
      { _id: ada.organizationId },
      { $set: { guardId: 'guard_of_an_earlier_change' }, $unset: { spreading: '' } },
    );
    await take(groupEvent('deleted', group));
    await spread(tenure);
    expect(await gate(ada)).toMatchObject({ allowed: false, reason: 'notBacked' });
    const { _id } = await membershipOf(tenure, ada.id);
    expect(await membershipById(tenure, _id)).toMatchObject({ generation: 1, guard: null });
  });
});

describe('a role of WorkOS', () => {
  it('follows the directory beside what groups give', async () => {
    const { group, person } = await company();
    const ada = person();
    await take(userEvent('created', { ...ada, roles: ['admin', 'viewer'] }));
    expect(await answer(ada)).toMatchObject({ roles: ['admin', 'viewer'] });
    await take(edgeEvent('user_added', ada, group));
    expect(await answer(ada)).toMatchObject({ roles: ['admin', 'builder', 'viewer'] });
    await take(userEvent('updated', { ...ada, roles: ['viewer'] }));
    expect(await gate(ada)).toMatchObject({ roles: ['builder', 'viewer'] });
  });

  it('is given at the first opening also where nothing is mapped', async () => {
    const organizationId = workosId('org');
    const directoryId = `directory_${organizationId}`;
    await sandbox(tenure, organizationId);
    const ada = { id: workosId('directory_user'), organizationId, directoryId, email: 'a@b.c' };
    await take(userEvent('created', { ...ada, roles: ['admin'] }));
    expect(await answer(ada)).toMatchObject({ allowed: true, roles: ['admin'] });
  });
});

describe('the groups of a forgotten person', () => {
  async function forgotten() {
    const made = await company();
    const ada = made.person();
    await take(userEvent('created', ada), edgeEvent('user_added', ada, made.group));
    await answer(ada);
    const left = userEvent('deleted', ada);
    await take(left);
    const { _id } = await membershipOf(tenure, ada.id);
    await drive(tenure, _id, { nowMs: afterCoolingOff() });
    expect((await membershipById(tenure, _id)).phase).toBe('anonymized');
    return { ...made, ada, left };
  }

  it('are forgotten, in the inbox as well', async () => {
    const { ada, group } = await forgotten();
    expect(await edgesOf(ada.id)).toEqual([]);
    const lines = await tenure.store.collections.inbox.find({ subjects: ada.id }).toArray();
    expect(lines.length).toBeGreaterThan(2);
    expect(JSON.stringify(lines)).not.toContain(group.id);
  });

  it.each(['user_added', 'user_removed'] as const)(
    'are not told again by a %s that comes late',
    async (type) => {
      const { ada, group, left } = await forgotten();
      const late = edgeEvent(type, ada, group, '2026-01-01T00:00:00.000Z');
      expect(await tenure.take(late)).toMatchObject({ outcome: 'stale' });
      const atOnce = edgeEvent('user_removed', ada, group, left.created_at);
      const after = edgeEvent('user_removed', ada, group);
      expect(await tenure.take(atOnce)).toMatchObject({ touched: [], urgent: [] });
      expect(await tenure.take(after)).toMatchObject({ outcome: 'recorded' });
      expect(await edgesOf(ada.id)).toEqual([]);
    },
  );

  it('are theirs again only by what is told after they were forgotten', async () => {
    const { ada, group } = await forgotten();
    const earlier = edgeEvent('user_added', ada, group, '2026-01-01T00:00:00.000Z');
    const later = edgeEvent('user_added', ada, group);
    await take(userEvent('updated', ada), earlier);
    expect(await answer(ada)).toMatchObject(plain);
    await take(later);
    expect(await answer(ada)).toMatchObject(builder);
  });

  it('are asked for when they come back', async () => {
    const { ada } = await forgotten();
    await take(userEvent('updated', ada));
    const { _id } = await membershipOf(tenure, ada.id);
    expect((await drive(tenure, _id, { stopAt: 'readAfresh' })).step.do).toBe('readAfresh');
  });
});

describe('tellings of one person', () => {
  const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

  /** An event whose snapshot was made at another time than the event. */
  function snapshot(event: EventEnvelope, updatedAt: string): EventEnvelope {
    return { ...event, data: { ...(event.data as object), updated_at: updatedAt } };
  }

  it('that contradict each other are held by the order of events until WorkOS was asked afresh', async () => {
    const { person } = await company();
    const ada = person();
    await take(userEvent('created', ada, at(1)), userEvent('updated', ada, at(10)));
    await answer(ada);
    const left = userEvent('updated', { ...ada, state: 'inactive' }, at(20));
    await take(snapshot(left, at(5)));
    expect(await gate(ada)).toMatchObject({ allowed: false, reason: 'notBacked' });
    const { _id, readAfresh } = await membershipOf(tenure, ada.id);
    expect(readAfresh).toEqual({ wanted: 1, done: 0 });
    expect((await drive(tenure, _id, { stopAt: 'readAfresh' })).step.do).toBe('readAfresh');
    const late = snapshot(userEvent('updated', { ...ada, firstName: 'Eve' }, at(15)), at(18));
    expect(await tenure.take(late)).toMatchObject({ outcome: 'stale', touched: [_id] });
    expect((await membershipById(tenure, _id)).readAfresh.wanted).toBe(2);
  });

  it('are not doubted where they only come late', async () => {
    const { person } = await company();
    const ada = person();
    await take(userEvent('updated', ada, at(20)));
    await take(userEvent('created', { ...ada, firstName: 'Eve' }, at(1)));
    await take(userEvent('deleted', ada, at(10)));
    expect((await membershipOf(tenure, ada.id)).readAfresh.wanted).toBe(0);
    expect(await answer(ada)).toMatchObject(plain);
  });

  it('close the door when the younger of two records goes, although the older one was never told as gone', async () => {
    const { person } = await company();
    const old = { ...person(), idpId: 'idp-ada', createdAt: at(1) };
    const young = { ...old, id: workosId('directory_user'), createdAt: at(10) };
    await take(userEvent('created', old, at(1)), userEvent('created', young, at(10)));
    expect(await answer(young)).toMatchObject(plain);
    await take(userEvent('deleted', young, at(20)));
    expect(await gate(young)).toMatchObject({ allowed: false, reason: 'notBacked' });
    expect(await gate(old)).toMatchObject({ allowed: false, reason: 'notBacked' });
  });

  it('close it as well where only an outdated event says which record is the younger one', async () => {
    const { person } = await company();
    const old = { ...person(), idpId: 'idp-ada' };
    const young = { ...old, id: workosId('directory_user') };
    // The older record is told of last, so that it looks like the younger one.
    await take(userEvent('updated', young, at(12)), userEvent('deleted', young, at(20)));
    await take(userEvent('updated', old, at(15)));
    expect(await answer(old)).toMatchObject(plain);
    await take(userEvent('created', old, at(1)));
    expect(await gate(old)).toMatchObject({ allowed: false, reason: 'notBacked' });
  });
});
