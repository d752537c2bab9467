import dns from 'node:dns';
import { createServer, type Server } from 'node:http';
import { Socket, type AddressInfo } from 'node:net';

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';

import type { OutgoingFailed } from '../../platform/outgoing/outgoing-failed.ts';
import type { Answer } from '../../platform/outgoing/post-signed.ts';

/** The address of a customer, and one that every metadata service of a cloud has. */
const publicAddress = '93.184.215.14';
const privateAddress = '127.0.0.1';

type Found = { address: string; family: number };
type Heard = (error: Error | null, found: Found[] | string, family?: number) => void;

/** What the attacker's resolver answers, one after another; the last for ever. */
let answers: string[][] = [];
let lookups = 0;
/** Every address that a connection was opened to. */
let connected: string[] = [];

function lookup(_name: string, options: dns.LookupAllOptions, heard: Heard): void {
  const addresses = (answers.length > 1 ? answers.shift() : answers[0]) ?? [];
  lookups += 1;
  const found = addresses.map((address) => ({ address, family: 4 }));
  if (options.all) return void setImmediate(heard, null, found);
  setImmediate(heard, null, found[0]?.address ?? '', 4);
}

jest.unstable_mockModule('node:dns', () => ({ ...dns, default: { ...dns, lookup }, lookup }));
const { postSigned } = await import('../../platform/outgoing/post-signed.ts');

/**
 * The network of the test. What is let through to be connected to is noted down, and then led to the server of the
 * customer on this machine, whatever public address it is: nothing leaves it. A private address is what it is.
 */
const network = Object.getOwnPropertyDescriptor(Socket.prototype, 'connect') ?? {};
function connectHere(this: Socket, ...given: unknown[]): Socket {
  const [options] = (Array.isArray(given[0]) ? given[0] : given) as { lookup?: typeof lookup }[];
  if (options !== undefined) {
    const judged = options.lookup ?? lookup;
    options.lookup = (name, how, heard) =>
      judged(name, how, (error, found, family) => {
        if (error !== null) return heard(error, found, family);
        const addresses = typeof found === 'string' ? [found] : found.map(({ address }) => address);
        connected.push(...addresses);
        const here = { address: '127.0.0.1', family: 4 };
        if (typeof found === 'string') heard(null, here.address, 4);
        else heard(null, [here]);
      });
  }
  return Reflect.apply(network.value, this, given);
}

let server: Server;
let port: number;
/** How the server treats a request: answers, and keeps the connection or closes it; or resets it unanswered. */
let treats: 'keeps' | 'closes' | 'resets';
let received: number;

beforeAll(() => {
  Object.defineProperty(Socket.prototype, 'connect', { ...network, value: connectHere });
});
afterAll(() => {
  Object.defineProperty(Socket.prototype, 'connect', network);
});

beforeEach(async () => {
  [lookups, connected, received, treats] = [0, [], 0, 'keeps'];
  server = createServer((request, response) => {
    received += 1;
    if (treats === 'resets') return void request.socket.resetAndDestroy();
    if (treats === 'closes') response.setHeader('connection', 'close');
    request.resume().on('end', () => response.end('fine'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function post(): Promise<Answer> {
  return postSigned(
    `http://hook.customer.test:${port}/hook`,
    { a: 1 },
    {
      secrets: [`whsec_${Buffer.alloc(32, 5).toString('base64')}`],
      id: 'message_1',
      timeoutMs: 2000,
      maxBytes: 1000,
      allowPrivate: false,
    },
  );
}

async function codeOf(given: Promise<unknown>): Promise<string> {
  return given.then(
    () => 'delivered',
    (error: OutgoingFailed) => error.code,
  );
}

describe('a name that leads to a public address when it is judged and to a private one later', () => {
  it('is looked up once for a connection: what was judged is what is connected to', async () => {
    answers = [[publicAddress], [privateAddress]];
    expect(await post()).toMatchObject({ status: 200 });
    expect([lookups, connected]).toEqual([1, [publicAddress]]);
  });

  it('is judged anew for the next connection, and nothing is connected to', async () => {
    answers = [[publicAddress], [privateAddress]];
    treats = 'closes';
    await post();
    expect(await codeOf(post())).toBe('privateAddress');
    expect([lookups, connected, received]).toEqual([2, [publicAddress], 1]);
  });

  it('is judged anew where a request is sent again because the kept connection broke', async () => {
    answers = [[publicAddress], [privateAddress]];
    await post();
    treats = 'resets';
    expect(await codeOf(post())).toBe('privateAddress');
    expect([lookups, connected, received]).toEqual([2, [publicAddress], 2]);
  });

  it('is not connected to where only one of its addresses is private, whichever comes first', async () => {
    for (const both of [
      [publicAddress, privateAddress],
      [privateAddress, publicAddress],
    ]) {
      answers = [both];
      expect(await codeOf(post())).toBe('privateAddress');
    }
    expect([connected, received]).toEqual([[], 0]);
  });

  it('is delivered to again once it leads to a public address', async () => {
    answers = [[privateAddress], ['169.254.169.254'], ['10.0.0.7'], [publicAddress]];
    for (const code of ['privateAddress', 'privateAddress', 'privateAddress', 'delivered']) {
      expect(await codeOf(post())).toBe(code);
    }
    expect([connected, received]).toEqual([[publicAddress], 1]);
  });
});
