import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { GuardedDirectory } from '../support/guarded.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';
import { adminKey, gateKey, startApi, type TestApi } from './api-fixture.ts';

const bobsKey = 'key-of-another-admin-0123456789';
const ada = { name: 'ada', key: adminKey };

let tenure: TestTenure;
/** One admin; two; and one whose key is being rotated. */
let alone: TestApi;
let two: TestApi;
let rotating: TestApi;

beforeAll(async () => {
  tenure = await openTenure();
  const withAdmins = async (admin: { name: string; key: string }[]): Promise<TestApi> =>
    startApi({
      store: tenure.store,
      settings: { keys: { admin, gate: gateKey, revocation: null } },
    });
  alone = await withAdmins([ada]);
  two = await withAdmins([ada, { name: 'bob', key: bobsKey }]);
  rotating = await withAdmins([ada, { name: 'ada', key: bobsKey }]);
}, 60_000);

afterAll(async () => {
  for (const api of [alone, two, rotating]) await api.close();
  await tenure.close();
});

/** A directory of which four have left and wait. */
async function massLeaving() {
  const directory = await GuardedDirectory.open(tenure);
  const leavers = await directory.people(4);
  await directory.leaveAndCount(leavers);
  return { directory, leavers, guard: await directory.guard() };
}

const decide = async (
  api: TestApi,
  guardId: string,
  word: 'approve' | 'reject',
  options: { key?: string; reason?: string } = {},
) => {
  const { key = adminKey, ...body } = options;
  return api.call('POST', `/v1/guards/${guardId}/${word}`, { key, body });
};

describe('guards', () => {
  it('are listed with what an admin needs to decide', async () => {
    const { directory, leavers, guard } = await massLeaving();
    const { organizationId, directoryId } = directory;
    const list = await alone.call('GET', `/v1/guards?organizationId=${organizationId}&state=open`);
    const shown = {
      id: guard._id,
      organizationId,
      directoryId,
      kind: 'mass',
      state: 'open',
      changedBy: null,
      openedAt: guard.openedAt.toISOString(),
      waiting: 4,
      approvals: [],
      decidedBy: null,
      decidedAt: null,
      reason: null,
    };
    expect(list).toMatchObject({ status: 200, json: { data: [shown], next: null } });
    const one = await alone.call('GET', `/v1/guards/${guard._id}`);
    expect(one).toMatchObject({ status: 200, json: shown });
    const membership = await alone.call('GET', `/v1/memberships/${leavers[0]!.membershipId}`);
    expect(membership.json).toMatchObject({
      status: 'disabled',
      phase: 'blocked',
      blockedBy: [{ code: 'guard', detail: guard._id }],
      deletionDueAt: null,
    });
    expect((await alone.call('GET', '/metrics', { key: null })).text).toMatch(
      /^tenure_guards_open [1-9]/m,
    );
    const decided = await alone.call(
      'GET',
      `/v1/guards?organizationId=${organizationId}&state=approved`,
    );
    expect(decided.json.data).toEqual([]);
  });

  it('are paged, newest first', async () => {
    await massLeaving();
    const seen: string[] = [];
    for (let cursor = ''; ;) {
      const { json } = await alone.call('GET', `/v1/guards?limit=1${cursor}`);
      seen.push(...json.data.map(({ openedAt }: { openedAt: string }) => openedAt));
      if (json.next === null) break;
      cursor = `&cursor=${json.next}`;
    }
    expect(seen.length).toBeGreaterThanOrEqual(2);
    expect(seen).toEqual(seen.toSorted().toReversed());
  });

  it('name who waits at them, in pages, and whom the decision reached', async () => {
    const { directory, leavers, guard } = await massLeaving();
    const listed = async (state: string): Promise<object[]> => {
      const seen: object[] = [];
      for (let cursor = ''; ;) {
        const path = `/v1/guards/${guard._id}/memberships?state=${state}&limit=3${cursor}`;
        const { json } = await alone.call('GET', path);
        seen.push(...json.data);
        if (json.next === null) return seen;
        cursor = `&cursor=${json.next}`;
      }
    };
    const waiting = [];
    for (const one of leavers) {
      const { _id, userId } = await directory.membership(one);
      waiting.push({ membershipId: _id, userId });
    }
    waiting.sort((a, b) => (a.membershipId < b.membershipId ? -1 : 1));
    expect(await listed('waits')).toEqual(waiting);
    const { json } = await alone.call('GET', `/v1/guards/${guard._id}/memberships`);
    expect(json).toEqual({ data: waiting, next: null });
    await decide(alone, guard._id, 'approve');
    await directory.spread();
    expect(await listed('waits')).toEqual([]);
    expect(await listed('approved')).toEqual(waiting);
  });

  it('are shown only once somebody waits', async () => {
    const directory = await GuardedDirectory.open(tenure);
    await directory.putPolicy({ suspendedCountsAsLeaving: false });
    expect(await directory.guards()).toHaveLength(1);
    const { organizationId } = directory;
    const list = await alone.call('GET', `/v1/guards?organizationId=${organizationId}`);
    expect(list.json.data).toEqual([]);
  });

  it('are an admin’s business', async () => {
    const { guard } = await massLeaving();
    expect((await decide(alone, guard._id, 'approve', { key: gateKey })).status).toBe(403);
    expect((await alone.call('GET', '/v1/guards', { key: null })).status).toBe(401);
    expect((await alone.call('GET', '/v1/guards?state=closed')).status).toBe(422);
    expect((await decide(alone, 'guard_x', 'approve')).json).toMatchObject({ code: 'notFound' });
    expect((await alone.call('GET', '/v1/guards/guard_x')).status).toBe(404);
    expect((await alone.call('GET', '/v1/guards/guard_x/memberships')).status).toBe(404);
    const path = `/v1/guards/${guard._id}/memberships`;
    expect((await alone.call('GET', `${path}?cursor=x`)).status).toBe(422);
    expect((await alone.call('GET', `${path}?state=passed`)).status).toBe(422);
    expect((await alone.call('GET', path, { key: gateKey })).status).toBe(403);
  });
});

describe('an approval', () => {
  it('is complete where there is one admin, and tells who, when and why', async () => {
    const { directory, leavers, guard } = await massLeaving();
    const answer = await decide(alone, guard._id, 'approve', { reason: 'sold' });
    expect(answer).toMatchObject({
      status: 200,
      json: {
        state: 'approved',
        decidedBy: 'admin:ada',
        reason: 'sold',
        approvals: [{ by: 'admin:ada' }],
      },
    });
    await directory.spread();
    const { membershipId } = leavers[0]!;
    const { json } = await alone.call('GET', `/v1/memberships/${membershipId}/timeline?limit=100`);
    const line = json.data.find(({ type }: { type: string }) => type === 'guardApproved');
    expect(line).toMatchObject({ actor: 'admin:ada', reason: 'sold' });
    expect((await decide(alone, guard._id, 'approve')).json).toMatchObject({
      code: 'guardDecided',
    });
    expect((await decide(alone, guard._id, 'reject')).json).toMatchObject({ code: 'guardDecided' });
  });

  it('needs a second admin where there is one', async () => {
    const { guard } = await massLeaving();
    const first = await decide(two, guard._id, 'approve');
    expect(first).toMatchObject({
      status: 202,
      json: { state: 'open', decidedBy: null, approvals: [{ by: 'admin:ada' }], waiting: 4 },
    });
    const again = await decide(two, guard._id, 'approve');
    expect(again).toMatchObject({ status: 409, json: { code: 'secondAdminNeeded' } });
    const second = await decide(two, guard._id, 'approve', { key: bobsKey });
    expect(second).toMatchObject({
      status: 200,
      json: {
        state: 'approved',
        decidedBy: 'admin:bob',
        approvals: [{ by: 'admin:ada' }, { by: 'admin:bob' }],
      },
    });
  });

  it('shows who approved so far, when and why', async () => {
    const { directory, guard } = await massLeaving();
    await decide(two, guard._id, 'approve', { reason: 'the subsidiary was sold' });
    const first = {
      by: 'admin:ada',
      at: expect.any(String),
      reason: 'the subsidiary was sold',
    };
    const shown = { state: 'open', approvals: [first], reason: null };
    const { json } = await two.call('GET', `/v1/guards/${guard._id}`);
    expect(json).toMatchObject(shown);
    const path = `/v1/guards?organizationId=${directory.organizationId}`;
    expect((await two.call('GET', path)).json.data).toMatchObject([shown]);
    await decide(two, guard._id, 'approve', { key: bobsKey, reason: 'I asked them' });
    const second = { by: 'admin:bob', at: expect.any(String), reason: 'I asked them' };
    expect((await two.call('GET', path)).json.data).toMatchObject([
      { state: 'approved', approvals: [first, second], reason: 'I asked them' },
    ]);
  });

  it('needs no second admin for the two keys of one', async () => {
    const { guard } = await massLeaving();
    expect((await decide(rotating, guard._id, 'approve', { key: bobsKey })).status).toBe(200);
  });
});

describe('a rejection', () => {
  it('needs one admin', async () => {
    const { guard } = await massLeaving();
    await decide(two, guard._id, 'approve');
    const answer = await decide(two, guard._id, 'reject', { key: bobsKey, reason: 'a mistake' });
    expect(answer).toMatchObject({
      status: 200,
      json: { state: 'rejected', decidedBy: 'admin:bob', reason: 'a mistake' },
    });
  });
});
