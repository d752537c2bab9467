import type Koa from 'koa';
import type { Logger } from 'pino';

import { safeError } from '../../platform/safe-error.ts';
import { problemBody, problemOf } from '../problem.ts';
import type { AppState } from './observe-requests.ts';

/**
 * The one place where an error becomes an answer: `application/problem+json` with a stable code. Stacks and
 * foreign messages go to the log of the operator at most, never to the caller.
 */
export function answerErrors(logger: Logger): Koa.Middleware<AppState> {
  return async function answerWithProblem(ctx, next) {
    try {
      await next();
    } catch (error) {
      const problem = problemOf(error);
      const { requestId, route } = ctx.state;
      if (problem.status === 500) {
        logger.error({ requestId, route, err: safeError(error) }, 'a request failed unexpectedly');
      } else if (problem.status === 503) {
        logger.warn({ requestId, route, code: problem.code }, 'a request could not be served');
      }
      ctx.status = problem.status;
      ctx.set(problem.headers);
      ctx.type = 'application/problem+json';
      ctx.body = JSON.stringify(problemBody(problem, requestId));
    }
  };
}
