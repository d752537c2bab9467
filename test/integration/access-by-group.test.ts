import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { checkAccess } from '../../gate/decide.ts';
import type { RoleMapping } from '../../domain/grants.ts';
import { resolvePolicy } from '../../platform/policy-schema.ts';
import { approveGuard, rejectGuard } from '../../transitions/guards/decide-guard.ts';
import { putManualRoles } from '../../transitions/membership/put-manual-roles.ts';
import { putPolicy } from '../../transitions/organization/put-policy.ts';
import { putRoleMappings } from '../../transitions/organization/put-role-mappings.ts';
import { spreadGuards } from '../../transitions/guards/spread-guards.ts';
import { drive, membershipById, membershipOf, spread } from '../support/by-hand.ts';
import { groupEvent, userEvent, workosId } from '../support/events.ts';
import { edge, mapGroups, mapped } from '../support/groups.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

/** An organization in which only groups let people in, and what its groups are. */
async function organization(mappings: (staff: string, other: string) => RoleMapping[]) {
  const organizationId = workosId('org');
  const directoryId = workosId('directory');
  const [staff, other] = [workosId('directory_group'), workosId('directory_group')];
  await putPolicy(tenure.store, organizationId, {
    policy: resolvePolicy(null, { deletionAllowed: true, accessByGroup: true }),
  });
  await mapGroups(tenure, organizationId, mappings(staff, other));
  const person = { id: workosId('directory_user'), organizationId, directoryId };
  return { organizationId, directoryId, staff, other, person };
}

type Place = Awaited<ReturnType<typeof organization>>;

const both = (staff: string, other: string) => [
  mapped(staff, { roles: ['member'] }),
  mapped(other, { roles: ['editor'] }),
];

/** The person of this place, in these groups and open. */
async function inside({ person }: Place, groups: string[]): Promise<string> {
  await tenure.take(userEvent('created', person));
  for (const group of groups) await tenure.take(edge('added', person, group));
  const { _id } = await membershipOf(tenure, person.id);
  await drive(tenure, _id);
  return _id;
}

async function reasonOf({ person, organizationId }: Place): Promise<string> {
  const { reason } = await checkAccess(tenure.store.db, {
    organizationId,
    directoryUserId: person.id,
  });
  return reason;
}

const state = async (membershipId: string) => {
  const { access, generation, guard, roles, suspendedRoles } = await membershipById(
    tenure,
    membershipId,
  );
  return {
    access: access.reason,
    generation,
    guard: guard?.state ?? null,
    roles: roles.map(({ role }) => role),
    suspendedRoles,
  };
};

describe('access by group', () => {
  it('makes no user of somebody who is in no group, and one once they join a group that lets in', async () => {
    const place = await organization(both);
    await tenure.take(userEvent('created', place.person));
    expect(await reasonOf(place)).toBe('unknown');
    await expect(membershipOf(tenure, place.person.id)).rejects.toThrow('has no membership');
    await tenure.take(edge('added', place.person, place.staff));
    expect(await reasonOf(place)).toBe('opening');
    const { _id } = await membershipOf(tenure, place.person.id);
    await drive(tenure, _id);
    expect(await state(_id)).toMatchObject({ access: 'open', roles: ['member'] });
  });

  it('lets in the person of an edge that came before them', async () => {
    const place = await organization(both);
    await tenure.take(edge('added', place.person, place.staff));
    await tenure.take(userEvent('created', place.person));
    expect(await reasonOf(place)).toBe('opening');
  });

  it('is not given by a group that only gives roles, nor by one that is not mapped', async () => {
    const place = await organization((staff) => [
      mapped(staff, { grantsAccess: false, roles: ['member'] }),
    ]);
    await tenure.take(userEvent('created', place.person));
    await tenure.take(edge('added', place.person, place.staff));
    await tenure.take(edge('added', place.person, place.other));
    expect(await reasonOf(place)).toBe('unknown');
  });

  it('ends with the last group that grants it, as any leaving does', async () => {
    const place = await organization(both);
    const _id = await inside(place, [place.staff, place.other]);
    await tenure.take(edge('removed', place.person, place.staff));
    expect(await state(_id)).toMatchObject({ access: 'open', generation: 0, roles: ['editor'] });
    await tenure.take(edge('removed', place.person, place.other));
    expect(await state(_id)).toEqual({
      access: 'notBacked',
      generation: 1,
      guard: null,
      roles: [],
      suspendedRoles: [],
    });
    expect((await drive(tenure, _id)).phase).toBe('coolingOff');
  });

  it('comes back with a group: the same membership, with the roles of its groups', async () => {
    const place = await organization(both);
    const _id = await inside(place, [place.staff]);
    await tenure.take(edge('removed', place.person, place.staff));
    await drive(tenure, _id);
    await tenure.take(edge('added', place.person, place.other));
    await drive(tenure, _id);
    expect(await state(_id)).toMatchObject({ access: 'open', generation: 1, roles: ['editor'] });
    expect((await membershipOf(tenure, place.person.id))._id).toBe(_id);
  });

  it('ends with the deletion of the group, though no edge goes', async () => {
    const place = await organization(both);
    const _id = await inside(place, [place.staff]);
    const { directoryId, organizationId, staff } = place;
    await tenure.take(groupEvent('deleted', { id: staff, directoryId, organizationId }));
    await spread(tenure);
    expect(await state(_id)).toMatchObject({ access: 'notBacked', generation: 1 });
  });
});

describe('a mapping edit under access by group', () => {
  async function edit({ organizationId }: Place, mappings: RoleMapping[]): Promise<void> {
    await mapGroups(tenure, organizationId, mappings);
  }

  async function theGuard({ organizationId }: Place) {
    const found = await tenure.store.collections.guards
      .find({ organizationId, shown: true })
      .toArray();
    expect(found).toHaveLength(1);
    return found[0]!;
  }

  async function gather(): Promise<void> {
    while (await spreadGuards(tenure.store, tenure)) {
      // Until everybody who waits was found, or told of the decision.
    }
  }

  it('that takes the access away from a group closes at once, and waits at the guard', async () => {
    const place = await organization(both);
    const _id = await inside(place, [place.staff]);
    await edit(place, [mapped(place.other)]);
    expect(await state(_id)).toMatchObject({ access: 'notBacked', generation: 1, guard: 'waits' });
    const { phase, blockedBy, step } = await drive(tenure, _id, {
      nowMs: Date.now() + 400 * 86_400_000,
    });
    expect({ phase, step: step.do }).toEqual({ phase: 'blocked', step: 'rest' });
    expect(blockedBy.map(({ code }) => code)).toEqual(['guard']);
  });

  it('that is rejected is undone: mappings, access, and manual roles', async () => {
    const place = await organization(both);
    const _id = await inside(place, [place.staff]);
    await putManualRoles(tenure.store, {
      membershipId: _id,
      actor: 'admin:ada',
      reason: null,
      roles: ['billing'],
    });
    await edit(place, []);
    expect(await state(_id)).toMatchObject({ access: 'notBacked', suspendedRoles: ['billing'] });
    await drive(tenure, _id);
    await gather();
    const { _id: guardId } = await theGuard(place);
    await rejectGuard(tenure.store, { guardId, by: 'admin:ada', reason: null });
    await spread(tenure);
    await gather();
    await drive(tenure, _id);
    expect(await state(_id)).toMatchObject({ access: 'open', generation: 1, suspendedRoles: [] });
    expect((await state(_id)).roles.toSorted()).toEqual(['billing', 'member']);
    const { organizationId } = place;
    const stored = await tenure.store.collections.roleMappings.findOne({ _id: organizationId });
    expect(stored?.mappings).toEqual(both(place.staff, place.other));
  });

  it('that is rejected gives manual roles back whoever reaches the person first', async () => {
    const place = await organization(both);
    const _id = await inside(place, [place.staff]);
    await putManualRoles(tenure.store, {
      membershipId: _id,
      actor: 'admin:ada',
      reason: null,
      roles: ['billing'],
    });
    await edit(place, []);
    await drive(tenure, _id);
    await gather();
    const { _id: guardId } = await theGuard(place);
    await rejectGuard(tenure.store, { guardId, by: 'admin:ada', reason: null });
    await gather();
    await spread(tenure);
    await drive(tenure, _id);
    expect((await state(_id)).roles.toSorted()).toEqual(['billing', 'member']);
  });

  it('that is approved lets the leaving go on, and manual roles stay suspended after a return', async () => {
    const place = await organization(both);
    const _id = await inside(place, [place.staff]);
    await putManualRoles(tenure.store, {
      membershipId: _id,
      actor: 'admin:ada',
      reason: null,
      roles: ['billing'],
    });
    await edit(place, [mapped(place.other)]);
    await drive(tenure, _id);
    await gather();
    const { _id: guardId } = await theGuard(place);
    await approveGuard(tenure.store, { guardId, by: 'admin:ada', reason: null, admins: 1 });
    await gather();
    expect((await drive(tenure, _id)).phase).toBe('coolingOff');
    await edit(place, both(place.staff, place.other));
    await drive(tenure, _id);
    expect(await state(_id)).toMatchObject({
      access: 'open',
      roles: ['member'],
      suspendedRoles: ['billing'],
    });
  });

  it('that lets another group in makes users of its people', async () => {
    const place = await organization((staff) => [mapped(staff)]);
    await tenure.take(userEvent('created', place.person));
    await tenure.take(edge('added', place.person, place.other));
    expect(await reasonOf(place)).toBe('unknown');
    await edit(place, both(place.staff, place.other));
    expect(await reasonOf(place)).toBe('opening');
    const { _id } = await membershipOf(tenure, place.person.id);
    await drive(tenure, _id);
    expect(await state(_id)).toMatchObject({ access: 'open', roles: ['editor'] });
  });

  it('that is not spread yet holds up who leaves meanwhile, since nobody can tell which it was', async () => {
    const place = await organization(both);
    const _id = await inside(place, [place.staff]);
    await putRoleMappings(tenure.store, tenure.file, place.organizationId, {
      mappings: [mapped(place.other)],
      by: 'admin:ada',
      reason: null,
    });
    await tenure.take(edge('removed', place.person, place.staff));
    await spread(tenure);
    expect(await state(_id)).toMatchObject({ access: 'notBacked', generation: 1, guard: 'waits' });
  });
});
