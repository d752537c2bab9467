import { exchange, type Answer, type Limits } from './exchange.ts';
import { signedHeaders } from './secrets.ts';

export { jsonOf } from './exchange.ts';
export type { Answer } from './exchange.ts';

/** How one request is made. */
export interface SigningOptions extends Limits {
  /** `whsec_...`; each of them signs, so that they can be rotated. At least one. */
  secrets: readonly string[];
  /** `webhook-id`: the idempotency key. The same for every try of the same thing. */
  id: string;
}

/**
 * Posts JSON to the host application, signed by Standard Webhooks (`webhook-id`, `webhook-timestamp`,
 * `webhook-signature`). Follows no redirect and reads no more than `maxBytes`.
 *
 * @throws OutgoingFailed where no whole answer arrived: `privateAddress`, `unreachable`, `timeout`, `tooLarge`
 */
export async function postSigned(
  url: string,
  body: unknown,
  options: SigningOptions,
): Promise<Answer> {
  const payload = JSON.stringify(body);
  const headers = (): Record<string, string> => ({
    ...signedHeaders(options.secrets, options.id, payload, new Date()),
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(payload)),
  });
  return exchange(url, { headers, payload }, options);
}
