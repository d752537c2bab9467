import { connect } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Route } from '../../api/route.ts';
import { routes } from '../../api/routes/index.ts';
import { startApi, type TestApi } from './api-fixture.ts';

/*
 * What strangers, broken clients and scanners send, to every route: a clear 4xx, or a 2xx where it is
 * harmless; never a 500, never a stack, and MongoDB sees none of it as an operator.
 */

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});

afterAll(async () => {
  await api.close();
});

const long = 'x'.repeat(10_000);

const values: unknown[] = [
  { $gt: '' },
  { $ne: null },
  { $where: 'sleep(1000)' },
  { $regex: '.*' },
  { $function: { body: 'x', args: [], lang: 'js' } },
  [{ $ne: null }],
  long,
  '\ud800',
  'a\u0000b',
  '',
  ' ',
  '$where',
  '../../etc/passwd',
  "' || '1'=='1",
  '<script>alert(1)</script>',
  1e308,
  -1,
  Number.MAX_SAFE_INTEGER + 2,
  null,
  true,
  [],
  {},
  Array.from({ length: 50 }, () => ({ a: 1 })),
];

const texts = values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
const bodies: string[] = [
  '{',
  'null',
  '[]',
  '7',
  '"text"',
  '{"__proto__":{"isAdmin":true}}',
  '{"constructor":{"prototype":{"isAdmin":true}}}',
  '{"$where":"1"}',
  '{"a.b":1}',
  '{"reason":{"$gt":""}}',
  `{"reason":"${long}"}`,
  '{"reason":"\\ud800"}',
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
];

function pathOf(route: Route, id: string): string {
  return route.path.replace('{id}', encodeURIComponent(id));
}

/** Sends one call and says what is wrong with the answer, if anything. */
async function faultOf(method: string, path: string, options: object): Promise<string[]> {
  const { status, text, headers } = await api.call(method, path, options);
  const isProblem = headers.get('content-type')?.includes('application/problem+json') ?? false;
  const faults = [
    status >= 500 ? `status ${status}` : '',
    status >= 400 && !isProblem ? 'no problem document' : '',
    /\n\s+at |node_modules|\.ts:\d|Mongo/.test(text) ? 'tells of the inside' : '',
  ].filter((fault) => fault !== '');
  if (faults.length === 0) return [];
  return [`${method} ${path} ${JSON.stringify(options)}`.slice(0, 500) + `: ${faults.join()}`];
}

/** Names of the fields of a body, as its schema knows them. */
function fieldsOf(route: Route): string[] {
  const { body } = route.schemas;
  return 'shape' in body ? Object.keys(body.shape as object) : [];
}

/** Everything bad that one route is sent. */
function* callsOf(route: Route): Generator<[path: string, options: object]> {
  const valid = pathOf(route, 'some-id');
  if (route.method !== 'get') {
    for (const raw of bodies) yield [valid, { raw }];
    for (const field of fieldsOf(route)) {
      for (const value of values) yield [valid, { body: { [field]: value } }];
    }
    yield [valid, { raw: Buffer.of(0xff, 0xfe, 0x7b) }];
    yield [valid, { raw: '{}', headers: { 'content-type': 'text/plain' } }];
    yield [valid, { raw: '{}', headers: { 'content-encoding': 'gzip' } }];
  }
  const sendable = texts.filter((text) => text.isWellFormed());
  if (route.path.includes('{id}')) {
    for (const text of sendable) if (text !== '') yield [pathOf(route, text), {}];
    yield [route.path.replace('{id}', '%ZZ'), {}];
    yield [route.path.replace('{id}', '%ff%00'), {}];
  }
  for (const name of [...Object.keys(route.schemas.query.shape), '__proto__', '$where']) {
    for (const text of sendable) {
      yield [`${valid}?${name}=${encodeURIComponent(text)}`, {}];
      yield [`${valid}?${name}[$ne]=${encodeURIComponent(text)}`, {}];
    }
    yield [`${valid}?${name}=a&${name}=b`, {}];
  }
}

const called = routes.filter(({ path }) => path !== '/health/ready');

describe('bad input', () => {
  it.each(called.map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const))(
    'is answered 4xx by %s',
    async (_name, route) => {
      const faults: string[] = [];
      for (const [path, options] of callsOf(route)) {
        faults.push(...(await faultOf(route.method.toUpperCase(), path, options)));
      }
      expect(faults).toEqual([]);
    },
    60_000,
  );

  it('makes no prototype of a body', () => {
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it.each([
    ['no base64', '!!!'],
    ['no JSON', Buffer.from('{').toString('base64url')],
    ['an operator', Buffer.from('[{"$gt":""}]').toString('base64url')],
    ['an object', Buffer.from('{"$gt":""}').toString('base64url')],
    ['too many parts', Buffer.from('["a","b","c"]').toString('base64url')],
    ['a huge number', Buffer.from('[1e300,"a"]').toString('base64url')],
    ['too long', 'x'.repeat(2_000)],
  ])('in a cursor (%s) is answered 422 by every list', async (_name, cursor) => {
    const lists = routes.filter(({ schemas }) => 'cursor' in schemas.query.shape);
    expect(lists.length).toBeGreaterThan(5);
    for (const { path } of lists.filter((route) => !route.path.includes('{id}'))) {
      const answer = await api.call('GET', `${path}?cursor=${encodeURIComponent(cursor)}`);
      expect([path, answer.status, answer.json.errors[0].path]).toEqual([
        path,
        422,
        'query.cursor',
      ]);
    }
  });

  it.each(['0', '101', '-1', '1.5', 'NaN', 'ten', '', '1e9'])(
    'in a limit (%j) is answered 422',
    async (limit) => {
      const { status, json } = await api.call('GET', `/v1/users?limit=${limit}`);
      expect([status, json.errors[0].path]).toEqual([422, 'query.limit']);
    },
  );

  it('in a cursor that a body has is answered 422 at its place there', async () => {
    const body = { q: 'a', cursor: '!!!' };
    const { status, json } = await api.call('POST', '/v1/users/search', { body });
    expect([status, json.errors[0].path]).toEqual([422, 'cursor']);
  });

  it.each<[string, string, string, unknown, string, RegExp]>([
    ['search', 'POST', '/v1/users/search', { q: 'a', limits: 3 }, '', /Did you mean limit\?$/],
    ['search', 'POST', '/v1/users/search', { q: 'a', zzzzzzzz: 3 }, '', /are: q, organizationId, /],
    [
      'a part of a body',
      'PUT',
      '/v1/organizations/org_x/policy',
      { guard: { maxUser: 3 } },
      'guard',
      /Did you mean maxUsers\?$/,
    ],
    [
      'one of several bodies',
      'POST',
      '/v1/link-requests/x/resolve',
      { action: 'ignore', user: 'u' },
      '',
      /are: action, reason\.$/,
    ],
    ['a query', 'GET', '/v1/users?organisationId=x', undefined, 'query', /mean organizationId\?$/],
    ['no query', 'GET', '/v1/users/x?a=1', undefined, 'query', /None is known here\.$/],
  ])('of an unknown field in %s names the known ones (%#)', async (_, ...call) => {
    const [method, path, body, place, message] = call;
    const { status, json } = await api.call(method, path, { body });
    expect([status, json.errors]).toEqual([
      422,
      [{ path: place, message: expect.stringMatching(message) }],
    ]);
  });

  it('is never echoed', async () => {
    const secret = 'ada.secret@example.com';
    for (const body of [
      { q: { [secret]: secret } },
      { [secret]: 1, q: 'a' },
      { q: 'a', limit: secret },
    ]) {
      const { status, text } = await api.call('POST', '/v1/users/search', { body });
      expect(status).toBe(422);
      expect(text).not.toContain('ada.secret');
    }
    expect(api.logged()).not.toContain('ada.secret');
  });

  it('that is too large is answered 413, that is not JSON 400, and of another type 415', async () => {
    const large = await api.call('POST', '/v1/users', { raw: `"${'x'.repeat(3_000_000)}"` });
    expect([large.status, large.json.code]).toEqual([413, 'tooLarge']);
    const broken = await api.call('POST', '/v1/users', { raw: '{"users":' });
    expect([broken.status, broken.json.code]).toEqual([400, 'malformedJson']);
    const form = await api.call('POST', '/v1/users', {
      raw: 'users=1',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect([form.status, form.json.code]).toEqual([415, 'unsupportedMediaType']);
  });

  it('that is no HTTP at all leaves the server serving', async () => {
    const { port } = new URL(api.url);
    for (const bytes of [
      '\u0000\u0001\u0002\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'POST x y z\r\n',
    ]) {
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('error', () => undefined);
      const answered = new Promise<string>((resolve) => {
        socket.once('data', (data) => resolve(data.toString()));
        socket.once('close', () => resolve(''));
      });
      socket.write(bytes);
      expect(await answered).toMatch(/^(HTTP\/1\.1 4\d\d|$)/);
      socket.destroy();
    }
    expect((await api.call('GET', '/health/live', { key: null })).status).toBe(200);
  });
});
