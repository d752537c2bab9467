import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { userEvent, workosId } from '../support/events.ts';
import { startHostEndpoint, type HostEndpoint } from '../support/host-endpoint.ts';
import { createOutsideSources } from '../../connectors/outside-sources.ts';
import type { SessionSource } from '../../domain/host-file.ts';
import { startTenure, type RunningTenure } from '../support/tenure.ts';

let tenure: RunningTenure;
let endpoint: HostEndpoint;

beforeAll(async () => {
  endpoint = await startHostEndpoint();
  const app: SessionSource = {
    kind: 'app',
    connector: 'http',
    url: endpoint.url,
    secretEnv: 'S',
    allowPrivate: true,
  };
  const outsideSources = createOutsideSources(
    { sessions: [app] },
    { secrets: new Map([['S', [endpoint.secret]]]), workos: null },
  );
  tenure = await startTenure({ outsideSources });
  tenure.file.sessions.push(app);
}, 60_000);

afterAll(async () => {
  await tenure.close();
  await endpoint.close();
});

describe('somebody who leaves and returns within a second, ten times in a row', () => {
  it('never comes back to a session of before, also not to one that a sign-in under way wrote', async () => {
    const organizationId = workosId('org');
    const ada = {
      id: workosId('directory_user'),
      organizationId,
      directoryId: `directory_${organizationId}`,
    };
    await tenure.sandbox(organizationId, 3600);
    await tenure.deliver(userEvent('created', ada));
    const { _id, userId } = await tenure.until(
      ada.id,
      (m) => m.access.state === 'open' && m.resting,
    );
    const sessions = tenure.hostDb.collection('sessions');
    const signIn = async (): Promise<unknown> => sessions.insertOne({ userId, organizationId });

    for (let round = 1; round <= 10; round += 1) {
      await signIn();
      endpoint.alive.set(userId, 1);
      await tenure.deliver(userEvent('deleted', ada));
      await signIn();
      endpoint.alive.set(userId, (endpoint.alive.get(userId) ?? 0) + 1);
      await tenure.deliver(userEvent('updated', ada));
      const back = await tenure.until(ada.id, (m) => m.access.state === 'open' && m.resting);
      expect(back).toMatchObject({ generation: round, closings: round, revokedClosings: round });
      expect(await sessions.countDocuments({ userId })).toBe(0);
      expect(endpoint.alive.get(userId)).toBe(0);
    }
    const lines = await tenure.store.collections.timeline
      .find({ membershipId: _id, type: 'sessionsVerifiedEmpty' })
      .toArray();
    expect(lines).toHaveLength(10);
  });
});

describe('a source that is away while somebody leaves', () => {
  it('keeps them from coming back until its sessions are gone, and nobody else', async () => {
    const organizationId = workosId('org');
    const directoryId = `directory_${organizationId}`;
    const ada = { id: workosId('directory_user'), organizationId, directoryId };
    const bob = { id: workosId('directory_user'), organizationId, directoryId };
    await tenure.sandbox(organizationId, 3600);
    for (const person of [ada, bob]) await tenure.deliver(userEvent('created', person));
    const open = await tenure.until(ada.id, (m) => m.access.state === 'open' && m.resting);
    await tenure.until(bob.id, (m) => m.access.state === 'open' && m.resting);
    endpoint.alive.set(open.userId, 1);
    endpoint.instead = ({ body }, response) => {
      if (body.userId !== open.userId) return false;
      response.writeHead(500).end();
      return true;
    };
    for (const person of [ada, bob]) await tenure.deliver(userEvent('deleted', person));
    await tenure.until(bob.id, (m) => m.revokedClosings === 1);
    await tenure.deliver(userEvent('updated', ada));
    const failing = await tenure.until(ada.id, (m) =>
      (m.revocations ?? []).some(({ code }) => code === 'answered500'),
    );
    expect(failing.access).toEqual({ state: 'closed', reason: 'opening' });
    endpoint.instead = null;
    const back = await tenure.until(ada.id, (m) => m.access.state === 'open' && m.resting);
    expect(back.revokedClosings).toBe(1);
    expect(endpoint.alive.get(open.userId)).toBe(0);
  });
});
