import type { AccessAction } from '../domain/decide-access.ts';
import type { GateAnswer } from './answer.ts';
import type { Gate } from './create-gate.ts';
import { actionOf, refusalOf, type WhoAsks } from './guarding.ts';

/** What the middleware needs of a request: Express's, Connect's or Node's own. */
export interface ExpressRequest {
  method?: string | undefined;
  access?: GateAnswer;
}

/** What it needs of a response. */
export interface ExpressResponse {
  statusCode: number;
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

export interface ExpressGateOptions<
  Request extends ExpressRequest,
  Response extends ExpressResponse,
> {
  gate: Pick<Gate, 'check'>;
  /** Who asks and in which organization, from the session; null where nobody is logged in. */
  question: (req: Request) => WhoAsks | null | Promise<WhoAsks | null>;
  /** Default: GET, HEAD and OPTIONS are `read`, everything else is `write`. */
  action?: (req: Request) => AccessAction;
  /**
   * Called for somebody who is denied, to end their session or to show a page; where it sends an answer, the
   * refusal is not sent. Not called where nobody is logged in, nor while the store does not answer, which is no
   * reason to end anything.
   */
  onDenied?: (req: Request, res: Response, answer: GateAnswer) => unknown;
}

/**
 * Express middleware that lets nobody pass whom the gate denies: 403 with the reason, 401 where nobody is logged
 * in, 503 while the store does not answer. The answer is in `req.access`. An error is passed to `next`, also by
 * Express 4, which does not wait for a promise.
 */
export function expressGate<
  Request extends ExpressRequest = ExpressRequest,
  Response extends ExpressResponse = ExpressResponse,
>({
  gate,
  question,
  action = (req) => actionOf(req.method ?? ''),
  onDenied,
}: ExpressGateOptions<Request, Response>): (
  req: Request,
  res: Response,
  next: (error?: unknown) => void,
) => Promise<void> {
  const pass = async (req: Request, res: Response): Promise<boolean> => {
    const who = await question(req);
    const answer = who == null ? null : await gate.check({ ...who, action: action(req) });
    if (answer !== null) req.access = answer;
    if (answer?.allowed === true) return true;
    if (answer !== null && answer.reason !== 'unavailable') await onDenied?.(req, res, answer);
    if (!res.headersSent) refuse(res, answer);
    return false;
  };
  return async function askGate(req, res, next) {
    let mayPass = false;
    try {
      mayPass = await pass(req, res);
    } catch (error) {
      // Express takes `next(undefined)` and `next('route')` as leave to go on.
      const isObject = typeof error === 'object' && error !== null;
      next(isObject ? error : new Error('The gate could not be asked.', { cause: error }));
    }
    if (mayPass) next();
  };
}

function refuse(res: ExpressResponse, answer: GateAnswer | null): void {
  const { status, headers, body } = refusalOf(answer);
  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.end(body);
}
