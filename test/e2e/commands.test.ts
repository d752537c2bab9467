import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { eventually, startProcesses, type TenureProcesses } from '../support/processes.ts';
import { startPrivateStack, type PrivateStack } from '../support/servers.ts';
import type { TestTenant } from '../support/simulator.ts';

const hour = 3600;

describe('commands, holds and imports by HTTP', () => {
  let stack: PrivateStack;
  let tenure: TenureProcesses;
  let count = 0;

  beforeAll(async () => {
    stack = await startPrivateStack(['temporal']);
    tenure = await startProcesses({ temporalAddress: stack.temporalAddress });
  }, 120_000);

  afterAll(async () => {
    await tenure?.stop();
    await stack?.stop();
  }, 60_000);

  async function tenant(seconds = hour): Promise<TestTenant> {
    count += 1;
    const made = tenure.simulator.tenant({ name: `Customer ${count}` });
    await tenure.sandbox(made.organization.id, seconds);
    return made;
  }

  async function joined({ directory }: TestTenant, name: string) {
    const email = `${name}@customer-${count}.example`;
    const person = tenure.simulator.join(directory.id, { email, firstName: name });
    const membership = await tenure.until(person.user.id, (m) => m.access.state === 'open');
    return { person, membership, id: person.user.id };
  }

  const give = async (id: string, command: string, body: object = { reason: 'as asked' }) =>
    tenure.call('POST', `/v1/memberships/${id}/${command}`, body);

  it('disable stands until it is lifted, whatever the directory says', async () => {
    const customer = await tenant();
    const { person, membership, id } = await joined(customer, 'dora');
    const { userId, organizationId } = membership;
    await tenure.hostDb.collection('sessions').insertOne({ userId, organizationId });
    const disabled = await give(membership.id, 'disable');
    expect(disabled).toMatchObject({
      status: 200,
      body: { status: 'suspended', access: { state: 'closed', reason: 'disabled' } },
    });
    expect(await tenure.access(organizationId, { userId })).toMatchObject({ reason: 'disabled' });
    await eventually('no session', async () => {
      return (await tenure.hostDb.collection('sessions').countDocuments({ userId })) === 0;
    });
    tenure.simulator.update(person.handle, { jobTitle: 'Somebody', lastName: 'Renamed' });
    await eventually('the update', async () => {
      const { body } = await tenure.call('GET', `/v1/users/${userId}`);
      return body.name === 'dora Renamed';
    });
    expect(await tenure.access(organizationId, { userId })).toMatchObject({ reason: 'disabled' });
    expect((await give(membership.id, 'reactivate')).status).toBe(200);
    await tenure.until(id, (m) => m.access.state === 'open');
    tenure.simulator.leave(person.handle);
    await tenure.until(id, (m) => m.phase === 'coolingOff');
    expect((await give(membership.id, 'disable')).status).toBe(200);
    expect((await give(membership.id, 'reactivate')).status).toBe(409);
    expect(await tenure.access(organizationId, { userId })).toMatchObject({ allowed: false });
  });

  it('a global token revocation ends every session, and lets the person in again', async () => {
    const customer = await tenant();
    const { membership } = await joined(customer, 'gina');
    const { userId, organizationId } = membership;
    await tenure.hostDb.collection('sessions').insertOne({ userId, organizationId });
    const sub_id = { format: 'email', email: `gina@customer-${count}.example` };
    const { status } = await tenure.call('POST', '/v1/global-token-revocation', { sub_id });
    expect(status).toBe(204);
    const open = await tenure.untilMembership(membership.id, (m) => m.access.state === 'open');
    expect(open).toMatchObject({ phase: 'settled', status: 'active', generation: 0 });
    expect(await tenure.hostDb.collection('sessions').countDocuments({ userId })).toBe(0);
    const told = await tenure.timeline(membership.id);
    const since = told.slice(told.indexOf('revocationDemanded'));
    expect(since.indexOf('sessionsVerifiedEmpty')).toBeGreaterThan(0);
    expect(since.indexOf('opened')).toBeGreaterThan(since.indexOf('sessionsVerifiedEmpty'));
  });

  it('a deletion is cancelled, resumed, put off and its resources reassigned', async () => {
    const customer = await tenant();
    const heir = await joined(customer, 'heir');
    const { person, membership, id } = await joined(customer, 'carl');
    const { userId, organizationId } = membership;
    expect(await give(membership.id, 'cancel-deletion')).toMatchObject({
      status: 409,
      body: { code: 'notLeaving' },
    });
    await tenure.hostDb
      .collection('projects')
      .insertOne({ ownerId: userId, creatorId: userId, organizationId });
    tenure.simulator.leave(person.handle);
    const cooling = await tenure.until(id, (m) => m.phase === 'coolingOff');
    expect(await give(membership.id, 'cancel-deletion')).toMatchObject({
      status: 200,
      body: { phase: 'retained', deletionDueAt: null },
    });
    expect((await give(membership.id, 'resume-deletion')).status).toBe(200);
    const resumed = await tenure.untilMembership(membership.id, (m) => m.phase === 'coolingOff');
    expect(resumed.deletionDueAt).toBe(cooling.deletionDueAt);
    const until = new Date(Date.parse(cooling.deletionDueAt) + 60_000).toISOString();
    expect((await give(membership.id, 'extend-cooling-off', { until })).status).toBe(200);
    expect(
      await give(membership.id, 'extend-cooling-off', { until: cooling.deletionDueAt }),
    ).toMatchObject({
      status: 422,
      body: { code: 'untilNotLater' },
    });
    const later = await tenure.untilMembership(membership.id, (m) => m.phase === 'coolingOff');
    expect(later.deletionDueAt).toBe(until);
    const toUserId = heir.membership.userId;
    expect((await give(membership.id, 'reassign-ownership', { toUserId })).status).toBe(202);
    await eventually('the heir owns the project', async () =>
      tenure.hostDb.collection('projects').findOne({ creatorId: userId, ownerId: toUserId }),
    );
    const told = await tenure.timeline(membership.id);
    const commands = told.filter((type) => /^(deletion|coolingOff|ownershipRe)/.test(type));
    expect(commands).toEqual([
      'deletionCancelled',
      'deletionResumed',
      'coolingOffExtended',
      'ownershipReassigned',
    ]);
  });

  it('a hold stops an erasure but no revocation, and its release lets the erasure go on', async () => {
    const customer = await tenant(1);
    const { person, membership, id } = await joined(customer, 'hilda');
    const { userId, organizationId } = membership;
    const hold = await tenure.call('POST', '/v1/holds', {
      scope: { userId },
      kind: 'legal',
      reason: 'a lawsuit',
    });
    expect(hold.status).toBe(201);
    await tenure.hostDb.collection('sessions').insertOne({ userId, organizationId });
    tenure.simulator.leave(person.handle);
    const blocked = await tenure.until(id, (m) => m.phase === 'blocked');
    expect(blocked.blockedBy).toEqual([{ code: 'hold', detail: hold.body.id }]);
    expect(await tenure.hostDb.collection('sessions').countDocuments({ userId })).toBe(0);
    const released = await tenure.call('POST', `/v1/holds/${hold.body.id}/release`, {});
    expect(released.status).toBe(200);
    await tenure.untilMembership(membership.id, (m) => m.phase === 'anonymized');
    const late = { scope: { userId }, kind: 'audit', reason: 'too late' };
    expect(await tenure.call('POST', '/v1/holds', late)).toMatchObject({
      status: 409,
      body: { code: 'erasureStarted' },
    });
  });

  it('an imported user is linked to the directory user of the same address, once', async () => {
    // Before the customer connects a directory: afterwards only the directory opens anybody.
    const organization = tenure.simulator.organization('Customer with users');
    const organizationId = organization.id;
    await tenure.sandbox(organizationId, hour);
    const users = [
      {
        id: 'legacy-1',
        organizationId,
        email: 'Ivy@Import.example',
        name: 'Ivy Old',
        roles: ['editor'],
      },
    ];
    const first = await tenure.call('POST', '/v1/users', { users });
    expect(first.body.data).toMatchObject([{ id: 'legacy-1', outcome: 'created' }]);
    const again = await tenure.call('POST', '/v1/users', { users });
    expect(again.body.data).toMatchObject([{ id: 'legacy-1', outcome: 'existing' }]);
    expect(await tenure.access(organizationId, { userId: 'legacy-1' })).toMatchObject({
      allowed: true,
      roles: ['editor'],
    });
    const directory = tenure.simulator.directory({ organizationId });
    const ivy = tenure.simulator.join(directory.id, {
      email: 'ivy@import.example',
      firstName: 'Ivy',
    });
    const linked = await tenure.until(ivy.user.id, (m) => m.access.state === 'open');
    expect(linked).toMatchObject({ userId: 'legacy-1', id: first.body.data[0].membershipId });
    tenure.simulator.leave(ivy.handle);
    await tenure.until(ivy.user.id, (m) => m.phase === 'coolingOff');
    expect(await tenure.access(organizationId, { userId: 'legacy-1' })).toMatchObject({
      allowed: false,
      reason: 'notBacked',
    });
  });

  it('everything is taken in and closed while Temporal is down, and goes on when it is back', async () => {
    const customer = await tenant();
    const leaver = await joined(customer, 'lea');
    const suspect = await joined(customer, 'sus');
    const retained = await joined(customer, 'ret');
    const robbed = await joined(customer, 'rob');
    tenure.simulator.leave(retained.person.handle);
    await tenure.until(retained.id, (m) => m.phase === 'coolingOff');
    const organizationId = customer.organization.id;
    for (const { membership } of [leaver, suspect, robbed]) {
      const { userId } = membership;
      await tenure.hostDb.collection('sessions').insertOne({ userId, organizationId });
    }
    await stack.kill('temporal');

    const started = Date.now();
    expect((await give(suspect.membership.id, 'disable')).status).toBe(200);
    expect((await give(retained.membership.id, 'cancel-deletion')).status).toBe(200);
    const sub_id = { format: 'opaque', id: robbed.membership.userId };
    const revocation = await tenure.call('POST', '/v1/global-token-revocation', { sub_id });
    expect(revocation.status).toBe(204);
    tenure.simulator.leave(leaver.person.handle);
    const newcomer = tenure.simulator.join(customer.directory.id, { email: 'new@down.example' });
    await tenure.simulator.deliverer.idle();
    expect(Date.now() - started).toBeLessThan(4000);
    const userIds = [suspect, leaver, robbed].map(({ membership }) => membership.userId);
    const answers = await Promise.all(
      userIds.map(async (userId) => tenure.access(organizationId, { userId })),
    );
    expect(answers.map(({ reason }) => reason)).toEqual(['disabled', 'notBacked', 'opening']);
    expect(
      await tenure.access(organizationId, { directoryUserId: newcomer.user.id }),
    ).toMatchObject({
      allowed: false,
      reason: 'opening',
    });

    await stack.restart('temporal');
    await tenure.until(newcomer.user.id, (m) => m.access.state === 'open', 40_000);
    await tenure.until(leaver.id, (m) => m.phase === 'coolingOff', 40_000);
    await eventually(
      'no session',
      async () =>
        (await tenure.hostDb.collection('sessions').countDocuments({ organizationId })) === 0,
      40_000,
    );
    await tenure.untilMembership(retained.membership.id, (m) => m.phase === 'retained');
    await tenure.until(robbed.id, (m) => m.access.state === 'open', 40_000);
  }, 120_000);
});
