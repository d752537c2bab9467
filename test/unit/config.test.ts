import { readFileSync } from 'node:fs';

import { describe, expect, it } from '@jest/globals';

import { variables } from '../../platform/config-variables.ts';
import {
  ConfigError,
  loadApiConfig,
  loadWorkerConfig,
  reportConfigError,
  type Config,
  type Env,
} from '../../platform/config.ts';

const mongo = { MONGODB_URL: 'mongodb://127.0.0.1:27017/?replicaSet=rs0' };
const longKey = 'k'.repeat(24);
const production = {
  ...mongo,
  NODE_ENV: 'production',
  TENURE_ADMIN_KEY: longKey,
  WORKOS_WEBHOOK_SECRET: 'w'.repeat(16),
};

function problemsOf(load: (env: Env) => Config, env: Env): Record<string, string> {
  try {
    load(env);
  } catch (error) {
    if (error instanceof ConfigError) {
      return Object.fromEntries(error.problems.map((one) => [one.variable, one.problem]));
    }
    throw error;
  }
  return {};
}

const documents = [
  ['.env.example', /^(?:# )?([A-Z][A-Z0-9_]+)=/gm],
  ['docs/configuration.md', /^\| `([A-Z][A-Z0-9_]+)` \|/gm],
] as const;

describe('the configuration', () => {
  it('needs a database only, and has a default for everything else', () => {
    const config = loadApiConfig(mongo);
    expect(config.http).toEqual({ port: 8080, workerPort: 8081, webhookMaxBytes: 262_144 });
    expect(config.mongo.database).toBe('tenure');
    expect(config.temporal.connection).toEqual({ address: '127.0.0.1:7233' });
    expect(config.temporal.namespace).toBe('default');
    expect(config.simulator).toBe(true);
    expect(config.intervals.dispatchMs).toBe(200);
  });

  it('is frozen in its depth', () => {
    const config = loadApiConfig({ ...mongo, TENURE_ADMIN_KEYS: 'ops:one' });
    for (const part of [config, config.http, config.temporal.connection, config.keys.admin[0]]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it('takes an empty variable for an absent one', () => {
    expect(loadApiConfig({ ...mongo, PORT: '', TEMPORAL_ADDRESS: ' ' })).toEqual(
      loadApiConfig(mongo),
    );
  });

  it('lists everything that is wrong at once, with exit code 78', () => {
    const env = {
      PORT: '65536',
      LOG_LEVEL: 'loud',
      TENURE_JOIN_ADMISSION: '1e3',
      NODE_ENV: 'prod',
    };
    const problems = problemsOf(loadApiConfig, env);
    expect(Object.keys(problems).toSorted()).toEqual([
      'LOG_LEVEL',
      'MONGODB_URL',
      'NODE_ENV',
      'PORT',
      'TENURE_JOIN_ADMISSION',
    ]);
    expect(problems['PORT']).toBe('is "65536"; expected a whole number from 0 to 65535');
    expect(problems['MONGODB_URL']).toBe('is not set');
  });

  it('reports the list on standard error and leaves other errors alone', () => {
    let printed = '';
    const stderr = { write: (text: string) => (printed += text) };
    expect(reportConfigError(new TypeError('no'), stderr)).toBeNull();
    expect(printed).toBe('');
    const problem = { variable: 'PORT', problem: 'is wrong', consequence: 'Nobody is served.' };
    expect(reportConfigError(new ConfigError([problem]), stderr)).toBe(78);
    expect(printed).toContain('  PORT: is wrong\n      Nobody is served.\n');
  });

  it('never shows the value of a secret', () => {
    const secret = 'hunter2\u00e9';
    const env = {
      NODE_ENV: 'production',
      MONGODB_URL: `mongodb://me:${secret}@/`,
      TEMPORAL_API_KEY: secret,
      TEMPORAL_TLS_CLIENT_KEY_DATA: secret,
      WORKOS_API_KEY: secret,
      WORKOS_API_URL: `https://me:${secret}@workos.test`,
      WORKOS_WEBHOOK_SECRET: secret,
      TENURE_ADMIN_KEY: secret,
      TENURE_ADMIN_KEYS: `ops:${secret}`,
      TENURE_GATE_KEY: secret,
    };
    expect(() => loadApiConfig(env)).toThrow(ConfigError);
    expect(() => loadApiConfig(env)).not.toThrow(/hunter2/);
    expect(Object.keys(problemsOf(loadApiConfig, env)).length).toBeGreaterThanOrEqual(9);
  });

  it('warns of a variable that it does not know', () => {
    const { warnings } = loadApiConfig({ ...mongo, TENURE_DISPATCH_INTERVALL_MS: '5' });
    expect(warnings.join()).toContain('Did you mean TENURE_DISPATCH_INTERVAL_MS?');
  });

  it('needs a key of WorkOS in a worker that gets its events by polling only', () => {
    const counterpart = { WORKOS_API_URL: 'http://127.0.0.1:1', TENURE_SIMULATOR: 'on' };
    const poll = { ...mongo, ...counterpart, TENURE_EVENTS: 'poll' };
    expect(problemsOf(loadWorkerConfig, poll)['WORKOS_API_KEY']).toMatch(/no event would ever/);
    expect(loadWorkerConfig({ ...poll, WORKOS_API_KEY: 'sk_test' }).events).toBe('poll');
    expect(loadApiConfig(poll).events).toBe('poll');
  });

  it('warns a worker that polls and has no key, and nobody else', () => {
    const counterpart = { WORKOS_API_URL: 'http://127.0.0.1:1', TENURE_SIMULATOR: 'on' };
    const warned = (load: typeof loadWorkerConfig, env: object): boolean =>
      /by webhook only/.test(load({ ...mongo, ...counterpart, ...env }).warnings.join());
    expect(warned(loadWorkerConfig, { TENURE_EVENTS: 'both' })).toBe(true);
    expect(warned(loadWorkerConfig, { TENURE_EVENTS: 'both', WORKOS_API_KEY: 'sk' })).toBe(false);
    expect(warned(loadWorkerConfig, { TENURE_EVENTS: 'webhook' })).toBe(false);
    expect(warned(loadApiConfig, { TENURE_EVENTS: 'both' })).toBe(false);
  });

  it('polls at least so often that a missed webhook is repaired within five minutes', () => {
    expect(loadWorkerConfig({ ...mongo, WORKOS_API_KEY: 'sk' }).intervals.pollMs).toBe(60_000);
    const env = { ...mongo, WORKOS_API_KEY: 'sk', TENURE_POLL_INTERVAL_MS: '240001' };
    expect(problemsOf(loadWorkerConfig, env)['TENURE_POLL_INTERVAL_MS']).toMatch(/240000/);
  });

  it('needs no webhook secret where events are only polled', () => {
    const warned = (events: string): boolean =>
      /401/.test(
        loadApiConfig({
          ...mongo,
          TENURE_ADMIN_KEY: longKey,
          TENURE_EVENTS: events,
        }).warnings.join(),
      );
    expect([warned('webhook'), warned('both'), warned('poll')]).toEqual([true, true, false]);
    const polled = { ...production, WORKOS_WEBHOOK_SECRET: '', TENURE_EVENTS: 'poll' };
    expect(loadApiConfig(polled).workos.webhookSecrets).toEqual([]);
  });

  it.each(documents)('has the same variables as %s', (file, pattern) => {
    const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
    const named = [...text.matchAll(pattern)].map((match) => match[1] ?? '');
    expect(named.toSorted()).toEqual([...variables].toSorted());
  });

  it('starts with what .env.example sets', () => {
    const text = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
    const lines = [...text.matchAll(/^([A-Z][A-Z0-9_]+)=(.*)$/gm)];
    const env = Object.fromEntries(lines.map(([, name, value]) => [name, value]));
    expect({ ...loadApiConfig(env), mongo: null }).toEqual({
      ...loadApiConfig(mongo),
      mongo: null,
    });
  });
});

describe('the keys', () => {
  it('name TENURE_ADMIN_KEY admin, and the others as they say', () => {
    const { keys } = loadApiConfig({
      ...mongo,
      TENURE_ADMIN_KEY: 'one',
      TENURE_ADMIN_KEYS: 'ops:two:2, it-desk:three',
      TENURE_GATE_KEY: 'four',
      TENURE_REVOCATION_KEY: 'five',
    });
    expect(keys).toEqual({
      admin: [
        { name: 'admin', key: 'one' },
        { name: 'ops', key: 'two:2' },
        { name: 'it-desk', key: 'three' },
      ],
      gate: 'four',
      revocation: 'five',
    });
  });

  it.each([
    ['a name twice', { TENURE_ADMIN_KEYS: 'a:one,a:two' }, 'TENURE_ADMIN_KEYS'],
    [
      'the name admin twice',
      { TENURE_ADMIN_KEY: 'x', TENURE_ADMIN_KEYS: 'admin:y' },
      'TENURE_ADMIN_KEYS',
    ],
    ['one key for two names', { TENURE_ADMIN_KEYS: 'a:one,b:one' }, 'TENURE_ADMIN_KEYS'],
    ['a name with capitals', { TENURE_ADMIN_KEYS: 'Ops:one' }, 'TENURE_ADMIN_KEYS'],
    ['an entry without a name', { TENURE_ADMIN_KEYS: 'one' }, 'TENURE_ADMIN_KEYS'],
    [
      'a gate key that is an admin key',
      { TENURE_ADMIN_KEY: 'x', TENURE_GATE_KEY: 'x' },
      'TENURE_GATE_KEY',
    ],
    [
      'a revocation key that is the gate key',
      { TENURE_GATE_KEY: 'x', TENURE_REVOCATION_KEY: 'x' },
      'TENURE_REVOCATION_KEY',
    ],
    ['an empty webhook secret', { WORKOS_WEBHOOK_SECRET: 'one,,two' }, 'WORKOS_WEBHOOK_SECRET'],
  ])('refuse %s', (_, env, variable) => {
    expect(Object.keys(problemsOf(loadApiConfig, { ...mongo, ...env }))).toEqual([variable]);
  });

  it('are no business of a worker', () => {
    const env = { ...mongo, WORKOS_API_KEY: 'sk', TENURE_ADMIN_KEYS: '?', TENURE_GATE_KEY: 'x' };
    const { keys, workos } = loadWorkerConfig(env);
    expect({ keys, secrets: workos.webhookSecrets }).toEqual({
      keys: { admin: [], gate: null, revocation: null },
      secrets: [],
    });
  });

  it('rotate: several webhook secrets count', () => {
    const { workos } = loadApiConfig({ ...mongo, WORKOS_WEBHOOK_SECRET: 'one, two' });
    expect(workos.webhookSecrets).toEqual(['one', 'two']);
  });
});

describe('production', () => {
  it('starts with keys and secrets that are long enough', () => {
    expect(loadApiConfig(production)).toMatchObject({ production: true, simulator: false });
  });

  it.each([
    ['without an admin key', { TENURE_ADMIN_KEY: '' }, 'TENURE_ADMIN_KEY'],
    ['with a short admin key', { TENURE_ADMIN_KEY: 'k'.repeat(23) }, 'TENURE_ADMIN_KEY'],
    ['with a short named key', { TENURE_ADMIN_KEYS: 'ops:short' }, 'TENURE_ADMIN_KEYS'],
    ['with a demo key', { TENURE_ADMIN_KEY: `change-me-${longKey}` }, 'TENURE_ADMIN_KEY'],
    ['with a short gate key', { TENURE_GATE_KEY: 'short' }, 'TENURE_GATE_KEY'],
    ['with a short revocation key', { TENURE_REVOCATION_KEY: 'r' }, 'TENURE_REVOCATION_KEY'],
    ['without a webhook secret', { WORKOS_WEBHOOK_SECRET: '' }, 'WORKOS_WEBHOOK_SECRET'],
    [
      'with a short webhook secret',
      { WORKOS_WEBHOOK_SECRET: 'w'.repeat(15) },
      'WORKOS_WEBHOOK_SECRET',
    ],
    ['with the simulator', { TENURE_SIMULATOR: 'on' }, 'TENURE_SIMULATOR'],
    ['with an API key in plain', { WORKOS_API_URL: 'http://workos.test' }, 'WORKOS_API_URL'],
  ])('does not start %s', (_, env, variable) => {
    expect(Object.keys(problemsOf(loadApiConfig, { ...production, ...env }))).toEqual([variable]);
  });

  it('does not start a worker without WorkOS key and workflow bundle', () => {
    const env = { ...mongo, NODE_ENV: 'production' };
    expect(Object.keys(problemsOf(loadWorkerConfig, env))).toEqual([
      'WORKOS_API_KEY',
      'TENURE_WORKFLOW_BUNDLE',
    ]);
    const whole = { ...env, WORKOS_API_KEY: 'sk', TENURE_WORKFLOW_BUNDLE: 'dist/workflows.js' };
    expect(loadWorkerConfig(whole).temporal.workflowBundle).toBe('dist/workflows.js');
  });
});

describe('a worker outside production', () => {
  it('needs a WorkOS key unless the simulator stands in', () => {
    expect(Object.keys(problemsOf(loadWorkerConfig, mongo))).toEqual(['WORKOS_API_KEY']);
    const { workos } = loadWorkerConfig({ ...mongo, WORKOS_API_URL: 'http://127.0.0.1:4010/' });
    expect(workos).toMatchObject({ apiKey: null, apiUrl: 'http://127.0.0.1:4010' });
  });
});

describe('the connection to Temporal', () => {
  it('takes key, TLS and headers from the variables of Temporal', () => {
    const { temporal } = loadApiConfig({
      ...mongo,
      TEMPORAL_ADDRESS: 'tenant.tmprl.cloud:7233',
      TEMPORAL_NAMESPACE: 'tenant.acct',
      TEMPORAL_API_KEY: 'key',
      TEMPORAL_GRPC_META_X_MY_HEADER: 'value',
    });
    expect(temporal).toMatchObject({
      namespace: 'tenant.acct',
      connection: {
        address: 'tenant.tmprl.cloud:7233',
        apiKey: 'key',
        tls: true,
        metadata: { 'x-my-header': 'value' },
      },
    });
  });

  it('warns where the key travels in plain', () => {
    const warned = (tls: string): boolean => {
      const env = { ...mongo, TEMPORAL_API_KEY: 'key', TEMPORAL_TLS: tls };
      return /in plain/.test(loadApiConfig(env).warnings.join());
    };
    expect([warned('false'), warned('0'), warned('true'), warned('')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('passes certificates on as bytes', () => {
    const { connection } = loadApiConfig({
      ...mongo,
      TEMPORAL_TLS_CLIENT_CERT_DATA: 'cert',
      TEMPORAL_TLS_CLIENT_KEY_DATA: 'key',
    }).temporal;
    const pair = typeof connection.tls === 'object' ? connection.tls.clientCertPair : undefined;
    expect(Buffer.from(pair?.crt ?? []).toString()).toBe('cert');
    expect(Buffer.from(pair?.key ?? []).toString()).toBe('key');
  });

  it.each([
    ['a word that Temporal would take for false', { TEMPORAL_TLS: 'yes' }, 'TEMPORAL_TLS'],
    [
      'a certificate without its key',
      { TEMPORAL_TLS_CLIENT_CERT_DATA: 'c' },
      'TEMPORAL_TLS_CLIENT_KEY_PATH',
    ],
    [
      'what the SDK ignores',
      { TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: 'true' },
      'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION',
    ],
    ['a codec', { TEMPORAL_CODEC_ENDPOINT: 'http://codec.test' }, 'TEMPORAL_CODEC_ENDPOINT'],
    [
      'a file that is not there',
      { TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/nowhere/ca.pem' },
      'TEMPORAL_TLS_*_PATH',
    ],
    ['a profile without its file', { TEMPORAL_PROFILE: 'cloud' }, 'TEMPORAL_CONFIG_FILE'],
    ['an address with a scheme', { TEMPORAL_ADDRESS: 'http://127.0.0.1:7233' }, 'TEMPORAL_ADDRESS'],
  ])('refuses %s', (_, env, variable) => {
    expect(Object.keys(problemsOf(loadApiConfig, { ...mongo, ...env }))).toEqual([variable]);
  });
});
