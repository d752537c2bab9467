import type { AccessAction } from '../domain/decide-access.ts';
import type { GateAnswer } from './answer.ts';
import type { GateQuestion } from './questions.ts';

/** Who asks and where; the action comes from the request. */
export type WhoAsks = Omit<GateQuestion, 'action'>;

/** What is answered instead of the page: problem details (RFC 9457). */
export interface Refusal {
  status: 401 | 403 | 503;
  headers: Record<string, string>;
  body: string;
}

const readingMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What a request wants to do, as HTTP means its methods. */
export function actionOf(method: string): AccessAction {
  return readingMethods.has(method.toUpperCase()) ? 'read' : 'write';
}

/** The refusal of somebody, or of a request that nobody is logged in to (`null`). */
export function refusalOf(answer: GateAnswer | null): Refusal {
  if (answer === null) {
    return refusal(401, { code: 'unauthenticated', detail: 'Nobody is logged in.' });
  }
  const { reason } = answer;
  if (reason === 'unavailable') {
    const detail = 'Whether you may act here cannot be asked at the moment. Try again.';
    return refusal(503, { code: 'gateUnavailable', detail, reason }, { 'retry-after': '5' });
  }
  return refusal(403, { code: 'accessDenied', detail: 'You may not act here.', reason });
}

const titles = { 401: 'Unauthorized', 403: 'Forbidden', 503: 'Service Unavailable' } as const;

function refusal(
  status: Refusal['status'],
  problem: Record<string, string>,
  headers: Record<string, string> = {},
): Refusal {
  return {
    status,
    headers: {
      'content-type': 'application/problem+json; charset=utf-8',
      'cache-control': 'no-store',
      ...headers,
    },
    body: JSON.stringify({ type: 'about:blank', title: titles[status], status, ...problem }),
  };
}
