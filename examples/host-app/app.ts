import { createServer, type IncomingMessage, type Server } from 'node:http';

import { bodyParser } from '@koa/bodyparser';
import { Router } from '@koa/router';
import type { WorkOS } from '@workos-inc/node';
import Koa, { type Context } from 'koa';
import type { Db } from 'mongodb';

import type { Gate, GateAnswer } from '../../gate/create-gate.ts';
import { koaGate } from '../../gate/koa.ts';
import { createJobs, startJobs } from './jobs.ts';
import { createLive } from './live.ts';
import { createLoginRoutes, sessionCookie } from './login.ts';
import { deniedPage, liveScript, messagePage, stylesheet } from './pages.ts';
import { createProjectRoutes } from './project-routes.ts';
import { createProjects } from './projects.ts';
import { createCredentials, type Actor, type Credentials } from './sessions.ts';
import { createTenureRoutes } from './tenure.ts';

/** What the application is made of; `main.ts` and the tests compose it. */
export interface AppOptions {
  /** The application's own database. */
  db: Db;
  gate: Gate;
  workos: WorkOS;
  clientId: string;
  /** Where browsers reach it, without a slash at its end. */
  publicUrl: string;
  /** What Tenure signs its requests with (`whsec_...`). */
  tenureSecret: string;
  recheckMs?: number;
  jobIntervalMs?: number;
  onError: (error: unknown) => void;
}

/** The application, not listening yet. */
export interface App {
  server: Server;
  close(): Promise<void>;
}

/** What the requests of a person carry from one middleware to the next. */
export interface AppState {
  actor: Actor | null;
  access?: GateAnswer;
}

/** Acme: projects and documents of companies, whose people come and go by their directories. */
export function createApp(options: AppOptions): App {
  const { db, gate, publicUrl, onError } = options;
  const credentials = createCredentials(db);
  const projects = createProjects(db);
  const jobs = createJobs(db, gate, projects);
  const live = createLive({
    gate,
    actorOf: async (request) => credentials.ofCookie(cookieOf(request)),
    isAlive: async (credentialId) => credentials.isAlive(credentialId),
    origin: publicUrl,
    recheckMs: options.recheckMs ?? 30_000,
    onError,
  });
  const work = startJobs(jobs, { intervalMs: options.jobIntervalMs ?? 1_000, onError });

  const app = new Koa<AppState>();
  app.silent = true;
  app.on('error', onError);
  app.use(securityHeaders);
  app.use(showErrors(onError));
  app.use(createTenureRoutes({ db, live, secret: options.tenureSecret }).routes());
  app.use(assets().routes());
  app.use(sameOrigin(publicUrl));
  app.use(createLoginRoutes({ ...options, credentials }).routes());
  // Everything from here on acts as somebody, so the gate is asked first.
  app.use(identify(credentials));
  app.use(askGate(gate, credentials));
  app.use(bodyParser({ formLimit: '32kb', jsonLimit: '32kb' }));
  app.use(createProjectRoutes({ projects, jobs, live, credentials, gate }).routes());

  const handle = app.callback();
  const server = createServer((request, response) => void handle(request, response));
  server.on('upgrade', (request, socket, head) => {
    void live.upgrade(request, socket, head);
  });
  return {
    server,
    async close() {
      live.stop();
      await work.stop();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

type Next = () => Promise<unknown>;

function securityHeaders(ctx: Context, next: Next): Promise<unknown> {
  ctx.set({
    'Content-Security-Policy':
      "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    'X-Content-Type-Options': 'nosniff',
    // Not no-referrer: a form would then be sent with `Origin: null`, like one of another page.
    'Referrer-Policy': 'same-origin',
    // A page of before must not come back with the browser's back button once access has ended.
    'Cache-Control': 'no-store',
  });
  return next();
}

/** What a person may know of an error is that there was one. */
function showErrors(onError: (error: unknown) => void) {
  return async (ctx: Context, next: Next): Promise<void> => {
    try {
      await next();
      if (ctx.status === 404 && ctx.body == null) {
        ctx.status = 404;
        ctx.body = messagePage('Not found', 'There is nothing here, or nothing of yours.');
      }
    } catch (error) {
      const status = statusOf(error);
      if (status >= 500) onError(error);
      ctx.status = status;
      ctx.body = messagePage('That did not work', 'Try again, or go back.');
    }
  };
}

function statusOf(error: unknown): number {
  const isExposed = error instanceof Error && 'expose' in error && error.expose === true;
  return isExposed && 'status' in error && typeof error.status === 'number' ? error.status : 500;
}

/** A form on somebody else's page must not act in a person's name. */
function sameOrigin(publicUrl: string) {
  return async (ctx: Context, next: Next): Promise<void> => {
    const isSafe = ['GET', 'HEAD', 'OPTIONS'].includes(ctx.method);
    const isApp = ctx.get('authorization') !== '';
    if (!isSafe && !isApp && ctx.get('origin') !== publicUrl) {
      ctx.throw(403, 'Another origin.');
    }
    await next();
  };
}

/** Who acts: by the cookie of a session, or by the token of an app that somebody granted. */
function identify(credentials: Credentials) {
  return async (ctx: Koa.ParameterizedContext<AppState>, next: Next): Promise<void> => {
    const bearer = /^Bearer ([\w-]{20,100})$/.exec(ctx.get('authorization'))?.[1];
    ctx.state.actor =
      bearer === undefined
        ? await credentials.ofCookie(ctx.cookies.get(sessionCookie))
        : await credentials.ofBearer(bearer);
    await next();
  };
}

/** Nobody passes whom Tenure does not let in, at every single request; and whoever is denied loses the session. */
function askGate(gate: Gate, credentials: Credentials) {
  const middleware = koaGate<Koa.ParameterizedContext<AppState>>({
    gate,
    question: ({ state }) => state.actor,
    async onDenied(ctx, answer) {
      const { actor } = ctx.state;
      if (actor !== null) await credentials.endSession(actor.credentialId);
      ctx.cookies.set(sessionCookie, null);
      if (ctx.accepts('html', 'json') !== 'html') return;
      ctx.type = 'html';
      ctx.body = deniedPage(answer);
    },
  });
  return async (ctx: Koa.ParameterizedContext<AppState>, next: Next): Promise<void> => {
    // A person without a session is asked to sign in, an app is told.
    if (ctx.state.actor === null && ctx.get('authorization') === '') {
      ctx.cookies.set(sessionCookie, null);
      ctx.redirect('/');
      return;
    }
    await middleware(ctx, next);
  };
}

function assets(): Router {
  const router = new Router();
  router.get('/acme.css', (ctx) => {
    ctx.type = 'css';
    ctx.body = stylesheet;
  });
  router.get('/live.js', (ctx) => {
    ctx.type = 'js';
    ctx.body = liveScript;
  });
  return router;
}

function cookieOf({ headers }: IncomingMessage): string | undefined {
  const cookies = (headers.cookie ?? '').split('; ');
  return cookies
    .find((cookie) => cookie.startsWith(`${sessionCookie}=`))
    ?.slice(sessionCookie.length + 1);
}
