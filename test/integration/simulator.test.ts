import { describe, expect, it } from '@jest/globals';

import { startForTest as start, startEndpoint } from '../support/simulator-in-test.ts';

const dsync = ['dsync.user.created', 'dsync.user.updated', 'dsync.user.deleted'] as const;

describe('the WorkOS SDK against the simulator', () => {
  it('lists and reads directories', async () => {
    const simulator = await start();
    const { organization, directory } = simulator.tenant();
    simulator.tenant({ name: 'Other' });
    const { data } = await simulator.workos.directorySync.listDirectories({
      organizationId: organization.id,
    });
    expect(data.map(({ id, state }) => ({ id, state }))).toEqual([
      { id: directory.id, state: 'active' },
    ]);
    const one = await simulator.workos.directorySync.getDirectory(directory.id);
    expect(one).toMatchObject({ name: directory.name, organizationId: organization.id });
  });

  it('pages through every user of a directory, once each', async () => {
    const simulator = await start();
    const { directory } = simulator.tenant();
    for (let index = 0; index < 130; index += 1) {
      simulator.join(directory.id, { email: `p${index}@acme.test`, firstName: `P${index}` });
    }
    const list = await simulator.workos.directorySync.listUsers({ directory: directory.id });
    expect(list.data).toHaveLength(10);
    const users = await list.autoPagination();
    expect(new Set(users.map(({ id }) => id)).size).toBe(130);
    expect(users[0]?.email).toBe('p129@acme.test');
    expect(users[0]?.groups).toEqual([]);
  });

  it('reads one user, and throws NotFoundException for one that is gone', async () => {
    const simulator = await start();
    const { directory } = simulator.tenant();
    const { user } = simulator.join(directory.id, {
      email: 'ada@acme.test',
      firstName: 'Ada',
      customAttributes: { manager_email: 'grace@acme.test' },
    });
    const read = await simulator.workos.directorySync.getUser(user.id);
    expect(read).toMatchObject({
      idpId: user.idpId,
      state: 'active',
      customAttributes: { manager_email: 'grace@acme.test' },
    });
    simulator.leave('ada');
    await expect(simulator.workos.directorySync.getUser(user.id)).rejects.toMatchObject({
      name: 'NotFoundException',
      status: 404,
    });
  });

  it('lists the groups of a user and the users of a group', async () => {
    const simulator = await start();
    const { directory } = simulator.tenant();
    const staff = simulator.group(directory.id, 'Staff');
    simulator.group(directory.id, 'Empty');
    const { user } = simulator.join(directory.id, { firstName: 'Ada', groups: [staff] });
    simulator.join(directory.id, { firstName: 'Bob' });
    const groups = await simulator.workos.directorySync.listGroups({ user: user.id });
    expect(groups.data.map(({ name }) => name)).toEqual(['Staff']);
    const members = await simulator.workos.directorySync.listUsers({ group: staff.id });
    expect(members.data.map(({ id }) => id)).toEqual([user.id]);
    expect((await simulator.workos.directorySync.getGroup(staff.id)).idpId).toBe('Staff');
  });

  it('reads events oldest first, behind an exclusive cursor', async () => {
    const simulator = await start();
    const { directory, organization } = simulator.tenant();
    for (const firstName of ['A', 'B', 'C']) simulator.join(directory.id, { firstName });
    const ids = simulator
      .events()
      .filter(({ event }) => event === dsync[0])
      .map(({ id }) => id);
    const events = [...dsync];
    const first = await simulator.workos.events.listEvents({ events, limit: 2, order: 'desc' });
    expect(first.data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    const after = first.listMetadata.after ?? '';
    expect(after).toBe(ids[1]);
    const second = await simulator.workos.events.listEvents({
      events,
      after,
      organizationId: organization.id,
    });
    expect(second.data.map(({ id }) => id)).toEqual(ids.slice(2));
    expect(second.listMetadata.after).toBeNull();
  });

  it('lists and revokes sessions, and closes them with the membership', async () => {
    const simulator = await start();
    const { directory, organization } = simulator.tenant();
    simulator.join(directory.id, { firstName: 'Ada', email: 'ada@acme.test' });
    const sessions = [simulator.session('ada'), simulator.session('ada')];
    const userId = sessions[0]?.userId ?? '';
    const { userManagement } = simulator.workos;
    expect((await userManagement.listUsers({ email: 'ada@acme.test' })).data[0]?.id).toBe(userId);
    await userManagement.revokeSession({ sessionId: sessions[0]?.id ?? '' });
    expect((await userManagement.listSessions(userId)).data.map(({ id }) => id)).toEqual([
      sessions[1]?.id,
    ]);
    const [membership] = (await userManagement.listOrganizationMemberships({ userId })).data;
    expect(membership?.organizationId).toBe(organization.id);
    await userManagement.deactivateOrganizationMembership(membership?.id ?? '');
    expect((await userManagement.listSessions(userId)).data).toEqual([]);
    expect((await userManagement.listOrganizationMemberships({ userId })).data).toEqual([]);
    const all = await userManagement.listOrganizationMemberships({
      userId,
      statuses: ['active', 'inactive'],
    });
    expect(all.data.map(({ status }) => status)).toEqual(['inactive']);
  });

  it('accepts a delivered webhook with constructEvent', async () => {
    const endpoint = await startEndpoint();
    const simulator = await start({ webhookUrl: endpoint.url });
    const { directory } = simulator.tenant();
    const { user } = simulator.join(directory.id, { firstName: 'Ådä 🙂', email: null });
    await simulator.deliverer.idle();
    const last = endpoint.received.at(-1);
    const event = await simulator.workos.webhooks.constructEvent({
      payload: last?.body ?? '',
      sigHeader: String(last?.headers['workos-signature']),
      secret: simulator.secret,
    });
    expect(event).toMatchObject({
      id: simulator.events().at(-1)?.id,
      event: 'dsync.user.created',
      data: { id: user.id, email: null, firstName: 'Ådä 🙂' },
    });
    expect(String(last?.headers['workos-signature'])).toMatch(/^t=\d{13}, v1=[0-9a-f]{64}$/);
  });

  it('is refused without the right key', async () => {
    const simulator = await start();
    const response = await fetch(`${simulator.url}/directories`, {
      headers: { authorization: 'Bearer sk_other' },
    });
    expect(response.status).toBe(401);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await response.json()).toEqual({ message: 'Unauthorized' });
  });
});
