/**
 * Why a request to a host application came to nothing.
 *
 * - `privateAddress`: the name leads to a private, loopback, link-local or otherwise reserved address, and that was
 *   not allowed. Nothing was connected to.
 * - `unreachable`: no connection, or it broke before the answer was complete. It may have been received.
 * - `timeout`: no complete answer within the time. It may have been received, and done.
 * - `tooLarge`: the answer is larger than was asked for; it was not read to its end.
 * - `refused`: an answer that is no 2xx; redirects are never followed.
 * - `notJson`: a 2xx that is not JSON, or not of the shape that was agreed on.
 */
export type OutgoingFailureCode =
  | 'privateAddress'
  | 'unreachable'
  | 'timeout'
  | 'tooLarge'
  | 'refused'
  | 'notJson';

/** A request to a host application failed. Holds nothing of the answer's body, and no URL. */
export class OutgoingFailed extends Error {
  override readonly name = 'OutgoingFailed';
  readonly code: OutgoingFailureCode;
  /** The HTTP status, where one arrived. */
  readonly status: number | null;
  /** What the other side asks for by `Retry-After`, milliseconds; null: nothing. */
  readonly retryAfterMs: number | null;

  constructor(
    code: OutgoingFailureCode,
    answered: { status: number; retryAfterMs: number | null } | null = null,
  ) {
    super(`The request failed: ${code}${answered === null ? '' : ` ${answered.status}`}`);
    this.code = code;
    this.status = answered?.status ?? null;
    this.retryAfterMs = answered?.retryAfterMs ?? null;
  }
}
