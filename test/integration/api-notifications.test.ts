import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { NotificationDocument } from '../../platform/mongo/notification-document.ts';
import { newId } from '../../platform/ids.ts';
import { startApi, type TestApi } from './api-fixture.ts';

let api: TestApi;
const userId = 'user_of_the_list';

beforeAll(async () => {
  api = await startApi();
}, 60_000);

afterAll(async () => api.close());

async function aNotification(changes: Partial<NotificationDocument>): Promise<string> {
  const document: NotificationDocument = {
    _id: newId('notification'),
    endpoint: 'app',
    type: 'access.closed',
    userId,
    organizationId: 'org_a',
    membershipId: 'membership_a',
    sequence: 7,
    at: new Date('2026-05-01T10:00:00.000Z'),
    data: { reason: 'notBacked', status: 'disabled' },
    state: 'dead',
    attempts: 70,
    attemptedAt: new Date('2026-05-04T10:00:00.000Z'),
    failure: 'refused',
    status: 503,
    nextAt: null,
    giveUpAt: new Date('2026-05-04T10:00:00.000Z'),
    deliveredAt: null,
    expiresAt: new Date('2099-01-01T00:00:00.000Z'),
    ...changes,
  };
  await api.store.collections.notifications.insertOne(document);
  return document._id;
}

describe('GET /v1/notifications', () => {
  it('shows each with what became of it, the newest first, in pages', async () => {
    const dead = await aNotification({});
    const pending = await aNotification({
      state: 'pending',
      at: new Date('2026-05-02T10:00:00.000Z'),
      nextAt: new Date('2026-05-02T11:00:00.000Z'),
    });
    await aNotification({ userId: 'somebody_else' });
    const first = await api.call('GET', `/v1/notifications?userId=${userId}&limit=1`);
    expect(first.status).toBe(200);
    expect(first.json.data).toMatchObject([
      { id: pending, state: 'pending', nextAttemptAt: '2026-05-02T11:00:00.000Z' },
    ]);
    const second = await api.call(
      'GET',
      `/v1/notifications?userId=${userId}&limit=1&cursor=${first.json.next}`,
    );
    expect(second.json).toEqual({
      data: [
        {
          id: dead,
          endpoint: 'app',
          type: 'access.closed',
          userId,
          organizationId: 'org_a',
          membershipId: 'membership_a',
          sequence: 7,
          at: '2026-05-01T10:00:00.000Z',
          state: 'dead',
          attempts: 70,
          attemptedAt: '2026-05-04T10:00:00.000Z',
          failure: 'refused',
          status: 503,
          nextAttemptAt: null,
          deliveredAt: null,
          replayedBy: null,
          replayedAt: null,
          reason: null,
        },
      ],
      next: null,
    });
    const filtered = await api.call('GET', `/v1/notifications?userId=${userId}&state=dead`);
    expect(filtered.json.data).toMatchObject([{ id: dead }]);
    const none = await api.call('GET', `/v1/notifications?endpoint=crm`);
    expect(none.json.data).toEqual([]);
  });

  it.each(['state=lost', 'userId=', 'endpoint=', 'state[$ne]=dead'])(
    'refuses a filter that it does not know: %s',
    async (query) => {
      expect((await api.call('GET', `/v1/notifications?${query}`)).status).toBe(422);
    },
  );
});

describe('the index of the unfiltered list', () => {
  it('gives the newest without reading and sorting all', async () => {
    await aNotification({});
    const explained = await api.store.collections.notifications
      .find({})
      .sort({ at: -1, _id: -1 })
      .limit(3)
      .explain('queryPlanner');
    const plan = JSON.stringify(explained['queryPlanner'].winningPlan);
    expect(plan).toContain('at_-1__id_-1');
    expect(plan).not.toMatch(/"(SORT|COLLSCAN)"/);
  });
});

describe('POST /v1/notifications/{id}/replay', () => {
  it('has it delivered once more, by the name of the admin and with the reason', async () => {
    const id = await aNotification({ userId: 'user_replayed' });
    const replayed = await api.call('POST', `/v1/notifications/${id}/replay`, {
      body: { reason: 'the endpoint is back' },
    });
    expect(replayed.status).toBe(200);
    expect(replayed.json).toMatchObject({
      id,
      state: 'pending',
      attempts: 0,
      failure: null,
      replayedBy: 'admin:ada',
      reason: 'the endpoint is back',
    });
    const again = await api.call('POST', `/v1/notifications/${id}/replay`);
    expect(again.status).toBe(409);
    expect(again.json.code).toBe('stillPending');
  });

  it('answers 404 for one that does not exist', async () => {
    const answer = await api.call('POST', '/v1/notifications/notification_x/replay');
    expect(answer.status).toBe(404);
  });

  it('is for admins only', async () => {
    const answer = await api.call('GET', '/v1/notifications', { key: null });
    expect(answer.status).toBe(401);
  });
});

describe('GET /metrics', () => {
  it('counts dead letters, and how long the oldest notification waits', async () => {
    await aNotification({ state: 'pending', at: new Date(Date.now() - 90_000), userId: 'waiting' });
    const { text } = await api.call('GET', '/metrics');
    expect(Number(/^tenure_notifications_dead (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(0);
    const oldest = /^tenure_notifications_pending_oldest_seconds ([\d.e+]+)$/m.exec(text)?.[1];
    expect(Number(oldest)).toBeGreaterThan(89);
  });
});
