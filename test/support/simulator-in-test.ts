import { afterEach } from '@jest/globals';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';

import { startSimulator } from './simulator.ts';
import type { TestSimulator, TestSimulatorOptions } from './simulator.ts';

/** One request that an endpoint received. */
export interface Received {
  headers: IncomingHttpHeaders;
  body: string;
  /** Epoch milliseconds. */
  at: number;
}

/** A place where webhooks arrive: it keeps them, and answers as told. */
export interface Endpoint {
  url: string;
  received: Received[];
  /** Statuses to answer with, in order; 200 afterwards. */
  answers: number[];
  /** Wait before each answer, in milliseconds. */
  delayMs: number;
  close(): Promise<void>;
}

/** Starts an endpoint that lives until the test ends. */
export async function startEndpoint(): Promise<Endpoint> {
  const received: Received[] = [];
  const endpoint: Endpoint = { url: '', received, answers: [], delayMs: 0, close };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body, at: Date.now() });
      const status = endpoint.answers.shift() ?? 200;
      setTimeout(() => response.writeHead(status).end(), endpoint.delayMs);
    });
  });
  async function close(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  endpoint.url = `http://127.0.0.1:${address.port}/webhooks/workos`;
  running.push(endpoint);
  return endpoint;
}

/** Starts a simulator that lives until the test ends. */
export async function startForTest(options: TestSimulatorOptions = {}): Promise<TestSimulator> {
  const simulator = await startSimulator(options);
  running.push(simulator);
  return simulator;
}

const running: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const item of running.splice(0).toReversed()) await item.close();
});
