import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Membership } from '../../domain/membership.ts';
import {
  orderCancellation,
  spreadCancellations,
} from '../../transitions/organization/cancel-deletions.ts';
import { commitErasure } from '../../transitions/erasure/commit-erasure.ts';
import { resumeDeletion } from '../../transitions/commands/resume-deletion.ts';
import {
  afterCoolingOff,
  drive,
  membershipById,
  membershipOf,
  sandbox,
} from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { meeting, poisoned, unlocked } from '../support/fences.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';
import { startApi, type TestApi } from './api-fixture.ts';

let tenure: TestTenure;
let api: TestApi;

beforeAll(async () => {
  tenure = await openTenure();
  api = await startApi({ store: tenure.store });
}, 60_000);

afterAll(async () => {
  await api.close();
  await tenure.close();
});

async function organization(): Promise<string> {
  const organizationId = workosId('org');
  await sandbox(tenure, organizationId);
  return organizationId;
}

async function leaver(organizationId: string): Promise<Membership> {
  const person = {
    id: workosId('directory_user'),
    organizationId,
    directoryId: `directory_${organizationId}`,
  };
  await tenure.take(userEvent('created', person));
  const { _id } = await membershipOf(tenure, person.id);
  await drive(tenure, _id);
  await tenure.take(userEvent('deleted', person));
  return membershipById(tenure, _id);
}

async function cancel(organizationId: string): Promise<any> {
  const path = `/v1/organizations/${organizationId}/cancel-deletions`;
  const { status, json } = await api.call('POST', path, { body: { reason: 'we are leaving' } });
  return { status, ...json };
}

async function spread(): Promise<void> {
  while (await spreadCancellations(tenure.store));
}

describe('cancelling every deletion of an organization', () => {
  it('keeps everybody who left so far, and nobody who leaves later', async () => {
    const organizationId = await organization();
    const early = [await leaver(organizationId), await leaver(organizationId)];
    await drive(tenure, early[0]!._id);
    expect(await cancel(organizationId)).toMatchObject({ status: 202, waiting: 2 });
    await spread();
    const late = await leaver(organizationId);
    await spread();
    for (const { _id } of early) {
      expect(await drive(tenure, _id, { nowMs: afterCoolingOff() })).toMatchObject({
        phase: 'retained',
      });
      expect(await membershipById(tenure, _id)).toMatchObject({
        retained: { by: 'admin:ada', generation: 1 },
      });
      const { json } = await api.call('GET', `/v1/memberships/${_id}/timeline`);
      expect(json.data.map(({ type, reason }: any) => `${type} ${reason}`)).toContain(
        'deletionCancelled we are leaving',
      );
    }
    expect(await membershipById(tenure, late._id)).toMatchObject({ retained: null });
  });

  it('stops every commit from its answer on, before it was brought to anybody', async () => {
    const organizationId = await organization();
    const { _id } = await leaver(organizationId);
    const nowMs = afterCoolingOff();
    const { step, revision, generation } = await drive(tenure, _id, { nowMs, stopAt: 'commit' });
    expect(step.do).toBe('commit');
    await cancel(organizationId);
    const request = { membershipId: _id, revision, generation, nowMs };
    expect(await commitErasure(tenure.store, tenure.file, request)).toBe(false);
    expect(await drive(tenure, _id, { nowMs })).toMatchObject({ phase: 'blocked' });
    await spread();
    expect(await drive(tenure, _id, { nowMs })).toMatchObject({ phase: 'retained' });
  });

  it('is taken back for one person as any other cancellation', async () => {
    const organizationId = await organization();
    const { _id } = await leaver(organizationId);
    await cancel(organizationId);
    await spread();
    // The order ends once nobody can have missed it.
    const { organizations } = tenure.store.collections;
    const longAgo = new Date(Date.now() - 60_000);
    await organizations.updateOne(
      { _id: organizationId },
      { $set: { 'cancellation.at': longAgo } },
    );
    await spread();
    expect(await organizations.findOne({ _id: organizationId })).not.toHaveProperty('cancellation');
    await resumeDeletion(tenure.store, { membershipId: _id, actor: 'admin:ada', reason: null });
    const { phase } = await drive(tenure, _id, { nowMs: afterCoolingOff() });
    expect(phase).toBe('anonymized');
  });

  it('goes on after a crash, and leaves out who came back and who is past the commit', async () => {
    const organizationId = await organization();
    const gone = await leaver(organizationId);
    await drive(tenure, gone._id, { nowMs: afterCoolingOff() });
    const rest = [await leaver(organizationId), await leaver(organizationId)];
    expect(await cancel(organizationId)).toMatchObject({ waiting: 2 });
    const dying = poisoned(tenure.store, rest[1]!._id);
    await expect(spreadCancellations(dying)).rejects.toThrow('1 failed.');
    await spread();
    expect(await cancel(organizationId)).toMatchObject({ status: 202, waiting: 0 });
    for (const { _id } of rest) {
      expect((await membershipById(tenure, _id)).retained).not.toBeNull();
    }
    expect(await membershipById(tenure, gone._id)).toMatchObject({
      phase: 'anonymized',
      retained: null,
    });
  });

  it('reaches the people of every other organization where one person cannot be', async () => {
    const [first, second] = [await organization(), await organization()];
    const [stuck, other] = [await leaver(first), await leaver(second)];
    await cancel(first);
    await cancel(second);
    const store = poisoned(tenure.store, stuck._id);
    await expect(spreadCancellations(store)).rejects.toThrow('1 failed.');
    expect((await membershipById(tenure, other._id)).retained).not.toBeNull();
    expect((await membershipById(tenure, stuck._id)).retained).toBeNull();
    await spread();
    expect((await membershipById(tenure, stuck._id)).retained).not.toBeNull();
  });

  it('is refused for an organization that nobody knows', async () => {
    expect(await cancel('org_nowhere')).toMatchObject({ status: 404, code: 'notFound' });
  });
});

describe('the order and a commit at once', () => {
  async function race(locks: boolean): Promise<boolean> {
    const organizationId = await organization();
    const { _id } = await leaver(organizationId);
    const nowMs = afterCoolingOff();
    const { revision, generation } = await drive(tenure, _id, { nowMs, stopAt: 'commit' });
    const base = locks ? tenure.store : unlocked(tenure.store);
    const { store, openedAtMs } = meeting(base, 2);
    const request = { membershipId: _id, revision, generation, nowMs };
    const [ordered] = await Promise.all([
      orderCancellation(store, { organizationId, by: 'admin:ada', reason: null }),
      commitErasure(store, tenure.file, request),
    ]);
    const { erasure } = await membershipById(tenure, _id);
    // A commit before the order is in time. One that began beside it and did not see it is not.
    const latest = Math.max(ordered.orderedAt.getTime(), erasure?.committedAt.getTime() ?? 0);
    return erasure !== null && latest <= openedAtMs();
  }

  it('never both come to pass, as they would where nothing locks', async () => {
    for (let times = 0; times < 5; times += 1) expect(await race(true)).toBe(false);
    const without = [];
    for (let times = 0; times < 6; times += 1) without.push(await race(false));
    expect(without).toContain(true);
  }, 60_000);
});
