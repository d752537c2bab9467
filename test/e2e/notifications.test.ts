import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { eventually, startProcesses, type TenureProcesses } from '../support/processes.ts';
import { newSecret, startReceiver, type Receiver } from '../support/receiver.ts';

/** Everything that a host application is told, by the processes that are shipped. */
describe('the notifications of a deployment', () => {
  const [old, next] = [newSecret(), newSecret()];
  let app: Receiver;
  let tenure: TenureProcesses;

  beforeAll(async () => {
    app = await startReceiver('app', { secrets: [old] });
    tenure = await startProcesses({
      hostFile: [
        'version: 1',
        'database: acme',
        'defaults: { policy: { deletionAllowed: true } }',
        'sessions:',
        '  - { kind: session, connector: mongodb, collection: sessions, user: userId, organization: organizationId, revoke: delete }',
        'notifications:',
        `  - { id: app, url: "${app.endpoint.url}", secretEnv: APP_SECRET, allowPrivate: true }`,
        '',
      ].join('\n'),
      workerEnv: { APP_SECRET: `${old},${next}` },
    });
  }, 120_000);

  afterAll(async () => {
    await tenure?.stop();
    await app?.close();
  }, 60_000);

  it('tell a whole tenure in order, over the death of the worker, signed by both secrets', async () => {
    const { simulator } = tenure;
    const { organization, directory } = simulator.tenant({ name: 'Aviary' });
    // Long enough for a worker to be killed and started: nobody is reminded of what is due.
    await tenure.sandbox(organization.id, 25, { remindDays: 1 });
    const email = 'zsofi.canary@aviary.example';
    const zsofi = simulator.join(directory.id, { email, firstName: 'Zsofi', lastName: 'Canary' });
    const { id, userId } = await tenure.until(zsofi.user.id, (m) => m.access.state === 'open');
    await eventually('access.opened', () =>
      app.about(userId).some(({ type }) => type === 'access.opened'),
    );

    // What is committed while no worker lives is told when one is back.
    await tenure.worker.kill();
    simulator.leave(zsofi.handle);
    await eventually('the closing', async () => {
      const { body } = await tenure.call('GET', `/v1/memberships/${id}`);
      return body.access.reason === 'notBacked';
    });
    expect(app.about(userId).map(({ type }) => type)).not.toContain('access.closed');
    await tenure.worker.start();

    await tenure.untilMembership(id, (m) => m.phase === 'anonymized', 60_000);
    await eventually('user.anonymized', () =>
      app.about(userId).some(({ type }) => type === 'user.anonymized'),
    );
    const told = app.about(userId);
    const firsts = told.filter((got, at) => told.findIndex((other) => other.id === got.id) === at);
    expect(firsts.map(({ type }) => type)).toEqual([
      'user.provisioned',
      'access.opened',
      'access.closed',
      'sessions.revoked',
      'deletion.scheduled',
      'deletion.due_soon',
      'user.anonymized',
    ]);
    for (const got of told) {
      expect(() => app.verify(got, old)).not.toThrow();
      expect(() => app.verify(got, next)).not.toThrow();
      expect(got.body).not.toMatch(/canary|zsofi|aviary\.example/i);
    }
    const { body } = await tenure.call('GET', `/v1/notifications?userId=${userId}&limit=100`);
    const states = body.data.map(({ state }: { state: string }) => state);
    expect(states).toEqual(firsts.map(() => 'delivered'));
    for (const process of [tenure.api, tenure.worker]) {
      expect(process.log()).not.toContain(old);
      expect(process.log()).not.toContain(app.endpoint.url);
    }
  }, 120_000);

  it('do not let a worker start that could not sign them', async () => {
    const start = tenure.another('worker', { APP_SECRET: 'whsec_short' });
    await expect(start).rejects.toThrow(/APP_SECRET: expected whsec_ and base64/);
  });
});
