import { describe, expect, test } from '@jest/globals';
import { exampleFacts, isExamplesOwn } from '../../local/supervisor/example-file.ts';
import {
  adminKeys,
  serviceEnvironment,
  simulatorEnvironment,
  type EnvironmentInput,
} from '../../local/supervisor/stack-environment.ts';
import { summary, type SummaryFacts } from '../../local/supervisor/summary.ts';

const input: EnvironmentInput = {
  env: { PATH: '/bin' },
  addresses: {
    apiUrl: 'http://127.0.0.1:8080',
    consoleUrl: 'http://127.0.0.1:8080/console',
    mongodbUrl: 'mongodb://127.0.0.1:27117/?replicaSet=rs0',
    temporalAddress: '127.0.0.1:7233',
    temporalUiUrl: 'http://127.0.0.1:8233',
    temporalCli: '/usr/bin/temporal',
    simulatorUrl: 'http://127.0.0.1:8100',
  },
  apiPort: 8080,
  workerPort: 8081,
  secrets: {
    adminKey: 'A',
    gateKey: 'G',
    webhookSecret: 'W',
    simulatorApiKey: 'S',
    exampleSecret: 'E',
  },
  demoConfig: '/checkout/local/demo/acme.yaml',
};

describe('the environment of API and worker', () => {
  test('points to the embedded servers and the simulator, with generated secrets', () => {
    expect(serviceEnvironment(input)).toEqual({
      PATH: '/bin',
      PORT: '8080',
      TENURE_WORKER_PORT: '8081',
      MONGODB_URL: 'mongodb://127.0.0.1:27117/?replicaSet=rs0',
      TEMPORAL_ADDRESS: '127.0.0.1:7233',
      TEMPORAL_NAMESPACE: 'default',
      TENURE_ADMIN_KEY: 'A',
      TENURE_GATE_KEY: 'G',
      ACME_TENURE_SECRET: 'E',
      TENURE_CONFIG: '/checkout/local/demo/acme.yaml',
      TENURE_SIMULATOR: 'on',
      WORKOS_API_KEY: 'S',
      WORKOS_API_URL: 'http://127.0.0.1:8100',
      WORKOS_WEBHOOK_SECRET: 'W',
    });
  });

  test('keeps what the user gave', () => {
    const given = {
      TENURE_ADMIN_KEYS: 'ann:one,bob:two',
      TENURE_GATE_KEY: 'mine',
      ACME_TENURE_SECRET: 'whsec_mine',
      TENURE_CONFIG: '/etc/tenure.yaml',
      WORKOS_WEBHOOK_SECRET: 'new, old',
      TENURE_EVENTS: 'poll',
      TENURE_WORKER_PORT: '9000',
      TEMPORAL_NAMESPACE: 'people',
      SESSION_SETTING: 'x',
    };
    const environment = serviceEnvironment({ ...input, env: given });
    expect(environment).toMatchObject(given);
    expect(environment).not.toHaveProperty('TENURE_ADMIN_KEY');
  });

  test('leaves WorkOS to the user where there is no simulator', () => {
    const environment = serviceEnvironment({
      ...input,
      env: { WORKOS_API_KEY: 'sk_live', WORKOS_WEBHOOK_SECRET: 'real' },
      addresses: { ...input.addresses, simulatorUrl: null },
    });
    expect(environment).toMatchObject({
      TENURE_SIMULATOR: 'off',
      WORKOS_API_KEY: 'sk_live',
      WORKOS_WEBHOOK_SECRET: 'real',
    });
    expect(environment).not.toHaveProperty('WORKOS_API_URL');
    expect(environment).not.toHaveProperty('TENURE_EVENTS');
  });
});

describe('the environment of the simulator', () => {
  const simulator = { port: 8100, stateFile: '/state/simulator.json', fresh: false };

  test('names where it listens, keeps its state and sends to', () => {
    expect(simulatorEnvironment(input, simulator)).toMatchObject({
      SIMULATOR_PORT: '8100',
      SIMULATOR_STATE: '/state/simulator.json',
      SIMULATOR_SCENARIO: 'demo',
      TENURE_WEBHOOK_URL: 'http://127.0.0.1:8080/webhooks/workos',
      TENURE_API_URL: 'http://127.0.0.1:8080',
      TENURE_ADMIN_KEY: 'A',
      WORKOS_API_KEY: 'S',
      WORKOS_WEBHOOK_SECRET: 'W',
      MONGODB_URL: 'mongodb://127.0.0.1:27117/?replicaSet=rs0',
    });
  });

  test('tells it to begin anew only where it has no state', () => {
    expect(simulatorEnvironment(input, simulator)).not.toHaveProperty('SIMULATOR_FRESH');
    const fresh = simulatorEnvironment(input, { ...simulator, fresh: true });
    expect(fresh).toMatchObject({ SIMULATOR_FRESH: '1' });
  });

  test('has one signing secret and one admin key where there are several', () => {
    const env = { WORKOS_WEBHOOK_SECRET: 'new, old', TENURE_ADMIN_KEYS: 'ann:one,bob:two' };
    expect(simulatorEnvironment({ ...input, env }, simulator)).toMatchObject({
      WORKOS_WEBHOOK_SECRET: 'new',
      TENURE_ADMIN_KEY: 'one',
    });
  });
});

describe('what the example application is told', () => {
  test('is where everything is, as the processes of the stack have it', () => {
    const env = { ACME_TENURE_SECRET: 'given', WORKOS_API_KEY: 'sk_given' };
    expect(exampleFacts(input)).toEqual({
      mongodbUrl: 'mongodb://127.0.0.1:27117/?replicaSet=rs0',
      workosApiUrl: 'http://127.0.0.1:8100',
      workosApiKey: 'S',
      tenureSecret: 'E',
      hostFile: '/checkout/local/demo/acme.yaml',
    });
    expect(exampleFacts({ ...input, env })).toMatchObject({
      tenureSecret: 'given',
      workosApiKey: 'sk_given',
    });
  });

  test('leaves out a key of the real WorkOS', () => {
    const env = { WORKOS_API_KEY: 'sk_live' };
    const addresses = { ...input.addresses, simulatorUrl: null };
    const told = exampleFacts({ ...input, env, addresses });
    expect(told).toMatchObject({ workosApiUrl: null, workosApiKey: null });
  });

  test('says whether the host file is its own, however its path is written', () => {
    const { hostFile } = exampleFacts({
      ...input,
      env: { TENURE_CONFIG: './examples/x/../host-app/tenure.yaml' },
    });
    expect(isExamplesOwn(hostFile, process.cwd())).toBe(true);
    expect(isExamplesOwn('/checkout/local/demo/acme.yaml', '/checkout')).toBe(false);
    expect(isExamplesOwn(null, '/checkout')).toBe(false);
  });
});

describe('the admin keys', () => {
  const keysOf = (env: Record<string, string>) =>
    adminKeys({ ...input, env }).map(({ name, key }) => `${name}=${key}`);

  test('are the ones that the user gave, else the generated one', () => {
    expect(keysOf({})).toEqual(['admin=A']);
    expect(keysOf({ TENURE_ADMIN_KEY: 'mine' })).toEqual(['admin=mine']);
    expect(keysOf({ TENURE_ADMIN_KEYS: 'ann:one, bob:t:w:o' })).toEqual(['ann=one', 'bob=t:w:o']);
    expect(keysOf({ TENURE_ADMIN_KEY: 'mine', TENURE_ADMIN_KEYS: 'ann:one' })).toEqual([
      'admin=mine',
      'ann=one',
    ]);
  });
});

describe('the summary', () => {
  const metrics = 'http://127.0.0.1:8081/metrics';
  const facts: SummaryFacts = {
    admins: [{ name: 'admin', key: 'A' }],
    observing: false,
    callsExample: false,
    seconds: '2 s',
    logs: '/state/logs',
    workerMetricsUrl: metrics,
  };

  test('shows the addresses and what to try', () => {
    const text = summary(input.addresses, facts);
    for (const part of ['http://127.0.0.1:8080', 'http://127.0.0.1:8233', metrics, 'KEY=A']) {
      expect(text).toContain(part);
    }
    expect(text).toContain('npm run simulate');
    expect(text).toMatch(/^ *Admin key +A$/m);
    expect(text).not.toContain('observe');
    expect(text).not.toContain('npm run example');
    // Nothing answers there yet.
    expect(text).not.toContain('/console');
  });

  test('shows every admin key, since two admins may be needed', () => {
    const ann = { name: 'ann', key: 'one' };
    const bob = { name: 'bob', key: 'two' };
    const text = summary(input.addresses, { ...facts, admins: [ann, bob] });
    expect(text.match(/Admin key +\S+ \(\w+\)/g)).toHaveLength(2);
    expect(text).toMatch(/Admin key +two \(bob\)/);
    expect(text).toContain('KEY=one');
  });

  test('says first of all what it means that Tenure only observes', () => {
    const text = summary(input.addresses, { ...facts, observing: true });
    expect(text).toMatch(/TENURE_MODE=observe.*denies nobody[^]*observations[^]*API /);
    expect(text).toContain('her access would be closed');
  });

  test('says that the example application has to run where Tenure calls it', () => {
    const text = summary(input.addresses, { ...facts, callsExample: true });
    expect(text).toMatch(/npm run example .*in another terminal/);
  });

  test('hides credentials of a configured database and a simulator that is off', () => {
    const mongodbUrl = 'mongodb+srv://user:secret@db.example.com/';
    const text = summary(
      { ...input.addresses, mongodbUrl, simulatorUrl: null },
      { ...facts, workerMetricsUrl: null },
    );
    expect(text).toContain('mongodb+srv://***@db.example.com/');
    expect(text).not.toContain('secret');
    expect(text).not.toContain('npm run simulate');
    expect(text).not.toContain('Worker metrics');
  });
});
