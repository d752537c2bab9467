/** An error answer of the WorkOS REST API: `{message, code?, ...}` with a status. */
export class RestError extends Error {
  override readonly name = 'RestError';
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly retryAfter: number | undefined;

  /** @param retryAfter seconds, for the `Retry-After` header */
  constructor(
    status: number,
    message: string,
    details: Record<string, unknown> = {},
    retryAfter?: number,
  ) {
    super(message);
    this.status = status;
    this.body = { message, ...details };
    this.retryAfter = retryAfter;
  }
}

/** 404 in the words of WorkOS. */
export function notFound(kind: string, id: string): RestError {
  return new RestError(404, `${kind} not found: '${id}'.`, {
    code: 'entity_not_found',
    entity_id: id,
  });
}
