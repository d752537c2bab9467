import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { defaultPolicy } from '../../domain/policy.ts';
import { checkAccess } from '../../gate/decide.ts';
import { putPolicy } from '../../transitions/organization/put-policy.ts';
import { drive, spread } from '../support/by-hand.ts';
import { edge } from '../support/groups.ts';
import { groupEvent, workosId } from '../support/events.ts';
import { aPerson, startApi, type Answer, type TestApi } from './api-fixture.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});

afterAll(async () => {
  await api.close();
});

const byHand = () => ({ store: api.store, file: api.deps.hostFile });
const pathOf = (organizationId: string): string =>
  `/v1/organizations/${organizationId}/role-mappings`;
const newOrganization = (): string => workosId('org');
const newGroup = (): string => workosId('directory_group');

async function put(organizationId: string, data: unknown[], more: object = {}): Promise<Answer> {
  return api.call('PUT', pathOf(organizationId), { body: { data, ...more } });
}

async function get(organizationId: string): Promise<Answer> {
  return api.call('GET', pathOf(organizationId));
}

/** Somebody who is in, and in these groups. */
async function member(organizationId: string, groups: string[] = []) {
  const person = aPerson({ organizationId });
  await api.deliver(person.event('created'));
  for (const group of groups) {
    const answer = await api.deliver(edge('added', person, group));
    expect(answer.status).toBe(200);
  }
  const { json } = await api.call('GET', `/v1/users?directoryUserId=${person.id}`);
  const [membership] = json.data[0].memberships;
  await drive(byHand(), membership.id);
  return { person, membershipId: membership.id as string };
}

async function shown(id: string) {
  const { json } = await api.call('GET', `/v1/memberships/${id}`);
  return json;
}

async function settle(membershipId: string): Promise<void> {
  await spread(byHand());
  await drive(byHand(), membershipId);
}

describe('role mappings', () => {
  it('are none for an organization that nobody has mentioned', async () => {
    expect(await get(newOrganization())).toMatchObject({
      status: 200,
      json: { data: [], spreading: null },
    });
  });

  it('are replaced as a whole, with defaults filled in, and returned', async () => {
    const organizationId = newOrganization();
    await put(organizationId, [{ directoryGroupId: 'g0', roles: ['old'] }]);
    const full = {
      directoryGroupId: 'g2',
      grantsAccess: false,
      roles: ['Billing Admin', 'editor', 'editor'],
      permissions: ['posts:write'],
      features: ['beta'],
    };
    const answer = await put(organizationId, [{ directoryGroupId: 'g1' }, full], { reason: 'why' });
    expect(answer.status).toBe(200);
    const unknown = { groupName: null, groupState: 'unknown' };
    expect(answer.json.data).toEqual([
      {
        directoryGroupId: 'g1',
        grantsAccess: true,
        roles: [],
        permissions: [],
        features: [],
        ...unknown,
      },
      { ...full, roles: ['Billing Admin', 'editor'], ...unknown },
    ]);
    expect((await get(organizationId)).json.data).toEqual(answer.json.data);
  });

  it('are taken as the list alone, and as they were read', async () => {
    const organizationId = newOrganization();
    const bare = await api.call('PUT', pathOf(organizationId), {
      body: [{ directoryGroupId: 'g1', roles: ['editor'] }],
    });
    expect(bare.status).toBe(200);
    const read = (await get(organizationId)).json;
    const again = await api.call('PUT', pathOf(organizationId), { body: read });
    expect(again).toMatchObject({ status: 200, json: { data: bare.json.data } });
  });

  it.each([
    [
      'a group twice',
      [{ directoryGroupId: 'g' }, { directoryGroupId: 'g' }],
      'data.1.directoryGroupId',
    ],
    ['no group', [{ roles: ['r'] }], 'data.0.directoryGroupId'],
    ['an unknown field', [{ directoryGroupId: 'g', role: 'r' }], 'data.0'],
    ['an empty name', [{ directoryGroupId: 'g', roles: [''] }], 'data.0.roles.0'],
    ['a name with spaces around it', [{ directoryGroupId: 'g', roles: [' r'] }], 'data.0.roles.0'],
    [
      'a name with a line break',
      [{ directoryGroupId: 'g', features: ['a\nb'] }],
      'data.0.features.0',
    ],
    [
      'half a character',
      [{ directoryGroupId: 'g', permissions: ['\ud800'] }],
      'data.0.permissions.0',
    ],
    [
      'a name that is too long',
      [{ directoryGroupId: 'g', roles: ['r'.repeat(256)] }],
      'data.0.roles.0',
    ],
    ['an object as a name', [{ directoryGroupId: 'g', roles: [{ $gt: '' }] }], 'data.0.roles.0'],
    [
      'too many names',
      [{ directoryGroupId: 'g', roles: Array.from({ length: 101 }, (_, at) => `r${at}`) }],
      'data.0.roles',
    ],
    [
      'too many mappings',
      Array.from({ length: 1001 }, (_, at) => ({ directoryGroupId: `g${at}` })),
      'data',
    ],
  ])('with %s are refused, and nothing changes', async (_, data, path) => {
    const organizationId = newOrganization();
    await put(organizationId, [{ directoryGroupId: 'g0' }]);
    const answer = await put(organizationId, data);
    expect(answer).toMatchObject({ status: 422, json: { code: 'invalid' } });
    expect(answer.json.errors.map((error: { path: string }) => error.path)).toEqual([path]);
    expect((await get(organizationId)).json.data).toHaveLength(1);
  });

  it('are not emptied by a body without a list', async () => {
    const organizationId = newOrganization();
    await put(organizationId, [{ directoryGroupId: 'g0' }]);
    for (const body of [{}, { mappings: [] }, null, 'x']) {
      expect((await api.call('PUT', pathOf(organizationId), { body })).status).toBe(422);
    }
    expect((await get(organizationId)).json.data).toHaveLength(1);
  });

  it('hold the most that is allowed', async () => {
    const organizationId = newOrganization();
    const data = Array.from({ length: 1000 }, (_, at) => ({ directoryGroupId: `g${at}` }));
    expect((await put(organizationId, data)).json.data).toHaveLength(1000);
    const names = Array.from({ length: 100 }, (_, at) => `${at}`.padEnd(255, 'é'));
    expect((await put(organizationId, [{ directoryGroupId: 'g', roles: names }])).status).toBe(200);
  });

  it('show the names of groups that are known, of this organization only', async () => {
    const [organizationId, other] = [newOrganization(), newOrganization()];
    const group = (id: string, organization: string, name: string) =>
      groupEvent('created', {
        id,
        directoryId: `d-${organization}`,
        organizationId: organization,
        name,
      });
    await api.deliver(group('known', organizationId, 'Engineering'));
    await api.deliver(group('deleted', organizationId, 'Old'));
    await api.deliver(
      groupEvent('deleted', { id: 'deleted', directoryId: `d-${organizationId}`, organizationId }),
    );
    await api.deliver(group('theirs', other, 'Secret project'));
    const ids = ['known', 'deleted', 'theirs', 'unknown'];
    await put(
      organizationId,
      ids.map((directoryGroupId) => ({ directoryGroupId })),
    );
    const { json } = await get(organizationId);
    const rows = json.data.map((mapping: Record<string, unknown>) => [
      mapping['directoryGroupId'],
      mapping['groupState'],
      mapping['groupName'],
    ]);
    expect(rows).toEqual([
      ['known', 'active', 'Engineering'],
      ['deleted', 'deleted', expect.any(String)],
      ['theirs', 'unknown', null],
      ['unknown', 'unknown', null],
    ]);
  });

  it('that are put once more judge nobody again', async () => {
    const organizationId = newOrganization();
    const data = [{ directoryGroupId: 'g1', roles: ['a'] }];
    await put(organizationId, data);
    const { organizations } = api.store.collections;
    const before = await organizations.findOne({ _id: organizationId });
    expect(before?.mapped).toBe(true);
    await put(organizationId, data);
    expect(await organizations.findOne({ _id: organizationId })).toEqual(before);
    await put(organizationId, []);
    const after = await organizations.findOne({ _id: organizationId });
    expect(after?.mapped).toBe(false);
    expect(after?.revision).toBe((before?.revision ?? 0) + 1);
  });
});

describe('a mapping', () => {
  it('reaches those who are in the group already, and the answer counts who is waiting', async () => {
    const organizationId = newOrganization();
    const group = newGroup();
    const { membershipId, person } = await member(organizationId, [group]);
    await member(organizationId);
    const answer = await put(organizationId, [
      { directoryGroupId: group, roles: ['editor'], permissions: ['write'], features: ['beta'] },
    ]);
    expect(answer.json.spreading).toEqual({ pending: 2 });
    await settle(membershipId);
    expect((await get(organizationId)).json.spreading).toEqual({ pending: 0 });
    expect(await shown(membershipId)).toMatchObject({
      roles: ['editor'],
      permissions: ['write'],
      features: ['beta'],
      roleGrants: [{ role: 'editor', source: 'directory' }],
    });
    const check = await api.call('POST', '/v1/access-checks', {
      body: { organizationId, action: 'read', directoryUserId: person.id },
    });
    expect(check.json).toMatchObject({ allowed: true, roles: ['editor'], permissions: ['write'] });
  });

  it('that goes takes what it gave away at the gate, before any lifecycle looks', async () => {
    const organizationId = newOrganization();
    const group = newGroup();
    const other = newGroup();
    const { membershipId, person } = await member(organizationId, [group, other]);
    const [both, one] = [
      { directoryGroupId: group, roles: ['editor'] },
      { directoryGroupId: other, roles: ['member'], permissions: ['read'] },
    ];
    await put(organizationId, [both, one]);
    await settle(membershipId);
    await put(organizationId, [one]);
    await spread(byHand());
    const { json } = await api.call('GET', `/v1/memberships/${membershipId}/timeline?limit=100`);
    const lines = json.data.filter(({ type }: { type: string }) => type === 'grantsNarrowed');
    expect(lines).toMatchObject([
      { actor: 'configuration', detail: { lost: 1, changedBy: 'admin:ada' } },
    ]);
    const answer = await checkAccess(api.store.db, {
      organizationId,
      directoryUserId: person.id,
    });
    expect(answer).toMatchObject({ allowed: true, roles: ['member'], permissions: ['read'] });
    expect(await shown(membershipId)).toMatchObject({ roles: ['member'] });
  });

  it('of a group whose edge goes is taken away with the edge', async () => {
    const organizationId = newOrganization();
    const group = newGroup();
    const { membershipId, person } = await member(organizationId, [group]);
    await put(organizationId, [{ directoryGroupId: group, roles: ['editor'] }]);
    await settle(membershipId);
    await api.deliver(edge('removed', person, group));
    expect(await shown(membershipId)).toMatchObject({ roles: [], roleGrants: [] });
  });

  it('of a group that is deleted gives nothing, though no edge goes', async () => {
    const organizationId = newOrganization();
    const group = newGroup();
    const { membershipId, person } = await member(organizationId, [group]);
    await put(organizationId, [{ directoryGroupId: group, roles: ['editor'] }]);
    await settle(membershipId);
    const { directoryId } = person;
    await api.deliver(groupEvent('deleted', { id: group, directoryId, organizationId }));
    await settle(membershipId);
    expect(await shown(membershipId)).toMatchObject({ roles: [] });
    const { json } = await api.call('GET', `/v1/memberships/${membershipId}/timeline?limit=100`);
    const lines = json.data.filter(({ type }: { type: string }) => type === 'grantsNarrowed');
    expect(lines).toMatchObject([{ actor: 'directory', detail: { lost: 1 } }]);
  });

  it('opens no guard, unless access goes by groups', async () => {
    const organizationId = newOrganization();
    const group = newGroup();
    await put(organizationId, [{ directoryGroupId: group }]);
    await put(organizationId, []);
    expect(await api.store.collections.guards.countDocuments({ organizationId })).toBe(0);
    await putPolicy(api.store, organizationId, {
      policy: { ...defaultPolicy, accessByGroup: true },
    });
    await api.store.collections.guards.deleteMany({ organizationId });
    await put(organizationId, [{ directoryGroupId: group }]);
    await put(organizationId, [{ directoryGroupId: group, roles: ['a'] }]);
    expect(await api.store.collections.guards.countDocuments({ organizationId })).toBe(0);
    await put(organizationId, [{ directoryGroupId: group, grantsAccess: false }]);
    expect(await api.store.collections.guards.find({ organizationId }).toArray()).toMatchObject([
      {
        kind: 'configuration',
        state: 'open',
        restores: {
          what: 'mappings',
          before: [{ directoryGroupId: group, roles: ['a'], grantsAccess: true }],
          after: [{ directoryGroupId: group, grantsAccess: false }],
        },
      },
    ]);
  });
});
