import { describe, expect, it } from '@jest/globals';

import { startForTest } from '../support/simulator-in-test.ts';
import type { TestSimulator } from '../support/simulator.ts';

interface EventPage {
  data: { id: string; event: string; data: Record<string, unknown>; created_at: string }[];
  list_metadata: { after: string | null };
}

async function get(simulator: TestSimulator, path: string): Promise<Response> {
  return fetch(simulator.url + path, {
    headers: { authorization: `Bearer ${simulator.apiKey}` },
  });
}

async function page(simulator: TestSimulator, query: string): Promise<EventPage> {
  const response = await get(simulator, `/events?${query}`);
  expect(response.status).toBe(200);
  return (await response.json()) as EventPage;
}

async function withPeople(count: number, options = {}): Promise<TestSimulator> {
  const simulator = await startForTest(options);
  const { directory } = simulator.tenant();
  for (let index = 0; index < count; index += 1) {
    simulator.join(directory.id, { firstName: `p${index}` });
  }
  return simulator;
}

const joins = 'dsync.user.created';

describe('the Events API of the simulator', () => {
  it.each([
    'events=dsync.user.created,dsync.group.created',
    'events[]=dsync.user.created&events[]=dsync.group.created',
  ])('understands %s', async (query) => {
    const simulator = await withPeople(1);
    simulator.group(simulator.world.state.directories[0]?.id ?? '', 'Staff');
    const { data } = await page(simulator, query);
    expect(data.map(({ event }) => event)).toEqual([joins, 'dsync.group.created']);
  });

  it('asks for event names', async () => {
    const simulator = await withPeople(1);
    const response = await get(simulator, '/events');
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({
      errors: [{ code: 'required', field: 'events' }],
    });
  });

  it('gives ten at a time, and every event once over all pages', async () => {
    const simulator = await withPeople(23);
    const seen: string[] = [];
    let cursor = '';
    for (;;) {
      const { data, list_metadata: more } = await page(simulator, `events=${joins}${cursor}`);
      expect(data.length).toBeLessThanOrEqual(10);
      seen.push(...data.map(({ id }) => id));
      if (more.after === null) break;
      cursor = `&after=${more.after}`;
    }
    expect(seen).toHaveLength(23);
    expect(seen).toEqual(seen.toSorted());
    expect(new Set(seen).size).toBe(23);
  });

  it('holds a new event back until the visibility delay has passed', async () => {
    let now = Date.parse('2026-11-01T00:00:00.000Z');
    const simulator = await withPeople(1, {
      now: () => now,
      settings: { visibilityDelayMs: 3000 },
    });
    now += 2999;
    expect((await page(simulator, `events=${joins}`)).data).toEqual([]);
    now += 1;
    expect((await page(simulator, `events=${joins}`)).data).toHaveLength(1);
  });

  it('loses an older event to a cursor that was taken from a webhook', async () => {
    let now = Date.parse('2026-11-01T00:00:00.000Z');
    const simulator = await withPeople(2, {
      now: () => now,
      settings: { visibilityDelayMs: 3000 },
    });
    const fromWebhook = simulator.events().at(-1)?.id ?? '';
    now += 5000;
    expect((await page(simulator, `events=${joins}`)).data).toHaveLength(2);
    expect((await page(simulator, `events=${joins}&after=${fromWebhook}`)).data).toEqual([]);
  });

  it.each([
    ['an unknown cursor', () => `after=event_01UNKNOWN`],
    ['a cursor beside range_start', (id: string) => `after=${id}&range_start=2026-01-01T00:00:00Z`],
    ['more than 30 days', () => 'range_start=2026-01-01T00:00:00Z&range_end=2026-02-01T00:00:00Z'],
    ['a range_start that is no date', () => 'range_start=yesterday'],
  ])('refuses %s with 400', async (_, query) => {
    const simulator = await withPeople(1);
    const id = simulator.events()[0]?.id ?? '';
    const response = await get(simulator, `/events?events=${joins}&${query(id)}`);
    expect(response.status).toBe(400);
  });

  it('answers 400 for a cursor that expired', async () => {
    const simulator = await withPeople(1);
    const id = simulator.events()[0]?.id ?? '';
    expect((await get(simulator, `/events?events=${joins}&after=${id}`)).status).toBe(200);
    await fetch(`${simulator.url}/simulator/expire-events`, {
      method: 'POST',
      body: JSON.stringify({ before: new Date(Date.now() + 1000).toISOString() }),
    });
    expect((await get(simulator, `/events?events=${joins}&after=${id}`)).status).toBe(400);
  });

  it('keeps to a range and to an organization', async () => {
    let now = Date.parse('2026-10-01T00:00:00.000Z');
    const simulator = await startForTest({ now: () => now });
    const [first, second] = [simulator.tenant(), simulator.tenant({ name: 'Other' })];
    simulator.join(first.directory.id, { firstName: 'early' });
    now = Date.parse('2026-10-20T00:00:00.000Z');
    const late = simulator.join(first.directory.id, { firstName: 'late' });
    simulator.join(second.directory.id, { firstName: 'elsewhere' });
    const { data } = await page(
      simulator,
      `events=${joins}&range_start=2026-10-10T00:00:00Z&organization_id=${first.organization.id}`,
    );
    expect(data.map((event) => event.data['id'])).toEqual([late.user.id]);
  });
});

describe('limits and faults of the REST API', () => {
  it('refuses the fifth request a second on one directory, where the limit is on', async () => {
    const simulator = await startForTest({ settings: { directoryUsersPerSecond: 4 } });
    const [first, second] = [simulator.tenant(), simulator.tenant({ name: 'Other' })];
    const list = (id: string): Promise<Response> =>
      get(simulator, `/directory_users?directory=${id}`);
    const statuses: number[] = [];
    for (let index = 0; index < 5; index += 1)
      statuses.push((await list(first.directory.id)).status);
    expect(statuses).toEqual([200, 200, 200, 200, 429]);
    expect((await list(first.directory.id)).headers.get('retry-after')).toBe('1');
    expect((await list(second.directory.id)).status).toBe(200);
  });

  it.each([
    [{ status: 503, times: 1 }, [503, 200]],
    [{ malformed: true, times: 1 }, ['malformed', 200]],
    [{ hang: true, times: 1 }, ['no answer', 200]],
    [{ statusAfter: 500 }, [500, 500]],
  ])('answers as the fault %j says', async (fault, expected) => {
    const simulator = await startForTest();
    const { directory } = simulator.tenant();
    const { user } = simulator.join(directory.id, { firstName: 'Ada' });
    const path = `/directory_users/${user.id}`;
    await fetch(`${simulator.url}/simulator/faults/api`, {
      method: 'POST',
      body: JSON.stringify({ path: '/directory_users/*', ...fault }),
    });
    const outcomes: (number | string)[] = [];
    for (const _ of expected) {
      outcomes.push(
        await fetch(simulator.url + path, {
          headers: { authorization: `Bearer ${simulator.apiKey}` },
          signal: AbortSignal.timeout(300),
        })
          .catch(() => 'no answer')
          .then(async (response) => {
            if (typeof response === 'string') return response;
            const text = await response.text();
            return text.startsWith('{"object":"list"') ? 'malformed' : response.status;
          }),
      );
    }
    expect(outcomes).toEqual(expected);
  });

  it('does what was asked and says that it failed, on demand', async () => {
    const simulator = await startForTest();
    const { directory } = simulator.tenant();
    simulator.join(directory.id, { firstName: 'Ada', email: 'ada@acme.test' });
    const session = simulator.session('ada');
    simulator.settings.apiFaults.push({
      id: 'fault',
      path: '/user_management/sessions/revoke',
      statusAfter: 500,
      times: 1,
    });
    const { userManagement } = simulator.workos;
    await expect(userManagement.revokeSession({ sessionId: session.id })).rejects.toMatchObject({
      status: 500,
    });
    expect((await userManagement.listSessions(session.userId)).data).toEqual([]);
  });

  it('answers the control API to nobody with an origin', async () => {
    const simulator = await startForTest();
    const response = await fetch(`${simulator.url}/simulator/world`, {
      headers: { origin: 'https://evil.example' },
    });
    expect(response.status).toBe(403);
  });
});
