import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { deliveryWorkflowId } from '../../domain/notifications.ts';
import type { NotificationDocument } from '../../platform/mongo/notification-document.ts';
import { notifierOf, startReceiver, type Receiver } from '../support/receiver.ts';
import {
  dayMs,
  sleepingUntil,
  startSkipping,
  type HistoryEvent,
  type SkippingTenure,
} from '../support/time-skipping.ts';

describe('the notifications of one user', () => {
  let tenure: SkippingTenure;
  let app: Receiver;
  let crm: Receiver;

  beforeAll(async () => {
    app = await startReceiver('app');
    crm = await startReceiver('crm');
    const endpoints = [app.endpoint, crm.endpoint];
    tenure = await startSkipping({ endpoints, notifier: notifierOf(endpoints) });
  }, 180_000);

  afterEach(() => {
    app.answer.with = undefined;
    tenure.before.hook = undefined;
  });

  afterAll(async () => {
    await tenure?.close();
    await app?.close();
    await crm?.close();
  }, 60_000);

  const down = (_got: unknown, response: { writeHead(status: number): { end(): unknown } }): void =>
    void response.writeHead(503).end();

  function typesAt(receiver: Receiver, userId: string): string[] {
    return receiver.about(userId).map(({ type }) => type);
  }

  async function events(userId: string): Promise<HistoryEvent[]> {
    const handle = tenure.env.client.workflow.getHandle(deliveryWorkflowId(userId));
    return (await handle.fetchHistory()).events ?? [];
  }

  async function untilDone(userId: string): Promise<void> {
    await tenure.eventually(async () => {
      const handle = tenure.env.client.workflow.getHandle(deliveryWorkflowId(userId));
      const described = await handle.describe().catch(() => null);
      return described?.status.name === 'COMPLETED';
    }, `the delivery to ${userId}`);
  }

  /** Waits until the run has a timer, and returns when it fires. */
  async function untilAsleep(userId: string): Promise<number> {
    return tenure.eventually(
      async () => sleepingUntil(await events(userId).catch(() => [])),
      `a timer of the delivery to ${userId}`,
    );
  }

  async function written(userId: string, endpoint: string): Promise<NotificationDocument[]> {
    return tenure.store.collections.notifications
      .find({ userId, endpoint })
      .sort({ sequence: 1 })
      .toArray();
  }

  it('are delivered at once after the commit, and the run ends', async () => {
    const ada = await tenure.person();
    const { userId } = await tenure.join(ada);
    await tenure.eventually(() => app.about(userId).length === 2, 'both notifications');
    expect(typesAt(app, userId)).toEqual(['user.provisioned', 'access.opened']);
    await untilDone(userId);
  });

  it('take no turn of the lifecycles: their runs and activities have a task queue of their own', async () => {
    const ada = await tenure.person();
    const { userId } = await tenure.join(ada);
    await untilDone(userId);
    const queues = (await events(userId)).flatMap((event) => [
      event.workflowExecutionStartedEventAttributes?.taskQueue?.name ?? [],
      event.activityTaskScheduledEventAttributes?.taskQueue?.name ?? [],
    ]);
    expect(queues.flat().length).toBeGreaterThanOrEqual(4);
    expect(queues.flat().filter((name) => !name.endsWith('-notifications'))).toEqual([]);
  });

  it('come in order after an outage, and another endpoint is not held up by it', async () => {
    const ada = await tenure.person();
    app.answer.with = down;
    const { userId } = await tenure.join(ada);
    await tenure.leave(ada, 30);
    await tenure.eventually(() => typesAt(crm, userId).includes('deletion.scheduled'), 'the other');
    const all = (await written(userId, 'crm')).map(({ type }) => type);
    expect(typesAt(crm, userId)).toEqual(all);
    expect(new Set(typesAt(app, userId))).toEqual(new Set(['user.provisioned']));

    app.answer.with = undefined;
    await untilAsleep(userId);
    await tenure.env.sleep('2 hours');
    await untilDone(userId);
    const taken = app.about(userId);
    const tries = taken.filter(({ type }) => type === 'user.provisioned').length;
    expect(taken.slice(tries - 1).map(({ type }) => type)).toEqual(all);
  });

  it('are told again with the same id where the worker died before it wrote that down', async () => {
    const ada = await tenure.person();
    const seen = new Set<string>();
    tenure.before.hook = async ({ name }) => {
      if (name !== 'deliver') return;
      // The first answer to each is lost with the worker.
      tenure.before.hook = undefined;
      const open = await tenure.store.collections.notifications
        .find({ state: 'pending', endpoint: 'app' })
        .toArray();
      for (const { _id, endpoint } of open) {
        seen.add(_id);
        await notifierOf([app.endpoint]).tell(endpoint, _id, { type: 'lost', data: {} });
      }
      throw new Error('The worker dies.');
    };
    const { userId } = await tenure.join(ada);
    await untilDone(userId);
    const [first] = app.about(userId);
    expect(seen).toContain(first?.id);
    expect(typesAt(app, userId)).toEqual(['user.provisioned', 'access.opened']);
  });

  it('leave nothing of the person in Temporal', async () => {
    const ada = await tenure.person();
    app.answer.with = (_got, response) => {
      response.writeHead(500, { 'content-type': 'text/html' });
      response.end(`<p>${ada.email} Lovelace</p>`);
    };
    const { userId } = await tenure.join(ada);
    await untilAsleep(userId);
    const text = JSON.stringify(await events(userId), (key, value: unknown) =>
      key === 'data' ? Buffer.from(String(value), 'base64').toString('utf8') : value,
    );
    expect(text).toContain(userId);
    expect(text).not.toContain(ada.email);
    expect(text).not.toMatch(/lovelace|127\.0\.0\.1|whsec_/i);
    const [first] = await written(userId, 'app');
    expect(JSON.stringify(first)).not.toMatch(/lovelace|@/i);
  });

  // From here on the workflow's time is days ahead of the wall clock, by which notifications are written.
  it('are tried for three days and become dead letters, each of them tried', async () => {
    const ada = await tenure.person();
    app.answer.with = down;
    const { userId } = await tenure.join(ada);
    await untilAsleep(userId);
    await tenure.env.sleep('80 hours');
    await untilDone(userId);
    const [first, second] = await written(userId, 'app');
    expect(first).toMatchObject({ state: 'dead', failure: 'refused', status: 503 });
    expect(second?.state).toBe('dead');
    expect(second?.attempts).toBeGreaterThanOrEqual(1);
    const triedMs = (first?.attemptedAt?.getTime() ?? 0) - (first?.at.getTime() ?? 0);
    expect(triedMs).toBeGreaterThanOrEqual(3 * dayMs);
    expect(triedMs).toBeLessThan(3 * dayMs + 2 * 3_600_000);
    // The quick tries of the first half hour, then one an hour.
    expect(first?.attempts).toBeGreaterThan(60);
    expect(first?.attempts).toBeLessThan(90);
    expect((await written(userId, 'crm')).every(({ state }) => state === 'delivered')).toBe(true);
  }, 120_000);

  it('say once that the deletion comes soon, so many days before as the policy says', async () => {
    const ada = await tenure.person({ remindDays: 5 });
    const { _id, userId } = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 30);
    await tenure.untilSleepingFor(_id, dueMs - 5 * dayMs);
    await tenure.skipTo(dueMs - 5 * dayMs - 60_000);
    expect(typesAt(crm, userId)).not.toContain('deletion.due_soon');
    await tenure.skipTo(dueMs - 5 * dayMs + 60_000);
    await tenure.eventually(() => typesAt(crm, userId).includes('deletion.due_soon'), 'reminded');
    // What people see is the due time, not when the run wakes.
    await tenure.untilSleepingFor(_id, dueMs);
    await tenure.skipTo(dueMs - 60_000);
    expect(await tenure.membership(ada)).toMatchObject({ phase: 'coolingOff', reminded: 1 });
    await tenure.skipTo(dueMs);
    await tenure.until(ada, (m) => m.phase === 'anonymized' && m.resting);
    await tenure.eventually(() => typesAt(crm, userId).includes('user.anonymized'), 'the end');
    expect(typesAt(crm, userId).filter((type) => type === 'deletion.due_soon')).toHaveLength(1);
    expect(tenure.callsOf('remind', _id)).toHaveLength(1);
  });
});
