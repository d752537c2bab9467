import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { currentRecord } from '../../domain/directory-user.ts';
import { takeInUser, tellingOfAnswer } from '../../intake/take-in-answer.ts';
import { checkAccess } from '../../gate/decide.ts';
import { importUser } from '../../transitions/organization/import-users.ts';
import { drive, membershipById, membershipOf, sandbox, spread } from '../support/by-hand.ts';
import { directoryEvent, laterTime, userEvent, workosId } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

function stranger(organizationId = workosId('org')) {
  return {
    id: workosId('directory_user'),
    organizationId,
    directoryId: `directory_${organizationId}`,
    email: `${workosId('mail').toLowerCase()}@example.com`,
  };
}

async function arrive(organizationId?: string) {
  const person = stranger(organizationId);
  await sandbox(tenure, person.organizationId);
  await tenure.take(userEvent('created', person));
  const { _id } = await membershipOf(tenure, person.id);
  await drive(tenure, _id);
  return { person, _id };
}

async function mirrorOf(directoryUserId: string) {
  return tenure.store.collections.directoryUsers.findOne({ 'records.id': directoryUserId });
}

async function inboxOf(eventId: string) {
  return tenure.store.collections.inbox.findOne({ _id: eventId });
}

describe('taking in an event', () => {
  it('creates a user and a membership that is closed until the lifecycle opens it', async () => {
    const person = stranger();
    const taken = await tenure.take(userEvent('created', person));
    const membership = await membershipOf(tenure, person.id);
    expect(taken).toMatchObject({
      duplicate: false,
      outcome: 'applied',
      touched: [membership._id],
    });
    expect(membership).toMatchObject({
      phase: 'joining',
      access: { state: 'closed', reason: 'opening' },
    });
    expect(membership.revision).toBeGreaterThan(membership.lookedRevision);
  });

  it('closes access in the transaction that sees the last backing go, and says whom to signal at once', async () => {
    const { person, _id } = await arrive();
    const asked = { organizationId: person.organizationId, directoryUserId: person.id };
    expect((await checkAccess(tenure.store.db, asked)).allowed).toBe(true);
    expect(await tenure.take(userEvent('deleted', person))).toMatchObject({ urgent: [_id] });
    expect(await checkAccess(tenure.store.db, asked)).toMatchObject({
      allowed: false,
      reason: 'notBacked',
    });
    expect(await membershipById(tenure, _id)).toMatchObject({
      generation: 1,
      closings: 1,
      urgent: true,
    });
  });

  it.each(['inactive', 'suspended', 'on_leave'])(
    'takes the state %s for a leaving',
    async (state) => {
      const { person, _id } = await arrive();
      await tenure.take(userEvent('updated', { ...person, state }));
      expect(await membershipById(tenure, _id)).toMatchObject({ backed: false, generation: 1 });
    },
  );

  it('takes a suspension for a suspension where the policy says so, without a countdown', async () => {
    const { person, _id } = await arrive();
    await sandbox(tenure, person.organizationId, { suspendedCountsAsLeaving: false });
    await tenure.take(userEvent('updated', { ...person, state: 'suspended' }));
    expect(await membershipById(tenure, _id)).toMatchObject({
      status: 'suspended',
      access: { state: 'closed', reason: 'suspended' },
      generation: 0,
      dueAt: null,
      closings: 1,
    });
    await tenure.take(userEvent('updated', person));
    await drive(tenure, _id);
    expect(await membershipById(tenure, _id)).toMatchObject({
      access: { state: 'open' },
      revokedClosings: 1,
    });
  });

  it('counts a leaving that was over before anybody looked, and has its sessions revoked before opening', async () => {
    const { person, _id } = await arrive();
    await tenure.take(userEvent('updated', { ...person, state: 'inactive' }));
    await tenure.take(userEvent('updated', person));
    const back = await membershipById(tenure, _id);
    expect(back).toMatchObject({ generation: 1, backed: true, access: { reason: 'opening' } });
    expect((await drive(tenure, _id, { stopAt: 'revoke' })).step.do).toBe('revoke');
    await drive(tenure, _id);
    expect((await membershipById(tenure, _id)).access.state).toBe('open');
  });

  it('is not undone by a deletion that comes late, after the return', async () => {
    const { person, _id } = await arrive();
    const late = userEvent('deleted', person, new Date(Date.now() + 1000).toISOString());
    const back = userEvent('updated', person, new Date(Date.now() + 32_000).toISOString());
    await tenure.take(back);
    expect(await tenure.take(late)).toMatchObject({ outcome: 'stale', urgent: [], touched: [] });
    expect((await membershipById(tenure, _id)).access.state).toBe('open');
  });

  it('calls a repetition a duplicate and changes nothing', async () => {
    const { person, _id } = await arrive();
    const event = userEvent('updated', { ...person, firstName: 'Augusta' });
    await tenure.take(event);
    const before = await membershipById(tenure, _id);
    expect(await tenure.take(event)).toEqual({ duplicate: true });
    expect(await membershipById(tenure, _id)).toEqual(before);
  });

  it('makes nobody of the removal of an unknown person, and keeps ids and version', async () => {
    const person = stranger();
    await tenure.take(userEvent('deleted', person));
    const { organizationId } = person;
    const { memberships, users, notices } = tenure.store.collections;
    expect(await memberships.countDocuments({ organizationId })).toBe(0);
    expect(await users.countDocuments({ organizationIds: organizationId })).toBe(0);
    expect(await notices.countDocuments({ code: 'unknownRemoval', subjectId: person.id })).toBe(1);
    const mirror = await mirrorOf(person.id);
    expect(mirror).toMatchObject({
      membershipId: null,
      records: [{ state: 'deleted', profile: null }],
    });
    const older = userEvent('created', person, '2020-01-01T00:00:00.000Z');
    expect(await tenure.take(older)).toMatchObject({ outcome: 'stale' });
    expect(await memberships.countDocuments({ organizationId })).toBe(0);
  });

  it('joins what was known of one person by id and by idp_id, also by a stale event', async () => {
    const person = stranger();
    const before = { ...person, id: workosId('directory_user'), idpId: 'idp-joined' };
    await tenure.take(userEvent('created', before));
    const removal = userEvent('deleted', { ...person, idpId: null }, laterTime());
    await tenure.take(removal);
    const old = userEvent(
      'created',
      { ...person, idpId: 'idp-joined' },
      '2020-01-01T00:00:00.000Z',
    );
    expect(await tenure.take(old)).toMatchObject({ outcome: 'stale' });
    const mirror = await mirrorOf(person.id);
    expect(mirror?.records.map(({ id }) => id).toSorted()).toEqual(
      [before.id, person.id].toSorted(),
    );
    expect((await membershipOf(tenure, before.id)).backed).toBe(true);
  });

  it.each<[string, Record<string, unknown>]>([
    ['an operator object for an e-mail', { email: { $ne: null } }],
    ['no state', { state: undefined }],
    ['an id that is none', { id: '$where' }],
  ])(
    'quarantines an event with %s, whole, with paths and no values among its problems',
    async (_what, data) => {
      const event = userEvent('created', stranger());
      const broken = { ...event, data: { ...(event.data as object), ...data } };
      expect(await tenure.take(broken)).toMatchObject({ outcome: 'quarantined' });
      const kept = await inboxOf(event.id);
      expect(JSON.parse(kept?.body ?? '')).toEqual(JSON.parse(JSON.stringify(broken.data)));
      expect(kept?.problems?.every(({ path }) => path.startsWith('data.'))).toBe(true);
      expect(kept?.bodyExpiresAt?.getTime()).toBeGreaterThan(Date.now());
    },
  );

  it('stores what it does not know, by the ids that it is about', async () => {
    const id = workosId('event');
    const data = {
      user: { id: 'directory_user_q', 'a.b': 1, $set: 2 },
      group: { id: 'directory_group_q' },
    };
    const taken = await tenure.take({
      id,
      event: 'group.member_added',
      created_at: laterTime(),
      data,
    });
    expect(taken).toMatchObject({ outcome: 'stored' });
    const kept = await inboxOf(id);
    expect(kept?.subjects).toEqual(['directory_user_q', 'directory_group_q']);
    expect(JSON.parse(kept?.body ?? '')).toEqual(data);
  });

  it('keeps no second copy of what it applied', async () => {
    const person = stranger();
    const event = userEvent('created', person);
    await tenure.take(event);
    const kept = await inboxOf(event.id);
    expect(kept).not.toHaveProperty('body');
    expect(JSON.stringify(kept)).not.toContain(person.email);
  });

  it('changes the profile on the same user, with the history of addresses, in the gate as well', async () => {
    const { person, _id } = await arrive();
    const email = `new-${person.email}`;
    await tenure.take(userEvent('updated', { ...person, email, lastName: 'King' }));
    const membership = await membershipById(tenure, _id);
    const user = await tenure.store.collections.users.findOne({ _id: membership.userId });
    expect(user).toMatchObject({
      profile: { email, lastName: 'King' },
      emailKey: email,
      emailHistory: [{ email: person.email }],
    });
    expect(membership.projection.wanted).toBeGreaterThan(membership.projection.done);
    const { organizationId } = person;
    const ask = async (emailKey: string) =>
      checkAccess(tenure.store.db, { organizationId, emailKey });
    expect((await ask(email)).allowed).toBe(true);
    expect((await ask(person.email)).reason).toBe('unknown');
  });

  it('keeps one organization apart from another', async () => {
    const [one, other] = [await arrive(), await arrive()];
    await tenure.take(userEvent('deleted', one.person));
    expect((await membershipById(tenure, other._id)).access.state).toBe('open');
    const asked = { organizationId: other.person.organizationId, directoryUserId: one.person.id };
    expect((await checkAccess(tenure.store.db, asked)).reason).toBe('unknown');
  });
});

describe('events of a directory', () => {
  it('turn Directory Sync on, or leave it syncing where people were there before', async () => {
    const [fresh, old] = [workosId('org'), workosId('org')];
    const user = { id: workosId('host_user'), email: null, username: 'x', name: null, roles: [] };
    await importUser(tenure.store, { ...user, organizationId: old, status: 'active' }, 'import');
    for (const organizationId of [fresh, old]) {
      await tenure.take(directoryEvent('activated', { id: workosId('directory'), organizationId }));
    }
    const { organizations } = tenure.store.collections;
    expect((await organizations.findOne({ _id: fresh }))?.directorySync).toBe('enabled');
    expect((await organizations.findOne({ _id: old }))?.directorySync).toBe('syncing');
  });

  it('of a deletion are recorded and told, and close access once they are spread', async () => {
    const { person, _id } = await arrive();
    const { organizationId, directoryId } = person;
    const deletion = directoryEvent('deleted', { id: directoryId, organizationId });
    expect(await tenure.take(deletion)).toMatchObject({ outcome: 'applied', urgent: [] });
    const { directories, notices } = tenure.store.collections;
    expect(await directories.findOne({ _id: directoryId })).toMatchObject({ state: 'deleted' });
    expect(await notices.countDocuments({ organizationId, code: 'directoryDeleted' })).toBe(1);
    await spread(tenure);
    expect((await membershipById(tenure, _id)).access.reason).toBe('notBacked');
  });

  it('that nobody announced are written down once, however many people are told of at once', async () => {
    const organizationId = workosId('org');
    const directoryId = workosId('directory');
    const events = Array.from({ length: 40 }, () =>
      userEvent('created', { id: workosId('directory_user'), organizationId, directoryId }),
    );
    const taken = await Promise.all(events.map(async (event) => tenure.take(event)));
    expect(taken.every((one) => !one.duplicate && one.outcome === 'applied')).toBe(true);
    const { notices, memberships } = tenure.store.collections;
    expect(await notices.countDocuments({ organizationId, code: 'unannouncedDirectory' })).toBe(1);
    expect(await memberships.countDocuments({ organizationId })).toBe(40);
  });

  it('that come late do not revive a deleted directory', async () => {
    const directory = { id: workosId('directory'), organizationId: workosId('org') };
    const late = directoryEvent('activated', directory, laterTime());
    await tenure.take(directoryEvent('deleted', directory, laterTime()));
    expect(await tenure.take(late)).toMatchObject({ outcome: 'stale' });
  });
});

function answer(data: unknown, askedAt: Date) {
  const telling = tellingOfAnswer(data, askedAt);
  if (telling === null) throw new TypeError('The answer cannot be read.');
  return telling;
}

describe('taking in what WorkOS answered', () => {
  it('brings back somebody whose events were all lost', async () => {
    const { person, _id } = await arrive();
    const past = new Date(Date.now() + 60_000).toISOString();
    await tenure.take(userEvent('deleted', person, past));
    const { data } = userEvent('updated', person);
    const askedAt = new Date(Date.now() + 120_000);
    await takeInUser(tenure.store, answer(data, askedAt), tenure.intake);
    expect(await membershipById(tenure, _id)).toMatchObject({ backed: true, generation: 1 });
  });

  it('neither adds nor removes what is newer than its request, less a margin', async () => {
    const { person, _id } = await arrive();
    const now = Date.now() + 200_000;
    await tenure.take(userEvent('deleted', person, new Date(now).toISOString()));
    const { data } = userEvent('updated', person);
    const askedAt = new Date(now + 9_000);
    await takeInUser(tenure.store, answer(data, askedAt), tenure.intake);
    expect((await membershipById(tenure, _id)).backed).toBe(false);
    const mirror = await mirrorOf(person.id);
    expect(currentRecord(mirror!).state).toBe('deleted');
  });

  it('makes nothing of an answer that cannot be read', () => {
    expect(tellingOfAnswer({ id: 7 }, new Date())).toBeNull();
  });
});
