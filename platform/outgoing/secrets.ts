import { Webhook } from 'standardwebhooks';

import { ConfigError, type ConfigProblem } from '../config-error.ts';

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

/** An environment variable that a host file names, and what it is for. */
export interface SecretWanted {
  variable: string;
  /** Where the file names it: `sessions of kind app`. */
  where: string;
  /** Why Tenure does not start without it. */
  consequence: string;
}

/**
 * The secrets of every variable that a host file names.
 *
 * @param environment what a main file hands over
 * @throws ConfigError listing every variable that is missing or holds no secret of Standard Webhooks
 */
export function readSecrets(
  environment: Readonly<Record<string, string | undefined>>,
  wanted: readonly SecretWanted[],
): ReadonlyMap<string, readonly string[]> {
  const problems: ConfigProblem[] = [];
  const secrets = new Map<string, readonly string[]>();
  for (const { variable, where, consequence } of wanted) {
    if (secrets.has(variable)) continue;
    const found = splitSecrets(environment[variable] ?? '');
    secrets.set(variable, found);
    const add = (problem: string): void => void problems.push({ variable, problem, consequence });
    if (found.length === 0) add(`is not set; the host file names it for ${where}`);
    for (const [index, secret] of found.entries()) {
      const problem = problemOfSecret(secret);
      if (problem !== null) add(found.length === 1 ? problem : `entry ${index + 1}: ${problem}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return secrets;
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
