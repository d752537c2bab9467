import { STATUS_CODES } from 'node:http';

import { Refusal, type RefusalCode } from '../domain/errors.ts';
import { saysOutage } from '../gate/outage.ts';
import { StoreUnavailable } from '../platform/mongo/deadline.ts';

/** One thing that is wrong with a request: where, and what was expected. Never the value itself. */
export interface InputError {
  path: string;
  message: string;
}

export interface ProblemDetails {
  errors?: InputError[];
  headers?: Record<string, string>;
}

/** An answer other than success. `detail` is for the caller and holds no value that came from outside. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly status: number;
  readonly code: string;
  readonly errors: InputError[];
  readonly headers: Record<string, string>;

  constructor(status: number, code: string, detail: string, details: ProblemDetails = {}) {
    super(detail);
    this.status = status;
    this.code = code;
    this.errors = details.errors ?? [];
    this.headers = details.headers ?? {};
  }
}

const refusalStatus: Partial<Record<RefusalCode, number>> = {
  notFound: 404,
  untilNotLater: 422,
  switchInThePast: 422,
  switchTooLong: 422,
  ambiguousSubject: 422,
};

/** What an error means to the caller. Whatever is not known is a 500, of which only the request id is told. */
export function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof Refusal) {
    return new ApiProblem(refusalStatus[error.code] ?? 409, error.code, error.message);
  }
  if (error instanceof StoreUnavailable || saysOutage(error)) return storeUnavailable();
  return new ApiProblem(500, 'internal', 'Something went wrong. Quote the request id.');
}

/** 503: the caller may send the same again. */
function storeUnavailable(): ApiProblem {
  return new ApiProblem(503, 'storeUnavailable', 'The store does not answer. Try again.', {
    headers: { 'retry-after': '5' },
  });
}

/** The body of `application/problem+json` (RFC 9457). */
export function problemBody(problem: ApiProblem, requestId: string): object {
  const { status, code, errors } = problem;
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code,
    detail: problem.message,
    requestId,
    ...(errors.length > 0 ? { errors } : {}),
  };
}
