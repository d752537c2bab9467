import type { ConfigProblem } from './config-error.ts';
import { consequenceOf, type Environment } from './config-variables.ts';

/** A key of the admin API. Its name is the actor in the audit log. */
export interface NamedKey {
  /** `a-z`, `0-9` and `-`. */
  name: string;
  key: string;
}

/** Who may call the API. null: nobody may by that key. */
export interface CallerKeys {
  admin: readonly NamedKey[];
  gate: string | null;
  revocation: string | null;
}

/** The shortest key of a caller that production accepts: 24 characters of base64 hold 144 bits. */
const minKeyLength = 24;
const minWebhookSecretLength = 16;

/** The keys of the environment: that of `TENURE_ADMIN_KEY` is named `admin`. */
export function callerKeys(environment: Environment): CallerKeys {
  const single = environment.TENURE_ADMIN_KEY;
  const first = single === undefined ? [] : [{ name: 'admin', key: single }];
  return {
    admin: [...first, ...environment.TENURE_ADMIN_KEYS],
    gate: environment.TENURE_GATE_KEY ?? null,
    revocation: environment.TENURE_REVOCATION_KEY ?? null,
  };
}

/** Whether a secret is one that the documentation or an example shows, so that everybody knows it. */
export function isDemoValue(secret: string): boolean {
  return /change-?me|tenure-?demo|example|placeholder/i.test(secret);
}

interface Keys {
  production: boolean;
  events: 'both' | 'webhook' | 'poll';
  keys: CallerKeys;
  workos: { webhookSecrets: readonly string[] };
}

/**
 * The secrets of the API. They are compared here and never quoted. `broken` names the variables that are
 * already on the list: what they would have said is unknown, so nothing is concluded from their absence.
 */
export function checkSecrets(
  config: Keys,
  environment: Environment,
  broken: ReadonlySet<string>,
  problems: ConfigProblem[],
): void {
  const add = (variable: string, problem: string): void => {
    if (!broken.has(variable)) {
      problems.push({ variable, problem, consequence: consequenceOf(variable) });
    }
  };
  const { admin, gate, revocation } = config.keys;
  const listed = environment.TENURE_ADMIN_KEYS;
  const variable = listed.length > 0 ? 'TENURE_ADMIN_KEYS' : 'TENURE_ADMIN_KEY';
  for (const name of repeated(admin.map((key) => key.name))) add(variable, `names "${name}" twice`);
  if (repeated(admin.map(({ key }) => key)).length > 0) {
    add(variable, 'gives one key to two names');
  }
  if (gate !== null && admin.some(({ key }) => key === gate)) {
    add('TENURE_GATE_KEY', 'is the same as an admin key; a host application would be an admin');
  }
  if (revocation !== null && [gate, ...admin.map(({ key }) => key)].includes(revocation)) {
    add('TENURE_REVOCATION_KEY', 'is the same as another key; who may end sessions could do more');
  }
  if (config.production) checkProduction(config, environment, broken, add);
}

function checkProduction(
  config: Keys,
  environment: Environment,
  broken: ReadonlySet<string>,
  add: (variable: string, problem: string) => void,
): void {
  const { admin, gate, revocation } = config.keys;
  if (admin.length === 0 && !broken.has('TENURE_ADMIN_KEYS')) {
    add('TENURE_ADMIN_KEY', 'is not set, and neither is TENURE_ADMIN_KEYS; production needs one');
  }
  const secrets = config.workos.webhookSecrets;
  if (secrets.length === 0 && config.events !== 'poll') {
    add('WORKOS_WEBHOOK_SECRET', 'is not set; production needs the secret of the webhook endpoint');
  }
  const check = (name: string, label: string, secret: string, min: number): void => {
    if (secret.length < min) add(name, `${label}is too short; expected ${min} characters or more`);
    else if (isDemoValue(secret)) add(name, `${label}is a value that the documentation shows`);
  };
  if (environment.TENURE_ADMIN_KEY !== undefined) {
    check('TENURE_ADMIN_KEY', '', environment.TENURE_ADMIN_KEY, minKeyLength);
  }
  for (const { name, key } of environment.TENURE_ADMIN_KEYS) {
    check('TENURE_ADMIN_KEYS', `the key of "${name}" `, key, minKeyLength);
  }
  if (gate !== null) check('TENURE_GATE_KEY', '', gate, minKeyLength);
  if (revocation !== null) check('TENURE_REVOCATION_KEY', '', revocation, minKeyLength);
  for (const [index, secret] of secrets.entries()) {
    const label = secrets.length === 1 ? '' : `entry ${index + 1} `;
    check('WORKOS_WEBHOOK_SECRET', label, secret, minWebhookSecretLength);
  }
}

function repeated(values: string[]): string[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}
