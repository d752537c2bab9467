import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Worker } from '@temporalio/worker';

import type { HostRevocation } from '../../domain/messages.ts';
import { disableMembership } from '../../transitions/commands/disable-membership.ts';
import { userEvent } from '../support/events.ts';
import { startSkipping, type SkippingTenure } from '../support/time-skipping.ts';

let tenure: SkippingTenure;
let stopHost: () => Promise<void>;
const asked: HostRevocation[] = [];

beforeAll(async () => {
  tenure = await startSkipping();
  const taskQueue = `billing-${randomUUID()}`;
  tenure.file.sessions.push({
    kind: 'legacy',
    connector: 'temporal',
    taskQueue,
    activityType: 'endSessions',
  });
  const worker = await Worker.create({
    connection: tenure.env.nativeConnection,
    namespace: tenure.env.namespace ?? 'default',
    taskQueue,
    activities: {
      async endSessions(given: HostRevocation) {
        asked.push(given);
        return { revoked: 0, left: 0 };
      },
    },
  });
  const running = worker.run();
  stopHost = async () => {
    worker.shutdown();
    await running;
  };
}, 180_000);

afterAll(async () => {
  await stopHost?.();
  await tenure?.close();
}, 60_000);

describe('an activity of the host application', () => {
  it('is told why it is to end what lets somebody in, each time', async () => {
    const ada = await tenure.person();
    const { _id: membershipId } = await tenure.join(ada);
    await disableMembership(tenure.store, { membershipId, actor: 'admin:ada', reason: null });
    await tenure.lookAgain(ada);
    await tenure.until(ada, (m) => m.revokedClosings === 1);
    await tenure.take(userEvent('deleted', ada));
    await tenure.lookAgain(ada);
    await tenure.until(ada, (m) => m.revokedClosings === 2);
    expect(asked.map(({ closing, reason }) => [closing, reason])).toEqual([
      [1, 'disabled'],
      [1, 'disabled'],
      [2, 'leaving'],
      [2, 'leaving'],
    ]);
  });
});
