import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { drive, membershipById, membershipOf } from '../support/by-hand.ts';
import { resolvePolicy } from '../../platform/policy-schema.ts';
import { mongodbSessions } from '../../domain/host-file.ts';
import type { Membership } from '../../domain/membership.ts';
import { putManualRoles } from '../../transitions/membership/put-manual-roles.ts';
import { putPolicy } from '../../transitions/organization/put-policy.ts';
import { putRoleMappings } from '../../transitions/organization/put-role-mappings.ts';
import { spreadFacts } from '../../transitions/organization/spread-facts.ts';
import { repeat, type Repeating } from '../../workers/repeat.ts';
import { userEvent, workosId } from '../support/events.ts';
import { edge, mapGroups, mapped } from '../support/groups.ts';
import { openTenure, startTenure, type RunningTenure, type TestTenure } from '../support/tenure.ts';

describe('losing a role', () => {
  let tenure: TestTenure;

  beforeAll(async () => {
    tenure = await openTenure();
  }, 60_000);

  afterAll(async () => tenure.close());

  /** Somebody in two groups, open. */
  async function member() {
    const organizationId = workosId('org');
    const person = { id: workosId('directory_user'), organizationId, directoryId: workosId('dir') };
    const [staff, admins] = [workosId('directory_group'), workosId('directory_group')];
    await tenure.take(userEvent('created', person));
    for (const group of [staff, admins]) await tenure.take(edge('added', person, group));
    await mapGroups(tenure, organizationId, [
      mapped(staff, { roles: ['member'], permissions: ['read'] }),
      mapped(admins, { roles: ['admin'], permissions: ['read', 'manage'] }),
    ]);
    const { _id } = await membershipOf(tenure, person.id);
    await drive(tenure, _id);
    return { person, organizationId, staff, admins, _id };
  }

  const look = async (membershipId: string, file = tenure.file) =>
    (await drive({ ...tenure, file }, membershipId, { stopAt: 'answerRoleLoss' })).step.do;

  it('is answered once, after the gate knows', async () => {
    const { _id, person, admins } = await member();
    await tenure.take(edge('removed', person, admins));
    const row = await tenure.store.collections.gate.findOne({ _id });
    expect(row).toMatchObject({ roles: ['member'], permissions: ['read'] });
    expect(await membershipById(tenure, _id)).toMatchObject({ narrowings: 1, urgent: true });
    expect(await look(_id)).toBe('answerRoleLoss');
    expect((await drive(tenure, _id)).step.do).toBe('rest');
    expect(await membershipById(tenure, _id)).toMatchObject({ answeredNarrowings: 1 });
    expect(await look(_id)).toBe('rest');
  });

  it('needs no answer where the host file asks for none', async () => {
    const { _id, person, admins } = await member();
    await tenure.take(edge('removed', person, admins));
    const quiet = {
      ...tenure.file,
      sessions: mongodbSessions(tenure.file).map((source) => ({
        ...source,
        onRoleLoss: 'none' as const,
      })),
    };
    expect(await look(_id, quiet)).toBe('rest');
  });

  it('is none where another group, or an admin, still gives the same', async () => {
    const { _id, person, staff, admins } = await member();
    await putManualRoles(tenure.store, {
      membershipId: _id,
      actor: 'admin:ada',
      reason: null,
      roles: ['admin'],
    });
    await mapGroups(tenure, person.organizationId, [
      mapped(staff, { roles: ['member'], permissions: ['read'] }),
      mapped(admins, { roles: ['admin'], permissions: ['read'] }),
    ]);
    await drive(tenure, _id);
    const { narrowings } = await membershipById(tenure, _id);
    await tenure.take(edge('removed', person, admins));
    const after = await membershipById(tenure, _id);
    expect(after.narrowings).toBe(narrowings);
    expect(after.roles.toSorted((a, b) => a.role.localeCompare(b.role))).toEqual([
      { role: 'admin', source: 'manual' },
      { role: 'member', source: 'directory' },
    ]);
  });

  it('and getting it back before anybody looked is answered too, and given back', async () => {
    const { _id, person, admins } = await member();
    await tenure.take(edge('removed', person, admins));
    await tenure.take(edge('added', person, admins));
    expect(await membershipById(tenure, _id)).toMatchObject({
      roles: [{ role: 'member', source: 'directory' }],
      wanted: { roles: ['admin', 'member'] },
    });
    expect(await look(_id)).toBe('answerRoleLoss');
    await drive(tenure, _id);
    expect((await membershipById(tenure, _id)).roles.map(({ role }) => role)).toEqual([
      'admin',
      'member',
    ]);
  });
});

describe('roles in Temporal', () => {
  let tenure: RunningTenure;
  let spreading: Repeating;

  beforeAll(async () => {
    tenure = await startTenure();
    const { store, file } = tenure;
    const newUserId = () => workosId('user');
    spreading = repeat({
      intervalMs: 50,
      round: async () => spreadFacts(store, { file, newUserId }),
      onError: () => undefined,
    });
  }, 120_000);

  afterAll(async () => {
    await spreading.stop();
    await tenure.close();
  }, 60_000);

  const isIn =
    (...roles: string[]) =>
    (membership: Membership): boolean =>
      membership.access.state === 'open' &&
      membership.resting &&
      membership.roles.map(({ role }) => role).join() === roles.join();

  it('follow groups and mappings, and their loss reaches the sessions', async () => {
    const organizationId = workosId('org');
    const person = { id: workosId('directory_user'), organizationId, directoryId: workosId('dir') };
    const [staff, admins] = [workosId('directory_group'), workosId('directory_group')];
    const put = async (roles: string[]) =>
      putRoleMappings(tenure.store, tenure.file, organizationId, {
        mappings: [mapped(staff, { roles: ['member'] }), mapped(admins, { roles })],
        by: 'admin:test',
        reason: null,
      });
    await put(['admin']);
    await tenure.deliver(userEvent('created', person));
    await tenure.deliver(edge('added', person, staff));
    await tenure.deliver(edge('added', person, admins));
    const { userId, _id } = await tenure.until(person.id, isIn('admin', 'member'));

    const sessions = tenure.hostDb.collection('sessions');
    const tokens = tenure.hostDb.collection('refreshTokens');
    const keys = tenure.hostDb.collection('apiKeys');
    await sessions.insertMany([
      { userId, organizationId },
      { userId, organizationId: 'another' },
    ]);
    await tokens.insertOne({ userId, organizationId });
    await keys.insertOne({ userId, revokedAt: null });
    const lostAt = Date.now();
    await tenure.deliver(edge('removed', person, admins));
    const row = await tenure.store.collections.gate.findOne({ _id });
    expect(row?.roles).toEqual(['member']);
    await tenure.until(person.id, (m) => m.resting && m.answeredNarrowings === 1);
    const [marked, other] = await sessions.find().sort({ _id: 1 }).toArray();
    expect(marked?.['rolesChangedAt'].getTime()).toBeGreaterThanOrEqual(lostAt);
    expect(other).not.toHaveProperty('rolesChangedAt');
    expect(await tokens.countDocuments()).toBe(0);
    expect(await keys.countDocuments({ revokedAt: null })).toBe(1);
    const lines = await tenure.store.collections.timeline
      .find({ membershipId: _id, type: 'roleLossAnswered' })
      .toArray();
    expect(lines.map(({ detail }) => detail)).toEqual([{ revoked: 1, refreshed: 1 }]);

    await tenure.deliver(edge('added', person, admins));
    await tenure.until(person.id, isIn('admin', 'member'));
    await put(['owner']);
    await tenure.until(person.id, isIn('member', 'owner'));
    await put([]);
    await tenure.until(person.id, (m) => isIn('member')(m) && m.answeredNarrowings === 3);
  });

  it('and access go with the last group that lets in, and come back with one', async () => {
    const organizationId = workosId('org');
    const person = { id: workosId('directory_user'), organizationId, directoryId: workosId('dir') };
    const group = workosId('directory_group');
    await putPolicy(tenure.store, organizationId, {
      policy: resolvePolicy(null, { deletionAllowed: true, accessByGroup: true }),
    });
    await putRoleMappings(tenure.store, tenure.file, organizationId, {
      mappings: [mapped(group, { roles: ['member'] })],
      by: 'admin:test',
      reason: null,
    });
    await tenure.deliver(userEvent('created', person));
    const { collections } = tenure.store;
    expect(await collections.memberships.countDocuments({ organizationId })).toBe(0);
    await tenure.deliver(edge('added', person, group));
    await tenure.until(person.id, isIn('member'));
    await tenure.deliver(edge('removed', person, group));
    const left = await tenure.until(person.id, (m) => m.phase === 'coolingOff');
    expect(left).toMatchObject({ generation: 1, access: { reason: 'notBacked' }, roles: [] });
    await tenure.deliver(edge('added', person, group));
    const back = await tenure.until(person.id, isIn('member'));
    expect(back).toMatchObject({ _id: left._id, generation: 1, dueAt: null });
  });
});
