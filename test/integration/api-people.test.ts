import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { openMembership } from '../../transitions/membership/open-membership.ts';
import { directoryEvent } from '../support/events.ts';
import { aPerson, startApi, type TestApi } from './api-fixture.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});

afterAll(async () => {
  await api.close();
});

let organizations = 0;
const newOrganization = (): string => `org_people_${(organizations += 1)}`;

async function importUsers(users: Record<string, unknown>[]) {
  return api.call('POST', '/v1/users', { body: { users } });
}

async function joined(parts: Record<string, string> = {}) {
  const person = aPerson(parts);
  await api.deliver(person.event('created'));
  const { json } = await api.call('GET', `/v1/users?directoryUserId=${person.id}`);
  return { person, user: json.data[0], membership: json.data[0].memberships[0] };
}

async function left(parts: Record<string, string> = {}) {
  const all = await joined(parts);
  await api.deliver(all.person.event('updated', { state: 'inactive' }));
  return all;
}

const command = async (membershipId: string, name: string, body?: unknown) =>
  api.call('POST', `/v1/memberships/${membershipId}/${name}`, body === undefined ? {} : { body });

describe('users', () => {
  it('have the documented shape, memberships and directory users included', async () => {
    const { person, user } = await joined();
    expect(user).toEqual({
      id: expect.any(String),
      hostUserId: null,
      email: expect.stringContaining('@example.com'),
      username: expect.stringContaining('ada-'),
      name: expect.stringContaining('Ada Lovelace'),
      status: 'active',
      memberships: [
        {
          id: expect.any(String),
          userId: user.id,
          organizationId: person.organizationId,
          status: 'active',
          phase: 'joining',
          access: { state: 'closed', reason: 'opening' },
          roles: [],
          revocations: [],
          permissions: [],
          features: [],
          roleGrants: [],
          suspendedRoles: [],
          disabledAt: null,
          deletionDueAt: null,
          blockedBy: [],
          generation: 0,
          outcome: null,
          directoryUsers: [
            {
              id: person.id,
              directoryId: person.directoryId,
              idpId: expect.stringContaining('idp_'),
              state: 'active',
              backs: true,
              backsNotBecause: null,
            },
          ],
        },
      ],
    });
    const read = await api.call('GET', `/v1/users/${user.id}`);
    expect([read.status, read.json]).toEqual([200, user]);
    const membership = await api.call('GET', `/v1/memberships/${user.memberships[0].id}`);
    expect(membership.json).toEqual(user.memberships[0]);
  });

  it('show when somebody left and when they are due, in milliseconds and UTC', async () => {
    const { user } = await left();
    const { json } = await api.call('GET', `/v1/users/${user.id}`);
    const time = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
    expect(json).toMatchObject({
      status: 'disabled',
      memberships: [
        {
          status: 'disabled',
          phase: 'closingAccess',
          access: { state: 'closed', reason: 'notBacked' },
          generation: 1,
          disabledAt: time,
          deletionDueAt: time,
          directoryUsers: [{ state: 'inactive', backs: false, backsNotBecause: 'notActive' }],
        },
      ],
    });
    const [{ disabledAt, deletionDueAt }] = json.memberships;
    const days = (Date.parse(deletionDueAt) - Date.parse(disabledAt)) / 86_400_000;
    expect(days).toBeGreaterThanOrEqual(30);
    expect(days).toBeLessThan(30.05);
  });

  it('say of an active record that it keeps nobody in once its directory is gone', async () => {
    const { person, user } = await joined();
    const { directoryId: id, organizationId } = person;
    await api.deliver(directoryEvent('deleted', { id, organizationId }));
    const { json } = await api.call('GET', `/v1/users/${user.id}`);
    expect(json.memberships[0].directoryUsers).toMatchObject([
      { id: person.id, state: 'active', backs: false, backsNotBecause: 'directoryGone' },
    ]);
  });

  it('say which policy keeps a record from keeping somebody in', async () => {
    const { person, membership } = await joined();
    const path = `/v1/organizations/${person.organizationId}/policy`;
    const why = async (policy: object) => {
      expect((await api.call('PUT', path, { body: policy })).status).toBe(200);
      const { json } = await api.call('GET', `/v1/memberships/${membership.id}`);
      return json.directoryUsers[0].backsNotBecause;
    };
    expect(await why({ lifecycleAuthority: ['directory_other'] })).toBe('notAuthoritative');
    expect(await why({ accessByGroup: true })).toBe('noAccessGroup');
    await api.deliver(person.event('updated', { custom_attributes: { employment: 'ended' } }));
    const leavingAttributes = [{ attribute: 'employment', values: ['ended'] }];
    expect(await why({ leavingAttributes })).toBe('leavingAttribute');
    await api.deliver(person.event('updated', { state: 'suspended' }));
    expect(await why({ suspendedCountsAsLeaving: false })).toBe('suspended');
    expect(await why({})).toBe('notActive');
  });

  it('are filtered by organization, directory user, status and phase', async () => {
    const organizationId = newOrganization();
    const directoryId = `directory_${organizationId}`;
    const ada = await joined({ organizationId, directoryId });
    const bob = await left({ organizationId, directoryId });
    const idsOf = async (query: string): Promise<string[]> => {
      const { json } = await api.call('GET', `/v1/users?organizationId=${organizationId}${query}`);
      return json.data.map(({ id }: { id: string }) => id);
    };
    expect(new Set(await idsOf(''))).toEqual(new Set([ada.user.id, bob.user.id]));
    expect(await idsOf('&status=disabled')).toEqual([bob.user.id]);
    expect(await idsOf('&phase=joining')).toEqual([ada.user.id]);
    expect(await idsOf('&status=disabled&phase=joining')).toEqual([]);
    expect(await idsOf(`&directoryUserId=${ada.person.id}`)).toEqual([ada.user.id]);
    expect(await idsOf(`&directoryUserId=${ada.person.id}&status=disabled`)).toEqual([]);
    expect(await idsOf('&directoryUserId=nobody')).toEqual([]);
  });

  it('are listed by the page, each once, also with two memberships that fit', async () => {
    const organizationId = newOrganization();
    const other = newOrganization();
    const users = Array.from({ length: 7 }, (_, at) => ({
      id: `${organizationId}-${at}`,
      email: `${organizationId}-${at}@example.com`,
      organizationId,
      status: 'invited',
    }));
    await importUsers([...users, ...users.map((user) => ({ ...user, organizationId: other }))]);
    for (const filter of [`organizationId=${organizationId}`, 'status=invited']) {
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const next: string = cursor === null ? '' : `&cursor=${cursor}`;
        const { json } = await api.call('GET', `/v1/users?limit=2&${filter}${next}`);
        expect(json.data.length).toBeLessThanOrEqual(2);
        seen.push(...json.data.map(({ id }: { id: string }) => id));
        cursor = json.next;
      } while (cursor !== null);
      expect(seen.toSorted()).toEqual(users.map(({ id }) => id));
    }
  });

  it('that nobody knows are answered 404', async () => {
    for (const path of [
      '/v1/users/nobody',
      '/v1/memberships/nothing',
      '/v1/memberships/nothing/timeline',
    ]) {
      const answer = await api.call('GET', path);
      expect([answer.status, answer.json.code]).toEqual([404, 'notFound']);
    }
  });

  it('are found by the beginning of e-mail, username and names, whatever the case', async () => {
    const organizationId = newOrganization();
    await importUsers([
      { id: 's1', email: 'Zora.Neale@example.com', name: 'Zora Hurston', organizationId },
      { id: 's2', email: 'x@example.com', username: 'ZORAN', name: 'Someone', organizationId },
      { id: 's3', email: 'y@example.com', name: 'Émile Zoratto', organizationId },
      { id: 's4', email: 'z@example.com', name: 'A.*b (c)', organizationId },
    ]);
    const find = async (q: string): Promise<string[]> => {
      const { json } = await api.call('POST', '/v1/users/search', { body: { q, organizationId } });
      return json.data.map(({ id }: { id: string }) => id);
    };
    expect(await find('zora')).toEqual(['s1', 's2', 's3']);
    expect(await find('ZORA.N')).toEqual(['s1']);
    expect(await find('émile')).toEqual(['s3']);
    expect(await find('hurs')).toEqual(['s1']);
    expect(await find('.*')).toEqual([]);
    expect(await find('a.*b (')).toEqual(['s4']);
    expect(await find('xample')).toEqual([]);
  });

  it('leave no trace of a search in the log', async () => {
    await api.call('POST', '/v1/users/search', { body: { q: 'very-secret-name' } });
    expect(api.logged()).not.toContain('very-secret-name');
  });

  it('that were forgotten stay readable by the membership, and by no identity', async () => {
    const { person, user, membership } = await left();
    await api.store.collections.directoryUsers.updateOne(
      { 'records.id': person.id },
      { $set: { membershipId: null } },
    );
    await api.store.collections.memberships.updateOne(
      { _id: membership.id },
      {
        $set: {
          phase: 'anonymized',
          status: 'anonymized',
          outcome: 'anonymized',
          access: { state: 'closed', reason: 'anonymized' },
          erasure: { committedAt: new Date() } as never,
        },
      },
    );
    expect((await api.call('GET', `/v1/users?directoryUserId=${person.id}`)).json.data).toEqual([]);
    const read = await api.call('GET', `/v1/memberships/${membership.id}`);
    expect(read.json).toMatchObject({
      userId: user.id,
      status: 'anonymized',
      deletionDueAt: null,
      outcome: 'anonymized',
      directoryUsers: [],
    });
  });
});

describe('an import', () => {
  it('answers for each user in the order of the call, repetitions included', async () => {
    const organizationId = newOrganization();
    const user = { id: 'i1', email: 'i1@example.com', organizationId };
    const { status, json } = await importUsers([
      user,
      { ...user, id: 'i2', email: 'i2@example.com', username: null, roles: ['editor'] },
      user,
    ]);
    expect(status).toBe(200);
    expect(json.data).toEqual([
      { id: 'i1', organizationId, membershipId: expect.any(String), outcome: 'created' },
      { id: 'i2', organizationId, membershipId: expect.any(String), outcome: 'created' },
      { id: 'i1', organizationId, membershipId: json.data[0].membershipId, outcome: 'existing' },
    ]);
    const again = await importUsers([user]);
    expect(again.json.data[0]).toEqual({ ...json.data[0], outcome: 'existing' });
    const read = await api.call('GET', '/v1/users/i2');
    expect(read.json.memberships[0]).toMatchObject({
      roles: ['editor'],
      access: { state: 'open', reason: 'open' },
      deletionDueAt: null,
    });
  });

  it('takes a thousand users of new organizations at once, and refuses one more', async () => {
    const organizationId = newOrganization();
    const users = Array.from({ length: 1_000 }, (_, at) => ({
      id: `many-${at}`,
      email: `many-${at}@example.com`,
      organizationId: at % 3 === 0 ? organizationId : `${organizationId}-b`,
    }));
    const { status, json } = await importUsers(users);
    expect(status).toBe(200);
    expect(json.data.map(({ id }: { id: string }) => id)).toEqual(users.map(({ id }) => id));
    expect((await importUsers([...users, users[0]!])).status).toBe(422);
    expect((await importUsers([])).status).toBe(422);
  }, 60_000);

  it('says which user is wrong, and not how', async () => {
    const organizationId = newOrganization();
    const { status, json } = await importUsers([
      { id: 'ok', email: 'ok@example.com', organizationId },
      { id: 'bad', email: 'bad@example.com', organizationId, status: 'secret-value' },
    ]);
    expect([status, json.errors[0].path]).toEqual([422, 'users.1.status']);
    expect(JSON.stringify(json)).not.toContain('secret-value');
    expect((await api.call('GET', '/v1/users/ok')).status).toBe(404);
  });

  it.each([
    ['an address as the id', 'id', { id: 'ada.lovelace@example.com' }],
    ['a name as the id', 'id', { id: 'Ada Lovelace' }],
    ['an address as the organization', 'organizationId', { organizationId: 'ada@example.com' }],
  ])(
    'refuses %s, and says why: what is written into Temporal is never erased',
    async (_, place, given) => {
      const user = {
        id: `user_${randomUUID()}`,
        email: 'x@example.com',
        organizationId: newOrganization(),
      };
      const { status, json } = await importUsers([{ ...user, ...given }]);
      expect([status, json.errors]).toEqual([
        422,
        [{ path: `users.0.${place}`, message: expect.stringMatching(/written into Temporal/) }],
      ]);
      expect(JSON.stringify(json)).not.toContain(Object.values(given)[0]);
      const path = `/v1/users?organizationId=${encodeURIComponent({ ...user, ...given }.organizationId)}`;
      expect((await api.call('GET', path)).json.data).toEqual([]);
    },
  );
});

describe('a command', () => {
  it('cancels and resumes a deletion, with its reason in the timeline', async () => {
    const { membership } = await left();
    const before = api.signalled.length;
    const due = (await api.call('GET', `/v1/memberships/${membership.id}`)).json.deletionDueAt;
    const cancelled = await command(membership.id, 'cancel-deletion', { reason: 'A contractor.' });
    expect([cancelled.status, cancelled.json.deletionDueAt]).toEqual([200, null]);
    const resumed = await command(membership.id, 'resume-deletion');
    expect([resumed.status, resumed.json.deletionDueAt]).toEqual([200, due]);
    expect(api.signalled.slice(before)).toEqual([
      {
        membershipId: membership.id,
        organizationId: membership.organizationId,
        phase: 'closingAccess',
      },
      {
        membershipId: membership.id,
        organizationId: membership.organizationId,
        phase: 'closingAccess',
      },
    ]);
    const { json } = await api.call('GET', `/v1/memberships/${membership.id}/timeline`);
    expect(
      json.data.map(({ type, actor, reason }: Record<string, string>) => [type, actor, reason]),
    ).toEqual([
      ['joined', 'directory', null],
      ['left', 'directory', null],
      ['deletionCancelled', 'admin:ada', 'A contractor.'],
      ['deletionResumed', 'admin:ada', null],
    ]);
  });

  it('extends a cooling-off, only to a later time', async () => {
    const { membership } = await left();
    const due = (await api.call('GET', `/v1/memberships/${membership.id}`)).json.deletionDueAt;
    const until = new Date(Date.parse(due) + 86_400_000).toISOString();
    const extended = await command(membership.id, 'extend-cooling-off', { until });
    expect([extended.status, extended.json.deletionDueAt]).toEqual([200, until]);
    const earlier = await command(membership.id, 'extend-cooling-off', { until: due });
    expect([earlier.status, earlier.json.code]).toEqual([422, 'untilNotLater']);
  });

  it('disables at once, and reactivates', async () => {
    const { membership, person } = await joined();
    const disabled = await command(membership.id, 'disable', { reason: 'Laptop stolen.' });
    expect([disabled.status, disabled.json.access]).toEqual([
      200,
      { state: 'closed', reason: 'disabled' },
    ]);
    const { json } = await api.call('POST', '/v1/access-checks', {
      body: { organizationId: person.organizationId, action: 'read', directoryUserId: person.id },
    });
    expect(json).toMatchObject({ allowed: false, reason: 'disabled' });
    const reactivated = await command(membership.id, 'reactivate', {});
    expect([reactivated.status, reactivated.json.access.reason]).toEqual([200, 'opening']);
  });

  it('reassigns ownership to somebody who is in, with 202', async () => {
    const leaver = await left();
    const { organizationId, directoryId } = leaver.person;
    const heir = await joined({ organizationId, directoryId });
    const body = { toUserId: heir.user.id, kinds: ['project'] };
    const early = await command(leaver.membership.id, 'reassign-ownership', body);
    expect([early.status, early.json.code]).toEqual([409, 'recipientNotActive']);
    const found = await api.store.collections.memberships.findOne({ _id: heir.membership.id });
    await openMembership(api.store, heir.membership.id, found!.revision);
    const answer = await command(leaver.membership.id, 'reassign-ownership', body);
    expect([answer.status, answer.json.id]).toEqual([202, leaver.membership.id]);
  });

  it('is refused with a stable code where it makes no sense', async () => {
    const { membership } = await joined();
    const gone = await left();
    for (const [id, name, body, expected] of [
      [membership.id, 'cancel-deletion', undefined, [409, 'notLeaving']],
      [membership.id, 'resume-deletion', undefined, [409, 'notRetained']],
      [membership.id, 'reassign-ownership', { toUserId: 'u' }, [409, 'notLeaving']],
      [membership.id, 'extend-cooling-off', { until: '2099-01-01T00:00:00Z' }, [409, 'notLeaving']],
      [gone.membership.id, 'reactivate', undefined, [409, 'directoryInactive']],
      ['membership_unknown', 'disable', undefined, [404, 'notFound']],
    ] as const) {
      const answer = await command(id, name, body);
      expect([answer.status, answer.json.code]).toEqual(expected);
    }
  });

  it('is refused after the commit of the erasure', async () => {
    const { membership } = await left();
    await api.store.collections.memberships.updateOne(
      { _id: membership.id },
      { $set: { erasure: { committedAt: new Date() } as never } },
    );
    const answer = await command(membership.id, 'cancel-deletion');
    expect([answer.status, answer.json.code]).toEqual([409, 'erasureStarted']);
  });

  it('shows a long timeline by the page, in order', async () => {
    const { membership } = await left();
    for (let at = 0; at < 3; at += 1) {
      await command(membership.id, 'cancel-deletion');
      await command(membership.id, 'resume-deletion');
    }
    const types: string[] = [];
    const path = `/v1/memberships/${membership.id}/timeline?limit=3`;
    for (let cursor: string | null = ''; cursor !== null;) {
      const { json } = await api.call('GET', cursor === '' ? path : `${path}&cursor=${cursor}`);
      types.push(...json.data.map(({ type }: { type: string }) => type));
      cursor = json.next;
    }
    expect(types).toEqual([
      'joined',
      'left',
      ...[1, 2, 3].flatMap(() => ['deletionCancelled', 'deletionResumed']),
    ]);
  });
});
