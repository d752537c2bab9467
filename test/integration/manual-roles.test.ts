import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { importUser } from '../../transitions/organization/import-users.ts';
import { putManualRoles } from '../../transitions/membership/put-manual-roles.ts';
import {
  afterCoolingOff,
  drive,
  membershipById,
  membershipOf,
  sandbox,
} from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { edge, mapGroups, mapped } from '../support/groups.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

async function arrive(groups: string[] = []) {
  const organizationId = workosId('org');
  const person = { id: workosId('directory_user'), organizationId, directoryId: organizationId };
  await sandbox(tenure, organizationId);
  await tenure.take(userEvent('created', person));
  for (const group of groups) await tenure.take(edge('added', person, group));
  const { _id } = await membershipOf(tenure, person.id);
  await drive(tenure, _id);
  return { person, organizationId, _id };
}

async function give(membershipId: string, roles: string[], reason: string | null = null) {
  return putManualRoles(tenure.store, { membershipId, actor: 'admin:ada', reason, roles });
}

async function atTheGate(membershipId: string): Promise<string[] | undefined> {
  const row = await tenure.store.collections.gate.findOne({ _id: membershipId });
  return row?.roles;
}

async function lines(membershipId: string, type: string) {
  return tenure.store.collections.timeline.find({ membershipId, type }).toArray();
}

const manual = (...roles: string[]) => roles.map((role) => ({ role, source: 'manual' }));

describe('manual roles', () => {
  it('are in force at the gate at once, wider and narrower', async () => {
    const { _id } = await arrive();
    expect((await give(_id, ['admin', 'editor', 'admin'])).roles).toEqual(
      manual('admin', 'editor'),
    );
    expect(await atTheGate(_id)).toEqual(['admin', 'editor']);
    await give(_id, ['editor']);
    expect(await atTheGate(_id)).toEqual(['editor']);
    expect(await lines(_id, 'manualRolesSet')).toMatchObject([
      { actor: 'admin:ada', detail: { roles: 2, lost: 0 } },
      { actor: 'admin:ada', detail: { roles: 1, lost: 1 } },
    ]);
  });

  it('that are given once more change nothing', async () => {
    const { _id } = await arrive();
    await give(_id, ['admin', 'editor']);
    const { roles, narrowings } = await give(_id, ['editor', 'admin']);
    expect({ roles, narrowings }).toEqual({ roles: manual('admin', 'editor'), narrowings: 0 });
    expect(await lines(_id, 'manualRolesSet')).toHaveLength(1);
  });

  it('stand beside those of the directory, and stay when these go', async () => {
    const group = workosId('directory_group');
    const { _id, person, organizationId } = await arrive([group]);
    await mapGroups(tenure, organizationId, [mapped(group, { roles: ['editor', 'member'] })]);
    await drive(tenure, _id);
    const { roles } = await give(_id, ['editor', 'billing']);
    expect(roles).toEqual([
      { role: 'editor', source: 'directory' },
      { role: 'member', source: 'directory' },
      ...manual('editor', 'billing'),
    ]);
    await tenure.take(edge('removed', person, group));
    expect((await membershipById(tenure, _id)).roles).toEqual(manual('editor', 'billing'));
    expect(await atTheGate(_id)).toEqual(['editor', 'billing']);
  });

  it('never take away what the directory gives', async () => {
    const group = workosId('directory_group');
    const { _id, organizationId } = await arrive([group]);
    await mapGroups(tenure, organizationId, [mapped(group, { roles: ['editor'] })]);
    await drive(tenure, _id);
    await give(_id, ['editor']);
    const { roles, narrowings } = await give(_id, []);
    expect(roles).toEqual([{ role: 'editor', source: 'directory' }]);
    expect(narrowings).toBe(0);
  });

  it('are suspended by a leaving and come back only by an admin', async () => {
    const { _id, person } = await arrive();
    await give(_id, ['admin', 'editor']);
    await tenure.take(userEvent('deleted', person));
    const left = await membershipById(tenure, _id);
    expect(left).toMatchObject({ roles: [], suspendedRoles: ['admin', 'editor'] });
    await tenure.take(userEvent('created', person));
    await drive(tenure, _id);
    const back = await membershipById(tenure, _id);
    expect(back.access.state).toBe('open');
    expect(back).toMatchObject({ roles: [], suspendedRoles: ['admin', 'editor'] });
    expect(await atTheGate(_id)).toEqual([]);
    await give(_id, ['editor'], 'still needed');
    expect(await membershipById(tenure, _id)).toMatchObject({
      roles: manual('editor'),
      suspendedRoles: [],
    });
    const [, line] = await lines(_id, 'manualRolesSet');
    const reason = await tenure.store.collections.reasons.findOne({ _id: line?.reasonId ?? '' });
    expect(reason).toMatchObject({ text: 'still needed', membershipId: _id });
  });

  it('that are suspended are dropped by an empty list', async () => {
    const { _id, person } = await arrive();
    await give(_id, ['admin']);
    await tenure.take(userEvent('deleted', person));
    expect(await give(_id, [])).toMatchObject({ roles: [], suspendedRoles: [] });
  });

  it('of an import are manual ones', async () => {
    const organizationId = workosId('org');
    const user = { id: workosId('user'), organizationId, email: null, username: null, name: null };
    const { membershipId } = await importUser(
      tenure.store,
      { ...user, roles: ['owner'], status: 'active' },
      'admin:ada',
    );
    expect((await membershipById(tenure, membershipId)).roles).toEqual(manual('owner'));
    expect((await give(membershipId, ['owner', 'editor'])).roles).toEqual(
      manual('owner', 'editor'),
    );
  });

  it('are refused once the erasure has begun, and for nobody', async () => {
    const { _id, person } = await arrive();
    await tenure.take(userEvent('deleted', person));
    await drive(tenure, _id, { nowMs: afterCoolingOff(), stopAt: 'erase' });
    await expect(give(_id, ['admin'])).rejects.toMatchObject({ code: 'erasureStarted' });
    await expect(give('membership_x', ['admin'])).rejects.toMatchObject({ code: 'notFound' });
  });

  it('that are lost make the lifecycle look at once, and count as a loss only while somebody is in', async () => {
    const { _id, person } = await arrive();
    await give(_id, ['admin']);
    await drive(tenure, _id);
    const narrower = await give(_id, []);
    expect(narrower).toMatchObject({ narrowings: 1, urgent: true, resting: false });
    await tenure.take(userEvent('deleted', person));
    await give(_id, ['admin']);
    expect((await give(_id, [])).narrowings).toBe(1);
  });
});
