import { Webhook } from 'standardwebhooks';

/** Standard Webhooks: a secret has 24 bytes at least and 64 at most. */
const minBytes = 24;
const maxBytes = 64;

/**
 * The secrets in the text of an environment variable: several, comma separated, while one takes the other's
 * place. Every request then carries a signature by each of them.
 */
export function splitSecrets(text: string): string[] {
  return text
    .split(',')
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '');
}

/** What is wrong with a secret of Standard Webhooks, to be put after its name; null: nothing. Never quotes it. */
export function problemOfSecret(secret: string): string | null {
  const expected = `expected whsec_ and base64 of ${minBytes} to ${maxBytes} bytes`;
  if (!secret.startsWith('whsec_')) return expected;
  try {
    new Webhook(secret).sign('', new Date(0), '');
  } catch {
    return expected;
  }
  const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64').length;
  return bytes < minBytes || bytes > maxBytes ? expected : null;
}

/** The headers of one request by Standard Webhooks: one signature for each secret, over these very bytes. */
export function signedHeaders(
  secrets: readonly string[],
  id: string,
  body: string,
  at: Date,
): Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string> {
  const signatures = secrets.map((secret) => new Webhook(secret).sign(id, at, body));
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': signatures.join(' '),
  };
}
