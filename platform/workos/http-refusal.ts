import { readRetryAfter } from '../retry-after.ts';

/** An answer of WorkOS, or of something before it, that is no 2xx. Holds nothing of its body. */
export class HttpRefusal extends Error {
  override readonly name = 'HttpRefusal';
  readonly status: number;
  /** What `Retry-After` asks for, milliseconds; null: nothing, or nothing that can be read. */
  readonly retryAfterMs: number | null;

  constructor(status: number, retryAfterMs: number | null) {
    super(`WorkOS answered ${status}.`);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * A `fetch` for the WorkOS client that throws `HttpRefusal` for whatever is no 2xx. The client's own errors
 * keep `Retry-After` only for a 429 whose body is JSON and whose value is in seconds; a proxy answers
 * otherwise, and a 503 may ask for patience too.
 */
export async function refusingFetch(...[url, init]: Parameters<typeof fetch>): Promise<Response> {
  const response = await fetch(url, init);
  if (response.ok) return response;
  await response.body?.cancel();
  throw new HttpRefusal(
    response.status,
    readRetryAfter(response.headers.get('retry-after'), Date.now()),
  );
}

/** The refusal inside an error of the client, which wraps what its `fetch` throws; null for anything else. */
export function refusalIn(error: unknown): HttpRefusal | null {
  if (error instanceof HttpRefusal) return error;
  return error instanceof Error && error.cause !== undefined ? refusalIn(error.cause) : null;
}
