import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { readSettings } from '../../examples/host-app/settings.ts';
import { writeExampleFile, type ExampleFacts } from '../../local/supervisor/example-file.ts';
import { parseHostFile } from '../../platform/host-file/parse.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

describe('npm run example', () => {
  const file = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
  const own = file('examples/host-app/tenure.yaml');
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tenure-example-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** What the embedded stack writes down while it runs. */
  function write(facts: Partial<ExampleFacts> = {}): void {
    writeExampleFile(join(directory, 'example.json'), {
      mongodbUrl: 'mongodb://127.0.0.1:27117',
      workosApiUrl: 'http://127.0.0.1:8100',
      workosApiKey: 'sk_test_1',
      tenureSecret: secret,
      hostFile: own,
      ...facts,
    });
  }
  const settings = (env: Record<string, string> = {}) =>
    readSettings({ TENURE_STATE_DIRECTORY: directory, ...env });

  it('finds what the running stack has, without any setting', () => {
    write();
    expect(statSync(join(directory, 'example.json')).mode & 0o777).toBe(0o600);
    expect(settings()).toEqual({
      port: 3000,
      mongodbUrl: 'mongodb://127.0.0.1:27117',
      workosUrl: new URL('http://127.0.0.1:8100'),
      workosApiKey: 'sk_test_1',
      workosClientId: 'client_acme',
      tenureSecret: secret,
      warnings: [],
    });
  });

  it('goes by the environment first, and warns of a secret that is not the one of the stack', () => {
    write();
    expect(settings({ ACME_TENURE_SECRET: secret }).warnings).toEqual([]);
    const given = settings({ ACME_TENURE_SECRET: 'whsec_other', WORKOS_API_KEY: 'sk_mine' });
    expect(given).toMatchObject({ tenureSecret: 'whsec_other', workosApiKey: 'sk_mine' });
    expect(given.warnings).toEqual([expect.stringContaining('everything that it asks is refused')]);
  });

  it('takes the first of several secrets, since every request is signed by each', () => {
    write({ tenureSecret: `${secret}, whsec_old` });
    expect(settings()).toMatchObject({ tenureSecret: secret, warnings: [] });
  });

  it('warns where Tenure does not call it, or at another port', () => {
    write({ hostFile: file('local/demo/acme.yaml') });
    expect(settings().warnings).toEqual([expect.stringContaining('another host file')]);
    write();
    expect(settings({ PORT: '3001' }).warnings).toEqual([expect.stringContaining('another port')]);
  });

  it('refuses to start without the secret', () => {
    expect(() => settings()).toThrow('Set ACME_TENURE_SECRET, or start Tenure first (npm start).');
    const elsewhere = { MONGODB_URL: 'mongodb://127.0.0.1:1', WORKOS_API_KEY: 'sk_1' };
    expect(() => settings(elsewhere)).toThrow('Set ACME_TENURE_SECRET');
    expect(settings({ ...elsewhere, ACME_TENURE_SECRET: secret }).warnings).toEqual([]);
  });
});

describe('the host file of the example', () => {
  it("says of the demo's data what the demo's own says, and adds who is asked and told", () => {
    const read = (path: string) =>
      parseHostFile(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'), path).file;
    const [demo, example] = [read('local/demo/acme.yaml'), read('examples/host-app/tenure.yaml')];
    for (const part of ['database', 'users', 'resources', 'personalData', 'defaults'] as const) {
      expect(example[part]).toEqual(demo[part]);
    }
    const kinds = ({ sessions }: typeof demo): string[] => sessions.map(({ kind }) => kind);
    expect(kinds(example)).toEqual([...kinds(demo), 'oauth_grant', 'authkit']);
    expect(example.notifications.map(({ id }) => id)).toEqual(['acme']);
  });
});
