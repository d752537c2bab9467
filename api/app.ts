import Router from '@koa/router';
import Koa from 'koa';

import { createIssuerTokens } from '../platform/issuer-tokens.ts';
import { createAuthenticator, type Authenticate } from './authenticate.ts';
import type { ApiDeps } from './deps.ts';
import { answerErrors } from './middleware/answer-errors.ts';
import { observeRequests, type AppState } from './middleware/observe-requests.ts';
import { securityHeaders } from './middleware/security-headers.ts';
import { ApiProblem } from './problem.ts';
import { readBytes, readJson } from './read-body.ts';
import type { Route } from './route.ts';
import { routes } from './routes/index.ts';

/** Bodies of admin calls: an import of a thousand users fits well. */
const jsonMaxBytes = 2 * 1024 * 1024;

/**
 * The API as a Koa application; nothing listens yet. `X-Forwarded-*` is never believed and no framework
 * is named in the headers.
 */
export function createApp(deps: ApiDeps, table: readonly Route[] = routes): Koa<AppState> {
  const app = new Koa<AppState>({ proxy: false });
  // Everything that can go wrong is answered by `answerErrors`; Koa's own listener would print stacks.
  app.silent = true;
  const authenticate = createAuthenticator(deps.settings.keys, {
    issuerTokens: createIssuerTokens(deps.hostFile.tokenRevocation.issuers),
    logger: deps.logger,
  });
  const router = new Router<AppState>();
  for (const route of table) mount(router, route, authenticate, deps);
  app.use(observeRequests(deps));
  app.use(securityHeaders);
  app.use(answerErrors(deps.logger));
  app.use(router.routes());
  app.use(refuseOtherMethods(table));
  return app;
}

function mount(
  router: Router<AppState>,
  route: Route,
  authenticate: Authenticate,
  deps: ApiDeps,
): void {
  const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1');
  router[route.method](path, async function callRoute(ctx) {
    ctx.state.route = route.path;
    const caller = await authenticate(ctx.get('authorization'), route.auth);
    const reply = await route.run(
      {
        params: ctx['params'],
        query: ctx.query,
        headers: ctx.req.headers,
        caller,
        readBytes: async (limit) => readBytes(ctx.req, limit),
        readJson: async () => readJson(ctx.req, jsonMaxBytes),
      },
      deps,
    );
    ctx.status = reply.status;
    ctx.set(reply.headers ?? {});
    if (reply.body === null) {
      ctx.body = null;
      return;
    }
    ctx.type = reply.contentType ?? 'application/json; charset=utf-8';
    ctx.body = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
  });
}

/** What no route answered: 405 where the path is known by another method, else 404. */
function refuseOtherMethods(table: readonly Route[]): Koa.Middleware<AppState> {
  const known = table.map(({ method, path }) => ({
    method: method.toUpperCase(),
    pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+').replaceAll('.', '\\.')}$`),
  }));
  return async function refuseUnknown(ctx) {
    const methods = known.filter(({ pattern }) => pattern.test(ctx.path));
    if (methods.length === 0) throw new ApiProblem(404, 'notFound', 'There is no such address.');
    const allow = [...new Set(methods.map(({ method }) => method))].join(', ');
    throw new ApiProblem(405, 'methodNotAllowed', 'This address does not know the method.', {
      headers: { allow },
    });
  };
}
