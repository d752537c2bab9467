import { STATUS_CODES } from 'node:http';

import { Refusal, type RefusalCode } from '../domain/errors.ts';
import { StoreUnavailable } from '../platform/mongo/transaction.ts';
import { isError } from '../platform/safe-error.ts';

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
};

/** What an error means to the caller. Whatever is not known is a 500, of which only the request id is told. */
export function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof Refusal) {
    return new ApiProblem(refusalStatus[error.code] ?? 409, error.code, error.message);
  }
  if (isStoreDown(error)) return storeUnavailable();
  return new ApiProblem(500, 'internal', 'Something went wrong. Quote the request id.');
}

/** 503: the caller may send the same again. */
export function storeUnavailable(): ApiProblem {
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

/** MongoDB's own codes for: took too long, shuts down, is no primary. */
const downCodes = new Set([50, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436]);

const socketCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ERR_STREAM_DESTROYED',
  'ETIMEDOUT',
]);

/**
 * Whether an error says that MongoDB does not answer. By the shape of the driver's errors, since a wrong
 * query is a bug of ours and must not be passed off as an outage.
 */
function isStoreDown(error: unknown): boolean {
  if (error instanceof StoreUnavailable) return true;
  if (!isError(error)) return false;
  // The driver passes on what a socket throws that MongoDB closed just before it was written to.
  if ('code' in error && socketCodes.has(String(error.code))) return true;
  if (!error.name.startsWith('Mongo')) return false;
  if (error.name !== 'MongoServerError') return !/Parse|Argument|API/.test(error.name);
  return 'code' in error && typeof error.code === 'number' && downCodes.has(error.code);
}
