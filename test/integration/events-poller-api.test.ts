import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';

import { createEventsApi, type EventsApi } from '../../platform/workos/events-api.ts';
import { startForTest } from '../support/simulator-in-test.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
}

/** A WorkOS that gives one answer to everything, null: none at all; it keeps what it was asked. */
async function answering(
  answer: Answer | null,
): Promise<{ api: EventsApi; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    if (answer === null) return;
    const headers = { 'content-type': 'application/json', ...answer.headers };
    response.writeHead(answer.status ?? 200, headers).end(answer.body ?? '{"data":[]}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  closing.push(
    async () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const { port } = server.address() as AddressInfo;
  // Only where no answer comes a test has to wait for the end of the patience.
  const timeoutMs = answer === null ? 300 : 20_000;
  const access = { apiKey: 'sk_test', apiUrl: `http://127.0.0.1:${port}`, timeoutMs };
  return { api: createEventsApi(access), asked };
}

const rangeStart = new Date('2026-10-01T00:00:00.000Z');
const rangeEnd = new Date('2026-10-30T00:00:00.000Z');

describe('a page of the Events API', () => {
  it('is asked for by a comma list and a hundred at a time, and never with an order', async () => {
    const { api, asked } = await answering({});
    await api.page({ after: 'event_1' });
    const { pathname, searchParams: query } = new URL(asked[0]?.url ?? '', 'http://workos');
    expect(pathname).toBe('/events');
    expect(query.getAll('events')).toHaveLength(1);
    expect(query.get('events')?.split(',')).toContain('dsync.group.user_removed');
    expect([...query.keys()].toSorted()).toEqual(['after', 'events', 'limit']);
    expect(query.get('limit')).toBe('100');
    expect(asked[0]?.headers.authorization).toBe('Bearer sk_test');
  });

  it('begins after an event or with a span, never with both', async () => {
    const { api, asked } = await answering({});
    await api.page({ rangeStart, rangeEnd });
    const query = new URL(asked[0]?.url ?? '', 'http://workos').searchParams;
    expect(query.get('range_start')).toBe('2026-10-01T00:00:00.000Z');
    expect(query.get('range_end')).toBe('2026-10-30T00:00:00.000Z');
    expect(query.has('after')).toBe(false);
  });

  it('comes in the wire shape, oldest first, with the place to go on from', async () => {
    const simulator = await startForTest();
    const { directory } = simulator.tenant();
    for (let nth = 0; nth < 102; nth += 1) simulator.join(directory.id, { firstName: `p${nth}` });
    const { apiKey, url } = simulator;
    const api = createEventsApi({ apiKey, apiUrl: url, timeoutMs: 5000 });
    const now = Date.now();
    const first = await api.page({
      rangeStart: new Date(now - 1_000_000),
      rangeEnd: new Date(now + 1000),
    });
    const events = simulator.events().filter(({ event }) => event.startsWith('dsync.'));
    expect(first).toEqual({ answer: 'page', items: events.slice(0, 100), next: events[99]?.id });
    const second = await api.page({ after: events[99]?.id ?? '' });
    expect(second).toEqual({ answer: 'page', items: events.slice(100), next: null });
  });

  it.each<[string, Answer | null, object]>([
    ['400', { status: 400, body: '{}' }, { answer: 'positionRefused' }],
    ['404', { status: 404, body: '{}' }, { answer: 'positionRefused' }],
    ['410', { status: 410, body: '{}' }, { answer: 'positionRefused' }],
    ['422', { status: 422, body: '{}' }, { answer: 'positionRefused' }],
    ['401', { status: 401, body: '{}' }, { answer: 'keyRefused' }],
    ['403', { status: 403, body: '{}' }, { answer: 'keyRefused' }],
    ['500', { status: 500, body: '{}' }, { answer: 'uncertain', retryAfterMs: null }],
    ['no answer', null, { answer: 'uncertain', retryAfterMs: null }],
    ['no JSON', { body: '<html>' }, { answer: 'uncertain', retryAfterMs: null }],
    ['another shape', { body: '{"data":{}}' }, { answer: 'uncertain', retryAfterMs: null }],
    [
      '429 with seconds',
      { status: 429, headers: { 'retry-after': '7' }, body: '{}' },
      { answer: 'rateLimited', retryAfterMs: 7000 },
    ],
    [
      '429 of a proxy, without JSON',
      { status: 429, headers: { 'retry-after': '7', 'content-type': 'text/html' }, body: '<p>' },
      { answer: 'rateLimited', retryAfterMs: 7000 },
    ],
    [
      '429 that names no time',
      { status: 429, headers: { 'retry-after': 'soon' }, body: '{}' },
      { answer: 'rateLimited', retryAfterMs: null },
    ],
    [
      '429 that asks for a year',
      { status: 429, headers: { 'retry-after': '31536000' }, body: '{}' },
      { answer: 'rateLimited', retryAfterMs: 900_000 },
    ],
    [
      '503 with seconds',
      { status: 503, headers: { 'retry-after': '3' }, body: '' },
      { answer: 'uncertain', retryAfterMs: 3000 },
    ],
  ])('that is not there is told apart: %s', async (_what, answer, expected) => {
    const { api, asked } = await answering(answer);
    expect(await api.page({ after: 'event_1' })).toEqual(expected);
    expect(asked).toHaveLength(1);
  });

  it('waits until the date that a Retry-After may be', async () => {
    const date = new Date(Date.now() + 20_000).toUTCString();
    const { api } = await answering({ status: 429, headers: { 'retry-after': date }, body: '{}' });
    const answer = await api.page({ after: 'event_1' });
    const ms = answer.answer === 'rateLimited' ? (answer.retryAfterMs ?? 0) : 0;
    expect(ms).toBeGreaterThan(15_000);
    expect(ms).toBeLessThanOrEqual(20_000);
  });
});
