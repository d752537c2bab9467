import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { searchAttributeNames } from '../../domain/messages.ts';
import { environmentShape } from '../../platform/config-variables.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Service {
  readonly build?: string;
  readonly image?: string;
  readonly command?: string[];
  readonly container_name?: string;
  readonly ports?: string[];
  readonly restart?: string;
  readonly healthcheck?: { readonly test: string[] };
  readonly environment?: Record<string, string | number>;
  readonly volumes?: string[];
  readonly depends_on?: Record<string, { readonly condition: string }>;
}
interface Compose {
  services: Record<string, Service>;
  secrets: Record<string, { environment?: string; file?: string }>;
}

const text = read('docker-compose.yml');
// `merge` resolves `<<`, as Compose does before it validates.
const compose = parse(text, { merge: true }) as Compose;
const services = Object.entries(compose.services);
const service = (name: string): Service => {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
};
/** A service that runs to its end and is waited for by `service_completed_successfully`. */
const runsOnce = (name: string): boolean =>
  services.some(
    ([, one]) => one.depends_on?.[name]?.condition === 'service_completed_successfully',
  );

const makeValidator = () => {
  // Not strict: the schema uses keywords of its own editor support.
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addFormat('duration', /^(\d+(\.\d+)?(ns|us|ms|s|m|h))+$/);
  return ajv.compile(JSON.parse(read('test/fixtures/compose-spec/compose-spec.json')) as object);
};

describe('docker-compose.yml', () => {
  it('is valid by the schema of the Compose Specification', () => {
    const validate = makeValidator();
    validate(compose);
    expect(validate.errors).toBeNull();
  });

  it('is held against a schema that refuses mistakes', () => {
    const validate = makeValidator();
    const broken = structuredClone(compose) as { services: Record<string, object> };
    broken.services['api'] = { ...broken.services['api'], helthcheck: {} };
    expect(validate(broken)).toBe(false);
    expect(validate({ ...compose, services: { api: { ports: 'all' } } })).toBe(false);
  });

  it('has a literal for no key, password or secret', () => {
    const secret = /KEY|PASSWORD|PWD|SECRET|TOKEN|MONGODB_URL/;
    const values = services.flatMap(([, { environment }]) => Object.entries(environment ?? {}));
    const secrets = values.filter(([name]) => secret.test(name));
    expect(secrets.length).toBeGreaterThanOrEqual(10);
    // Required, so that nobody starts with an empty one by mistake. Or null: given from outside, or not there.
    const given = secrets.filter(([, value]) => value !== null);
    const literal = given.filter(([, value]) => !/\$\{[A-Z_]+:\?[^}]+\}/.test(String(value)));
    expect(literal).toEqual([]);
    for (const { environment, file } of Object.values(compose.secrets)) {
      expect(environment).toMatch(/^[A-Z_]+$/);
      expect(file).toBeUndefined();
    }
    // A default would be a secret that everybody knows.
    const defaulted = [...text.matchAll(/\$\{([A-Z_]+):-/g)].map((found) => found[1] ?? '');
    expect(defaulted.filter((name) => secret.test(name))).toEqual([]);
    // In a URL a password stands after the user's name; every one of them must be a variable.
    const inUrls = [...text.matchAll(/:\/\/[^\s:/@]+:([^@\s]*)@/g)];
    expect(inUrls.length).toBeGreaterThan(0);
    for (const [, password] of inUrls) expect(password).toMatch(/^\$/);
  });

  it('checks the health of every service that keeps running', () => {
    const lasting = services.filter(([name]) => !runsOnce(name));
    expect(lasting.map(([name]) => name).toSorted()).toEqual([
      ...['api', 'mongodb', 'postgresql', 'temporal', 'temporal-ui', 'worker'],
    ]);
    for (const [name, { healthcheck, restart }] of lasting) {
      expect([name, healthcheck?.test[0], restart]).toEqual([name, 'CMD', 'unless-stopped']);
    }
  });

  it('lets workers be scaled', () => {
    const worker = service('worker');
    expect(worker.container_name).toBeUndefined();
    expect(worker.ports).toBeUndefined();
    const written = (worker.volumes ?? []).filter((volume) => !volume.endsWith(':ro'));
    expect(written).toEqual([]);
  });

  it('runs API and worker in production from one image, after the stores are set up', () => {
    const [api, worker] = [service('api'), service('worker')];
    expect(api.image).toBe(worker.image);
    expect(api.command).toEqual(['node', 'api/main.ts']);
    expect(worker.command).toEqual(['node', 'workers/main.ts']);
    for (const one of [api, worker]) {
      expect(one.environment).toMatchObject({ NODE_ENV: 'production', TENURE_SIMULATOR: 'off' });
      expect(Object.keys(one.depends_on ?? {})).toEqual(['mongodb-init', 'temporal-namespace']);
      const unknown = Object.keys(one.environment ?? {}).filter((n) => !(n in environmentShape));
      expect(unknown).toEqual([]);
    }
  });

  it('opens nothing to the network by itself', () => {
    const ports = services.flatMap(([, one]) => one.ports ?? []);
    expect(ports).toHaveLength(2);
    for (const port of ports)
      expect(port).toMatch(/^(\$\{TENURE_BIND:-127\.0\.0\.1\}|127\.0\.0\.1):/);
  });

  it('names every variable that it reads once as required or with a default', () => {
    const plain = [...text.matchAll(/(?<!\$)\$\{[A-Z_]+\}/g)].map(([found]) => found);
    expect(plain).toEqual([]);
  });
});

describe('deploy/', () => {
  it('keeps documents out of the log of mongod, which forms a replica set', () => {
    const script = read('deploy/mongodb/entrypoint.sh');
    expect(service('mongodb')).toMatchObject({ entrypoint: ['/deploy/entrypoint.sh'] });
    expect(script).toMatch(/--replSet rs0/);
    expect(script).toMatch(/--profile 0 --slowOpSampleRate 0/);
    expect(read('deploy/mongodb/init.js')).toMatch(/rs\.initiate\(\{ _id: 'rs0'/);
  });

  it('switches priority and fairness on', () => {
    const { environment, volumes } = service('temporal');
    expect(environment?.['DYNAMIC_CONFIG_FILE_PATH']).toBe(
      '/etc/temporal/tenure/dynamic-config.yaml',
    );
    expect(volumes).toEqual(['./deploy/temporal:/etc/temporal/tenure:ro']);
    expect(parse(read('deploy/temporal/dynamic-config.yaml'))).toEqual({
      'matching.useNewMatcher': [{ value: true }],
      'matching.enableFairness': [{ value: true }],
    });
  });

  it('registers exactly the search attributes that the workflows write', () => {
    const found = read('deploy/temporal/setup-namespace.sh').matchAll(/--name (\w+) --type (\w+)/g);
    const registered = Object.fromEntries([...found].map(([, name, type]) => [name, type]));
    expect(registered).toEqual({
      TenurePhase: 'Keyword',
      TenureOrganizationId: 'Keyword',
      TenureDueAt: 'Datetime',
      TenureBlockedBy: 'KeywordList',
    });
    expect(Object.keys(registered).toSorted()).toEqual(
      Object.values(searchAttributeNames).toSorted(),
    );
  });

  it('has scripts that their shells understand, and every file that is mounted', () => {
    for (const folder of ['deploy/mongodb', 'deploy/temporal']) {
      for (const name of readdirSync(join(root, folder)).filter((file) => file.endsWith('.sh'))) {
        execFileSync('bash', ['-n', join(root, folder, name)]);
        expect([name, statSync(join(root, folder, name)).mode & 0o111]).toEqual([name, 0o111]);
      }
    }
    const mounted = services.flatMap(([, { volumes }]) => volumes ?? []);
    for (const volume of mounted.filter((one) => one.startsWith('./'))) {
      expect([volume, existsSync(join(root, volume.split(':')[0] ?? ''))]).toEqual([volume, true]);
    }
  });
});

describe('Dockerfile', () => {
  const dockerfile = read('Dockerfile');

  it('ends in a stage that is slim Debian with Node 24 and not root', () => {
    expect(dockerfile).toMatch(/^ARG NODE_IMAGE=node:24-\w+-slim$/m);
    const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
    expect(last).toMatch(/^USER node$/m);
    expect(last).not.toMatch(/npm (ci|install|run)/);
    expect(last).toMatch(/^CMD \["node", "api\/main\.ts"\]$/m);
  });

  it('installs what is locked without development packages and carries the workflow bundle', () => {
    expect(dockerfile).toMatch(/npm ci --omit=dev/);
    expect(dockerfile).toMatch(/RUN npm run bundle/);
    expect(dockerfile).toMatch(/TENURE_WORKFLOW_BUNDLE=\/app\/dist\/workflow-bundle\.js/);
  });

  it('takes from the checkout only what is named', () => {
    const lines = read('.dockerignore').split('\n');
    const patterns = lines.filter((line) => line !== '' && !line.startsWith('#'));
    expect(patterns[0]).toBe('*');
    expect(patterns.slice(1).filter((pattern) => !pattern.startsWith('!'))).toEqual([]);
    const secretsOrTests = patterns.filter((pattern) =>
      /\.env|\.tenure|test|local|git/.test(pattern),
    );
    expect(secretsOrTests).toEqual([]);
  });
});
