import { WorkOS } from '@workos-inc/node';

const signer = new WorkOS('sk_simulator');

/**
 * The `WorkOS-Signature` header for a body, computed by the SDK itself.
 * @param timestamp epoch milliseconds: WorkOS counts in milliseconds, not in seconds
 */
export async function signatureHeader(
  body: string,
  secret: string,
  timestamp: number,
): Promise<string> {
  const hash = await signer.webhooks.computeSignature(timestamp, body, secret);
  return `t=${timestamp}, v1=${hash}`;
}
