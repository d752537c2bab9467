import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { eventually, startProcesses, type TenureProcesses } from '../support/processes.ts';

/**
 * The documented way from SSO only to Directory Sync (docs/administrators.md), with the processes as they are
 * shipped and a directory that is really read. Nobody is locked out by accident at any step.
 */
describe('a company that moves from SSO only to Directory Sync', () => {
  let tenure: TenureProcesses;

  beforeAll(async () => {
    tenure = await startProcesses();
  }, 120_000);

  afterAll(async () => tenure?.stop(), 60_000);

  async function login(organizationId: string, sso: object): Promise<any> {
    const { status, body } = await tenure.call(
      'POST',
      '/v1/logins',
      { organizationId, sso },
      tenure.gateKey,
    );
    expect(status).toBe(200);
    return body;
  }

  async function put(organizationId: string, policy: object): Promise<string> {
    const { status, body } = await tenure.call(
      'PUT',
      `/v1/organizations/${organizationId}/policy`,
      policy,
    );
    return status === 200 ? body.directorySync : `${status} ${body.code}`;
  }

  async function dryRun(organizationId: string, query = ''): Promise<any> {
    const path = `/v1/organizations/${organizationId}/dry-run${query}`;
    return (await tenure.call('GET', path)).body;
  }

  it('locks out nobody by accident, and lets everybody in again whom it put out by mistake', async () => {
    const { simulator } = tenure;
    const organization = simulator.organization('Moving');
    const org = organization.id;
    const policy = { jit: true, deletionAllowed: true };

    // SSO only: people come in at their first login, and are at the host within seconds.
    expect(await put(org, policy)).toBe('disabled');
    const who = (name: string) => ({
      idpId: `sso_${name}`,
      email: `${name}@moving.example`,
      firstName: name,
    });
    const [grace, linus, eve] = [
      await login(org, who('grace')),
      await login(org, who('linus')),
      await login(org, who('eve')),
    ];
    for (const { allowed } of [grace, linus, eve]) expect(allowed).toBe(true);
    await eventually('linus at the host', async () =>
      tenure.hostDb.collection<{ _id: string }>('users').findOne({ _id: linus.userId }),
    );
    await tenure.hostDb
      .collection('sessions')
      .insertOne({ userId: linus.userId, organizationId: org });

    // The directory is connected. It knows grace and eve, and newcomers come only by it.
    const directory = simulator.directory({ organizationId: org });
    simulator.join(directory.id, { email: 'grace@moving.example', firstName: 'Grace' });
    const eves = simulator.join(directory.id, { email: 'eve@moving.example', firstName: 'Eve' });
    const read = await eventually('the first full listing', async () => {
      const run = await dryRun(org, '?list=linked');
      return run.listing.finished && run.counts.linked === 2 ? run : null;
    });
    expect(read).toMatchObject({
      directorySync: 'syncing',
      counts: { losesAccess: 1, linked: 2, ambiguous: 0 },
    });
    expect(await login(org, who('mallory'))).toMatchObject({ allowed: false, reason: 'unknown' });
    for (const name of ['grace', 'linus', 'eve']) {
      expect(await login(org, who(name))).toMatchObject({ allowed: true });
    }
    // The directory decides on whom it has, whatever SSO says.
    simulator.leave(eves.handle);
    await eventually('eve is out', async () => {
      const { allowed, reason } = await login(org, who('eve'));
      return !allowed && reason === 'notBacked';
    });

    // Not before somebody has read whom it puts out.
    expect(await put(org, { ...policy, directorySync: 'enabled' })).toBe('409 dryRunNeeded');
    expect((await dryRun(org)).data).toMatchObject([
      { userId: linus.userId, email: 'linus@moving.example' },
    ]);
    expect(await put(org, { ...policy, directorySync: 'enabled' })).toBe('enabled');

    // Linus is out, at once and everywhere, and nothing else happens to him.
    const out = await tenure.untilMembership(
      linus.membershipId,
      (m) => m.phase === 'blocked' && m.access.reason === 'notBacked',
    );
    expect(out.blockedBy).toMatchObject([{ code: 'guard' }]);
    const sessions = tenure.hostDb.collection('sessions');
    expect(await sessions.countDocuments({ userId: linus.userId })).toBe(0);
    expect(await login(org, who('linus'))).toMatchObject({ allowed: false, reason: 'notBacked' });
    expect(await login(org, who('grace'))).toMatchObject({ allowed: true });

    // It was a mistake: one call, and he is in again.
    const { body } = await tenure.call('GET', `/v1/guards?organizationId=${org}&state=open`);
    const guards = body.data.filter((guard: any) => guard.kind === 'configuration');
    expect(guards).toMatchObject([{ waiting: 1 }]);
    const rejected = await tenure.call('POST', `/v1/guards/${guards[0].id}/reject`, {});
    expect(rejected.status).toBe(200);
    await tenure.untilMembership(linus.membershipId, (m) => m.access.state === 'open');
    expect(await login(org, who('linus'))).toMatchObject({ allowed: true });
    expect((await dryRun(org)).directorySync).toBe('syncing');

    // He is put into the directory, and now it puts nobody out.
    simulator.join(directory.id, { email: 'linus@moving.example', firstName: 'Linus' });
    await eventually('linus is linked', async () => (await dryRun(org)).counts.losesAccess === 0);
    expect(await put(org, { ...policy, directorySync: 'enabled' })).toBe('enabled');
    for (const name of ['grace', 'linus']) {
      expect(await login(org, who(name))).toMatchObject({ allowed: true });
    }
    expect(await put(org, { ...policy, directorySync: 'disabled' })).toBe('409 directoryConnected');
  }, 120_000);
});
