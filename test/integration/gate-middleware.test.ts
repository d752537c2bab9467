import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { afterEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import Koa from 'koa';

import { denied } from '../../domain/decide-access.ts';
import type { Gate, GateAnswer, GateQuestion } from '../../gate/create-gate.ts';
import { expressGate } from '../../gate/express.ts';
import { koaGate } from '../../gate/koa.ts';

/** What the middleware is given: who it says asks, what the gate answers, what is done when somebody is denied. */
interface Given {
  answer?: Partial<GateAnswer>;
  question?: (header: string | undefined) => unknown;
  action?: 'write';
  onDenied?: 'page' | 'fails';
}

/** One host application with a page behind the gate, for each framework. */
interface Host {
  url: string;
  /** What the gate was asked. */
  asked: GateQuestion[];
  /** What the page behind the gate found as access, for each time somebody got through. */
  passed: unknown[];
  /** Whom `onDenied` was called for. */
  ended: string[];
}

const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(
    servers.splice(0).map(async (server) => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }),
  );
});

async function listening(
  listener: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<string> {
  const server = createServer((request, response) => void listener(request, response));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

function parts({ answer = {}, question = bySession }: Given) {
  const state: Omit<Host, 'url'> = { asked: [], passed: [], ended: [] };
  const gate: Pick<Gate, 'check'> = {
    async check(asked) {
      state.asked.push(asked);
      return { ...denied('unknown'), allowed: true, reason: 'open', ...answer };
    },
  };
  // Hosts in JavaScript answer whatever they answer.
  const ask = async (header: string | undefined) => question(header) as never;
  return { state, gate, ask };
}

function bySession(header: string | undefined): unknown {
  return header === undefined ? null : { organizationId: 'org', userId: header };
}

async function onKoa(given: Given): Promise<Host> {
  const { state, gate, ask } = parts(given);
  const app = new Koa();
  app.silent = true;
  app.use(
    koaGate<Koa.Context>({
      gate,
      question: async (ctx) => ask(ctx.get('x-session') || undefined),
      ...(given.action === undefined ? {} : { action: () => 'write' as const }),
      onDenied: (ctx, { reason }) => {
        state.ended.push(reason);
        if (given.onDenied === 'fails') throw new Error('The session store is away.');
        if (given.onDenied !== 'page') return;
        ctx.type = 'html';
        ctx.body = `<p>${reason}</p>`;
      },
    }),
  );
  app.use(async (ctx) => {
    state.passed.push(ctx.state['access']);
    ctx.body = 'inside';
  });
  return { ...state, url: await listening(app.callback()) };
}

async function onExpress(given: Given): Promise<Host> {
  const { state, gate, ask } = parts(given);
  const app = express();
  app.use(
    expressGate<express.Request, express.Response>({
      gate,
      question: async (req) => ask(req.get('x-session')),
      ...(given.action === undefined ? {} : { action: () => 'write' as const }),
      onDenied: (_req, res, { reason }) => {
        state.ended.push(reason);
        if (given.onDenied === 'fails') throw new Error('The session store is away.');
        if (given.onDenied === 'page') res.status(403).type('html').send(`<p>${reason}</p>`);
      },
    }),
  );
  app.use((req, res) => {
    state.passed.push((req as { access?: unknown }).access);
    res.send('inside');
  });
  const quiet: express.ErrorRequestHandler = (_error, _req, res, _next) => {
    res.status(500).send('failed');
  };
  app.use(quiet);
  return { ...state, url: await listening(app) };
}

describe.each([
  ['Koa', onKoa],
  ['Express', onExpress],
] as const)('the middleware for %s', (_framework, start) => {
  const session = { 'x-session': 'ada' };

  it('lets in whom the gate lets in, and hands on what they may', async () => {
    const host = await start({ answer: { userId: 'ada', roles: ['editor'] } });
    const response = await fetch(host.url, { headers: session });
    expect([response.status, await response.text()]).toEqual([200, 'inside']);
    expect(host.passed).toMatchObject([{ allowed: true, roles: ['editor'] }]);
    expect(host.asked).toEqual([{ organizationId: 'org', userId: 'ada', action: 'read' }]);
  });

  it.each([
    ['GET', 'read'],
    ['HEAD', 'read'],
    ['OPTIONS', 'read'],
    ['POST', 'write'],
    ['PUT', 'write'],
    ['PATCH', 'write'],
    ['DELETE', 'write'],
  ])('asks for %s as %s', async (method, action) => {
    const host = await start({});
    await fetch(host.url, { method, headers: session });
    expect(host.asked).toMatchObject([{ action }]);
  });

  it('asks for what the host application says, whatever the method or the session says', async () => {
    const host = await start({
      action: 'write',
      question: () => ({ organizationId: 'org', userId: 'ada', action: 'read' }),
    });
    await fetch(host.url);
    expect(host.asked).toMatchObject([{ action: 'write' }]);
  });

  it('answers 403 with the reason to somebody who is denied, and lets their session be ended', async () => {
    const host = await start({ answer: { allowed: false, reason: 'notBacked' } });
    const response = await fetch(host.url, { method: 'POST', headers: session });
    expect(response.status).toBe(403);
    expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toEqual({
      type: 'about:blank',
      title: 'Forbidden',
      status: 403,
      code: 'accessDenied',
      detail: 'You may not act here.',
      reason: 'notBacked',
    });
    expect([host.passed, host.ended]).toEqual([[], ['notBacked']]);
  });

  it('shows a page of the host application instead, where it has one', async () => {
    const answer = { allowed: false, reason: 'disabled' } as const;
    const host = await start({ answer, onDenied: 'page' });
    const response = await fetch(host.url, { headers: session });
    expect([response.status, await response.text()]).toEqual([403, '<p>disabled</p>']);
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(host.passed).toEqual([]);
  });

  it.each([null, undefined])(
    'answers 401 where nobody is logged in (%s), and asks nobody',
    async (nobody) => {
      const host = await start({ question: () => nobody });
      const response = await fetch(host.url, { headers: session });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ code: 'unauthenticated' });
      expect([host.asked, host.passed, host.ended]).toEqual([[], [], []]);
    },
  );

  it('answers 503 while the store does not answer, and ends no session for it', async () => {
    const host = await start({ answer: { allowed: false, reason: 'unavailable' } });
    const response = await fetch(host.url, { headers: session });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('5');
    expect(await response.json()).toMatchObject({ code: 'gateUnavailable' });
    expect([host.passed, host.ended]).toEqual([[], []]);
  });

  it.each<[string, () => never]>([
    ['an error', () => thrown(new Error('The session store is away.'))],
    ['nothing', () => thrown(undefined)],
    ['a word that Express knows', () => thrown('route')],
    ['a word that a router knows', () => thrown('router')],
  ])('lets nobody in where %s is thrown on the way', async (_what, question) => {
    const host = await start({ question });
    // Koa answers nothing at all where nothing was thrown.
    await fetch(host.url, { headers: session, signal: AbortSignal.timeout(500) }).catch(() => null);
    expect(host.passed).toEqual([]);
  });

  it('lets nobody in where the session could not be ended', async () => {
    const answer = { allowed: false, reason: 'notBacked' } as const;
    const host = await start({ answer, onDenied: 'fails' });
    const response = await fetch(host.url, { headers: session });
    expect(response.status).toBe(500);
    expect(host.passed).toEqual([]);
  });
});

function thrown(what: unknown): never {
  throw what;
}
