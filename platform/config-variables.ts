import { MongoClient } from 'mongodb';
import { z } from 'zod';

/** The environment as strings, before anything is decided: one schema a variable, shared by API and worker. */

/** A whole number written in digits only: `1e3`, `0x10` and `10s` are mistakes more often than meant. */
function wholeNumber(min: number, max: number, fallback: number) {
  const expected = `expected a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, expected)
    .transform(Number)
    .refine((value) => value >= min && value <= max, expected)
    .default(fallback);
}

function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: `expected one of ${words.join(', ')}` });
}

/** What may stand in an HTTP header and in a comma separated list. */
const key = z
  .string()
  .regex(/^[\x21-\x2b\x2d-\x7e]+$/, 'expected printable ASCII without spaces and commas');

const list = z.string().transform((text) => text.split(',').map((part) => part.trim()));

const webhookSecrets = list.pipe(
  z
    .array(key)
    .refine((secrets) => new Set(secrets).size === secrets.length, 'names one secret twice'),
);

const adminKeyList = list.pipe(
  z.array(
    z
      .string()
      .regex(
        /^[a-z0-9-]{1,64}:[\x21-\x2b\x2d-\x7e]+$/,
        'expected name:key, the name of a-z, 0-9 and -, the key of printable ASCII without spaces',
      )
      .transform((entry) => {
        const colon = entry.indexOf(':');
        return { name: entry.slice(0, colon), key: entry.slice(colon + 1) };
      }),
  ),
);

/** Builds a client, which connects to nothing, because only the driver knows every rule of its own URLs. */
function isMongoUrl(text: string): boolean {
  try {
    const client = new MongoClient(text);
    return client.options.hosts.length > 0 || client.options.srvHost !== undefined;
  } catch {
    return false;
  }
}

const mongoUrl = z
  .string({ error: 'is not set' })
  .refine(isMongoUrl, 'expected a connection string that the MongoDB driver understands');

const mongoDatabase = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,63}$/, 'expected 1 to 63 letters, digits, - and _')
  .refine(
    (name) => !['admin', 'local', 'config'].includes(name),
    "is one of MongoDB's own databases",
  )
  .default('tenure');

function isPlainHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return ['http:', 'https:'].includes(protocol) && `${username}${password}${search}${hash}` === '';
}

const httpUrl = z
  .string()
  .refine(
    isPlainHttpUrl,
    'expected an http or https URL without user name, password, query and fragment',
  );

/** Where Temporal's own loader sees no `1` or `true` it takes a word for false: `yes` would switch TLS off. */
const temporalBoolean = oneOf(['true', 'false', '1', '0'])
  .transform((word) => (word === 'true' || word === '1' ? 'true' : 'false'))
  .optional();

const address = z
  .string()
  .regex(/^([^\s:/@]+|\[[0-9a-fA-F:.]+\]):\d{1,5}$/, 'expected host:port, without a scheme')
  .optional();

const path = z.string().regex(/^[^\0]+$/, 'expected a path');

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export const environmentShape = {
  NODE_ENV: oneOf(['production', 'development', 'test']).default('development'),
  LOG_LEVEL: oneOf(logLevels).default('info'),
  PORT: wholeNumber(0, 65_535, 8080),
  MONGODB_URL: mongoUrl,
  MONGODB_DATABASE: mongoDatabase,
  TEMPORAL_ADDRESS: address,
  TEMPORAL_NAMESPACE: z.string().min(1).max(255).optional(),
  TEMPORAL_API_KEY: key.optional(),
  TEMPORAL_TLS: temporalBoolean,
  TEMPORAL_TLS_CLIENT_CERT_PATH: path.optional(),
  TEMPORAL_TLS_CLIENT_CERT_DATA: z.string().optional(),
  TEMPORAL_TLS_CLIENT_KEY_PATH: path.optional(),
  TEMPORAL_TLS_CLIENT_KEY_DATA: z.string().optional(),
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: path.optional(),
  TEMPORAL_TLS_SERVER_CA_CERT_DATA: z.string().optional(),
  TEMPORAL_TLS_SERVER_NAME: z.string().optional(),
  TEMPORAL_CONFIG_FILE: path.optional(),
  TEMPORAL_PROFILE: z.string().optional(),
  WORKOS_API_KEY: key.optional(),
  WORKOS_API_URL: httpUrl.optional(),
  WORKOS_WEBHOOK_SECRET: webhookSecrets.default([]),
  TENURE_ADMIN_KEY: key.optional(),
  TENURE_ADMIN_KEYS: adminKeyList.default([]),
  TENURE_GATE_KEY: key.optional(),
  TENURE_REVOCATION_KEY: key.optional(),
  TENURE_CONFIG: path.optional(),
  // Read where the host file asks for it (`secretEnv`); here so that it is known.
  TENURE_HTTP_SECRET: z.string().optional(),
  TENURE_EVENTS: oneOf(['both', 'webhook', 'poll']).default('both'),
  TENURE_MODE: oneOf(['live', 'observe']).default('live'),
  TENURE_SIMULATOR: oneOf(['on', 'off']).optional(),
  TENURE_WORKFLOW_BUNDLE: path.optional(),
  TENURE_QUEUE_PREFIX: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, 'expected 1 to 64 lower-case letters, digits and -')
    .default('tenure'),
  TENURE_WORKER_PORT: wholeNumber(0, 65_535, 8081),
  TENURE_DISPATCH_INTERVAL_MS: wholeNumber(10, 60_000, 200),
  // A missed webhook has to be repaired within five minutes.
  TENURE_POLL_INTERVAL_MS: wholeNumber(100, 240_000, 60_000),
  TENURE_SWEEP_INTERVAL_MS: wholeNumber(100, 604_800_000, 86_400_000),
  TENURE_JOIN_ADMISSION: wholeNumber(1, 100_000, 100),
  TENURE_STICKY_TIMEOUT_MS: wholeNumber(100, 600_000, 10_000),
  TENURE_RETRY_MAX_MS: wholeNumber(50, 3_600_000, 300_000),
  TENURE_GUARD_SETTLE_MS: wholeNumber(0, 5000, 3000),
  TENURE_DIRECTORY_WATCH_MS: wholeNumber(1000, 86_400_000, 300_000),
  TENURE_RECONCILE_INTERVAL_MS: wholeNumber(60_000, 604_800_000, 86_400_000),
  TENURE_REVOCATION_OVERDUE_MS: wholeNumber(100, 86_400_000, 300_000),
  TENURE_INBOX_BODY_DAYS: wholeNumber(1, 365, 30),
  TENURE_HOST_WRITES_PER_SECOND: wholeNumber(1, 100_000, 500),
  TENURE_WEBHOOK_MAX_BYTES: wholeNumber(1_024, 10_485_760, 262_144),
} as const;

export type Variable = keyof typeof environmentShape;

/** Every variable that Tenure reads; `.env.example` and `docs/configuration.md` name the same ones. */
export const variables: readonly string[] = Object.keys(environmentShape);

export const environmentSchema = z.object(environmentShape);
export type Environment = z.output<typeof environmentSchema>;

/** Variables whose value may be shown to help: numbers, words and addresses, never keys, URLs or key material. */
export function mayShow(variable: string): boolean {
  return /^(NODE_ENV|LOG_LEVEL|PORT|MONGODB_DATABASE|TEMPORAL_(ADDRESS|NAMESPACE|TLS|PROFILE|\w+_PATH)|TENURE_(EVENTS|MODE|QUEUE_PREFIX|SIMULATOR|CONFIG|JOIN_ADMISSION|HOST_WRITES_PER_SECOND|\w+_(MS|DAYS|BYTES|PORT)))$/.test(
    variable,
  );
}

const consequences: Partial<Record<Variable, string>> = {
  NODE_ENV: 'A misspelled "production" would run without the checks of production.',
  PORT: 'The API would not listen where callers look for it.',
  MONGODB_URL: 'Nothing can be stored, so no event could be acknowledged.',
  MONGODB_DATABASE: "Tenure's collections would land in a wrong or impossible database.",
  TEMPORAL_ADDRESS: 'No lifecycle could run: nobody would be let in, and no session revoked.',
  TEMPORAL_TLS: 'The connection to Temporal might be unencrypted without anybody noticing.',
  WORKOS_API_URL: 'The last look before an erasure would go to a wrong place.',
  WORKOS_API_KEY: 'WorkOS would refuse the last look that every erasure waits for.',
  WORKOS_WEBHOOK_SECRET: 'Every webhook would be refused with 401, or forged ones accepted.',
  TENURE_ADMIN_KEY: 'The admin API would refuse everybody, or let anybody in.',
  TENURE_ADMIN_KEYS: 'The audit log could not tell who did what, or anybody could do it.',
  TENURE_GATE_KEY: 'Access checks of the host application would be refused, or open to anybody.',
  TENURE_REVOCATION_KEY:
    'Requests to end what somebody holds would be refused, or open to anybody.',
  TENURE_EVENTS: 'It would not be clear how events of WorkOS arrive.',
  TENURE_MODE: 'It would not be clear whether Tenure may change anything outside its own database.',
  TENURE_SIMULATOR: 'It would not be clear whether events come from WorkOS or from the simulator.',
  TENURE_WORKFLOW_BUNDLE: 'Each worker would compile its own workflow code, and two might differ.',
};

/** Why Tenure does not start with a mistake in this variable. */
export function consequenceOf(variable: string): string {
  const known = environmentShapeHas(variable) ? consequences[variable] : undefined;
  if (known !== undefined) return known;
  if (variable.startsWith('TEMPORAL_'))
    return 'The connection to Temporal would fail or be unsafe.';
  return 'It would silently work otherwise than was asked for.';
}

function environmentShapeHas(variable: string): variable is Variable {
  return Object.hasOwn(environmentShape, variable);
}
