import type { AccessAction } from '../domain/decide-access.ts';
import type { GateAnswer } from './answer.ts';
import type { Gate } from './create-gate.ts';
import { actionOf, refusalOf, type WhoAsks } from './guarding.ts';

/** What the middleware needs of Koa's context: no Koa is carried along. */
export interface KoaContext {
  method: string;
  status: number;
  body: unknown;
  state: { access?: GateAnswer };
  set(headers: Record<string, string>): unknown;
}

export interface KoaGateOptions<Context extends KoaContext> {
  gate: Pick<Gate, 'check'>;
  /** Who asks and in which organization, from the session; null where nobody is logged in. */
  question: (ctx: Context) => WhoAsks | null | Promise<WhoAsks | null>;
  /** Default: GET, HEAD and OPTIONS are `read`, everything else is `write`. */
  action?: (ctx: Context) => AccessAction;
  /**
   * Called for somebody who is denied, to end their session or to show a page: the refusal is in `ctx` already
   * and may be replaced (with `ctx.type`, for a page). Not called where nobody is logged in, nor while the store does not answer, which is no
   * reason to end anything.
   */
  onDenied?: (ctx: Context, answer: GateAnswer) => unknown;
}

/**
 * Koa middleware that lets nobody pass whom the gate denies: 403 with the reason, 401 where nobody is logged in,
 * 503 while the store does not answer. The answer is in `ctx.state.access`. An error ends the request, as any does.
 */
export function koaGate<Context extends KoaContext>({
  gate,
  question,
  action = (ctx) => actionOf(ctx.method),
  onDenied,
}: KoaGateOptions<Context>): (ctx: Context, next: () => Promise<unknown>) => Promise<void> {
  return async function askGate(ctx, next) {
    const who = await question(ctx);
    const answer = who == null ? null : await gate.check({ ...who, action: action(ctx) });
    if (answer !== null) ctx.state.access = answer;
    if (answer?.allowed === true) {
      await next();
      return;
    }
    const { status, headers, body } = refusalOf(answer);
    ctx.status = status;
    ctx.body = body;
    // After the body, whose type Koa guesses.
    ctx.set(headers);
    if (answer !== null && answer.reason !== 'unavailable') await onDenied?.(ctx, answer);
  };
}
