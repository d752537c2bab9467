import { randomUUID } from 'node:crypto';

import type Koa from 'koa';

import type { ApiDeps } from '../deps.ts';

export interface AppState {
  requestId: string;
  /** The template of the route, never the path: an id in a label or a log line is one too many. Null: none. */
  route: string | null;
}

/** Routes that are called every few seconds and would fill the log. */
const quiet = new Set(['/health/live', '/health/ready', '/metrics']);

/** Gives each request an id, counts it and writes one line of access log: template, status, duration. */
export function observeRequests({
  logger,
  metrics,
}: Pick<ApiDeps, 'logger' | 'metrics'>): Koa.Middleware<AppState> {
  return async function observeRequest(ctx, next) {
    const startedAt = performance.now();
    ctx.state.requestId = requestIdOf(ctx.get('x-request-id'));
    ctx.state.route = null;
    ctx.set('x-request-id', ctx.state.requestId);
    await next();
    const { requestId, route } = ctx.state;
    const method = knownMethod(ctx.method);
    const ms = performance.now() - startedAt;
    metrics.requestAnswered({ method, route, status: ctx.status, seconds: ms / 1000 });
    const line = { requestId, method, route, status: ctx.status, ms: Math.round(ms * 10) / 10 };
    if (route !== null && quiet.has(route)) logger.debug(line, 'request');
    else logger.info(line, 'request');
  };
}

/** A caller's own id is kept where it is well formed, so that two logs can be held against each other. */
function requestIdOf(given: string): string {
  return /^[A-Za-z0-9_-]{8,64}$/.test(given) ? given : randomUUID();
}

function knownMethod(method: string): string {
  return ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].includes(method)
    ? method
    : 'other';
}
