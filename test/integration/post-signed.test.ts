import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { OutgoingFailed } from '../../platform/outgoing/outgoing-failed.ts';
import { postSigned, type Answer } from '../../platform/outgoing/post-signed.ts';

const options = {
  secrets: [`whsec_${Buffer.alloc(32, 5).toString('base64')}`],
  id: 'message_1',
  timeoutMs: 5_000,
  maxBytes: 1000,
  allowPrivate: true,
};

let server: Server;
let port: number;
let requests: string[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  requests = [];
  answer = (_, response) => void response.end('fine');
  server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    request.resume();
    request.on('end', () => answer(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function post(more: Partial<typeof options> = {}, host = '127.0.0.1'): Promise<Answer> {
  return postSigned(`http://${host}:${port}/hook`, { a: 1 }, { ...options, ...more });
}

async function failure(given: Promise<unknown>): Promise<OutgoingFailed> {
  const thrown = await given.then(
    () => null,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(OutgoingFailed);
  return thrown as OutgoingFailed;
}

describe('a request to the host application', () => {
  it('returns the answer, whatever its status', async () => {
    answer = (_, response) =>
      void response.writeHead(410, { 'content-type': 'text/plain' }).end('x');
    expect(await post()).toEqual({
      status: 410,
      contentType: 'text/plain',
      text: 'x',
      retryAfterMs: null,
    });
  });

  it('follows no redirect', async () => {
    answer = (_, response) => void response.writeHead(307, { location: '/elsewhere' }).end();
    expect((await post()).status).toBe(307);
    expect(requests).toEqual(['POST /hook']);
  });

  it.each([
    ['seconds', '7', 7000],
    ['nothing that can be read', 'soon', null],
  ])('says what patience is asked for: %s', async (_, header, ms) => {
    answer = (__, response) => void response.writeHead(503, { 'retry-after': header }).end();
    expect((await post()).retryAfterMs).toBe(ms);
  });

  it.each([
    ['an answer that never comes', () => undefined],
    [
      'an answer that drips',
      (_: IncomingMessage, response: ServerResponse) => {
        const dripping = setInterval(() => response.write('x'), 50);
        response.on('close', () => clearInterval(dripping));
      },
    ],
  ])('does not wait for %s', async (_, never) => {
    answer = never;
    const startedAt = performance.now();
    expect(await failure(post({ timeoutMs: 300 }))).toMatchObject({
      code: 'timeout',
      status: null,
    });
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });

  it('does not read 10 MB', async () => {
    let sent = 0;
    answer = (_, response) => {
      const more = (): void => {
        while (sent < 10_000_000 && !response.destroyed) {
          sent += 16_384;
          if (!response.write(Buffer.alloc(16_384, 'x'))) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    };
    expect(await failure(post({ timeoutMs: 5000 }))).toMatchObject({
      code: 'tooLarge',
      status: 200,
    });
    expect(sent).toBeLessThan(10_000_000);
  });

  it('is unreachable where nobody listens, and where the connection breaks', async () => {
    answer = (request) => void request.socket.destroy();
    expect(await failure(post())).toMatchObject({ code: 'unreachable' });
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('x');
      setTimeout(() => response.destroy(), 50);
    };
    expect(await failure(post())).toMatchObject({ code: 'unreachable' });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await failure(post())).toMatchObject({ code: 'unreachable' });
  });

  it('is sent anew where a kept connection was closed meanwhile', async () => {
    answer = (_, response) => void response.end('fine');
    await post();
    // The server closes the idle connection as soon as the next request arrives on it, unanswered.
    let dropped = 0;
    answer = (request, response) => {
      dropped += 1;
      if (dropped === 1) request.socket.resetAndDestroy();
      else response.end('again');
    };
    expect(await post()).toMatchObject({ status: 200, text: 'again' });
    expect(requests).toHaveLength(3);
  });
});

describe('a private address', () => {
  it.each(['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '0.0.0.0', '2130706433', '127.1'])(
    'is not connected to unless that is allowed: %s',
    async (host) => {
      const refused = await failure(post({ allowPrivate: false }, host));
      expect(refused).toMatchObject({ code: 'privateAddress' });
      expect(refused.message).not.toContain(host);
      expect(requests).toEqual([]);
    },
  );

  it.each([
    '10.0.0.1',
    '192.168.1.1',
    '172.16.0.1',
    '169.254.169.254',
    '[fd00::1]',
    '[fe80::1]',
    '100.64.0.1',
  ])('is known as one without being asked: %s', async (host) => {
    const startedAt = performance.now();
    expect(await failure(post({ allowPrivate: false }, host))).toMatchObject({
      code: 'privateAddress',
    });
    expect(performance.now() - startedAt).toBeLessThan(400);
  });
});
