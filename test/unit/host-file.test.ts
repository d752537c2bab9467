import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { defaultPolicy } from '../../domain/policy.ts';
import { ConfigError } from '../../platform/config.ts';
import { minimalHostFile, parseHostFile } from '../../platform/host-file/parse.ts';
import { readHostFile } from '../../platform/host-file/read.ts';
import { policySchema, resolvePolicy } from '../../platform/policy-schema.ts';

function mistakesOf(text: string): string[] {
  try {
    parseHostFile(text, 'f');
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems.map(({ variable, problem }) => `${variable}: ${problem}`);
    }
    throw error;
  }
  return [];
}

const session = 'kind: session, connector: mongodb, collection: s, user: u';
const aSession = (more: string): string =>
  `version: 1\ndatabase: acme\nsessions:\n  - { ${more} }\n`;
const aRule = (more: string): string =>
  `version: 1\ndatabase: acme\npersonalData:\n  - { collection: c, user: u, ${more} }\n`;

describe('the host file', () => {
  it('needs a version only', () => {
    const { file, warnings } = parseHostFile('version: 1', 'f');
    expect(file).toMatchObject({
      version: 1,
      database: null,
      defaults: { policy: {} },
      organizationOwner: 'org:{organizationId}',
      directoryOrder: [],
      users: null,
      sessions: [],
      resources: [],
      personalData: [],
    });
    expect(warnings).toEqual([]);
    expect(minimalHostFile().file).toEqual(file);
  });

  it('reads the example of the documentation', async () => {
    const page = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    const example = /```yaml\n([\s\S]+?)```/.exec(page)?.[1] ?? '';
    const { file } = parseHostFile(example, 'f');
    expect(file.defaults.policy).toEqual({ deletionAllowed: true, coolingOffDays: 45 });
    expect(file.attributes).toMatchObject({
      email: ['email', 'custom_attributes.email'],
      username: ['username', 'custom_attributes.login'],
    });
    expect(file.users).toMatchObject({ connector: 'mongodb', id: 'string' });
    expect(file.sessions[0]).toEqual({
      kind: 'session',
      connector: 'mongodb',
      collection: 'sessions',
      user: 'userId',
      organization: 'organizationId',
      scope: 'organization',
      isKey: false,
      idType: 'string',
      revoke: 'delete',
      onRoleLoss: 'none',
    });
    expect(file.sessions[1]).toMatchObject({ organization: null, scope: 'user', isKey: true });
    expect(file.resources[0]).toMatchObject({ kind: 'project', critical: true });
    expect(file.personalData[0]?.fields).toMatchObject({
      authorName: 'pseudonym',
      body: { keep: 'content belongs to the organization' },
    });
  });

  it('says whose word counts among directories, and whether e-mails are unique', () => {
    const { file } = parseHostFile(
      'version: 1\ndatabase: acme\ndirectoryOrder: [directory_1, bamboohr]\n' +
        'users: { collection: u, uniqueEmail: true, fields: { email: e } }\n',
      'f',
    );
    expect(file.directoryOrder).toEqual(['directory_1', 'bamboohr']);
    expect(file.users?.uniqueEmail).toBe(true);
  });

  it('refuses unique e-mails that it never writes, and an order that names a directory twice', () => {
    const text =
      'version: 1\ndatabase: acme\ndirectoryOrder: [okta, okta]\n' +
      'users: { collection: u, uniqueEmail: true, fields: { name: n } }\n';
    expect(mistakesOf(text)).toEqual([
      'f:3:17 directoryOrder: names one directory or type twice',
      'f:4:38 users.uniqueEmail: says that e-mails are unique, but fields.email names none to write',
    ]);
  });

  it('lists every mistake at once, in the order of the lines', () => {
    const text = [
      'version: 2',
      'databse: acme',
      'database: admin',
      'defaults: { policy: { coolingOffDays: 29, guard: { maxUser: 3 } } }',
      'organizations: { org_a: x, org_b: x }',
      'sessions:',
      '  - { kind: k, connector: mysql }',
      '  - { kind: k, connector: mongodb, collection: s, usr: u, revoke: { set: { $x: 1 } } }',
    ].join('\n');
    expect(mistakesOf(text)).toEqual([
      'f:1:10 version: expected version: 1',
      'f:2:1 databse: is not known. Did you mean database?',
      "f:3:11 database: is MongoDB's own database",
      'f:4:39 defaults.policy.coolingOffDays: expected number to be >=30',
      'f:4:52 defaults.policy.guard.maxUser: is not known. Did you mean maxUsers?',
      'f:5:35 organizations.org_b: maps two organizations to one; their people would mix',
      'f:7:27 sessions[0].connector: expected a connector: mongodb, workos, jwt, http, temporal',
      'f:8:5 sessions[1].user: is missing',
      'f:8:5 sessions[1]: expected either organization (the field that holds its id) or scope: user, and not both',
      'f:8:13 sessions[1].kind: the kind "k" is there twice',
      'f:8:51 sessions[1].usr: is not known. Did you mean user?',
      'f:8:76 sessions[1].revoke.set.$x: expected a field name: not empty, no part of it beginning with $, no NUL',
    ]);
  });

  it.each([
    ['an empty file', '', 'f:1:1 version: expected version: 1'],
    ['a list', '- 1', 'f:1:1: expected a map of settings, beginning with version: 1'],
    ['a key that is there twice', 'version: 1\nversion: 1', 'f:2:1: the key is there twice'],
    ['an alias without an anchor', 'version: *v', 'f:1:1: holds an alias'],
    ['broken YAML', 'version: 1\nusers: [1', 'f:2:10: is not YAML'],
    ['a prototype', 'version: 1\n__proto__: {}', 'f:2:1 __proto__: is not known'],
  ])('refuses %s', (_, text, mistake) => {
    expect(mistakesOf(text)).toEqual([expect.stringContaining(mistake)]);
  });

  it('refuses aliases that multiply beyond measure', () => {
    const levels = 'bcdefghi'.split('').map((name, index) => {
      const before = 'abcdefgh'[index];
      return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join()}]`;
    });
    expect(mistakesOf(['a: &a [x]', ...levels].join('\n'))).toEqual([
      expect.stringContaining('multiply beyond measure'),
    ]);
  });

  it.each([
    [
      'an operator as collection',
      aSession(`kind: k, connector: mongodb, collection: $c, user: u, scope: user, revoke: delete`),
      'collection',
    ],
    [
      'an operator inside a field',
      aSession(
        `kind: k, connector: mongodb, collection: c, user: a.$b, scope: user, revoke: delete`,
      ),
      'user',
    ],
    [
      'an empty part of a field',
      aSession(
        `kind: k, connector: mongodb, collection: c, user: a..b, scope: user, revoke: delete`,
      ),
      'user',
    ],
    [
      'organization and scope together',
      aSession(`${session}, organization: o, scope: user, revoke: delete`),
      'not both',
    ],
    [
      'a revocation that overwrites the user',
      aSession(`${session}, scope: user, revoke: { set: { u: gone } }`),
      'whose it is',
    ],
    [
      'a revocation that sets nothing',
      aSession(`${session}, scope: user, revoke: { set: {} }`),
      'at least one field',
    ],
    [
      'an unknown answer to a lost role',
      aSession(`${session}, scope: user, revoke: delete, onRoleLoss: logout`),
      'onRoleLoss: expected none, refresh or revoke',
    ],
    [
      'a refresh that overwrites the user',
      aSession(
        `${session}, scope: user, revoke: delete, onRoleLoss: refresh, refresh: { set: { u: 1 } }`,
      ),
      'refresh would overwrite the field that says whose it is',
    ],
    [
      'a refresh that would look like a revocation',
      aSession(
        `${session}, scope: user, revoke: { set: { rolesChangedAt: now } }, onRoleLoss: refresh`,
      ),
      'would count as revoked',
    ],
    [
      'a refresh that nothing uses',
      aSession(`${session}, scope: user, revoke: delete, refresh: { set: { a: now } }`),
      'refresh: is only used with onRoleLoss: refresh',
    ],
    [
      'a refresh that is no marking',
      aSession(`${session}, scope: user, revoke: delete, onRoleLoss: refresh, refresh: now`),
      'refresh: expected {set: {field: value}}',
    ],
    [
      'personal data without organization and scope',
      aRule('fields: { a: remove }'),
      'expected either organization',
    ],
    [
      'an erasure of the field that says whose it is',
      aRule('scope: user, fields: { u.name: remove }'),
      'whose data it is',
    ],
    ['an erasure of _id', aRule('scope: user, fields: { _id: remove }'), 'never written'],
    [
      'a field and a part of it',
      aRule('scope: user, fields: { a: remove, a.b: remove }'),
      'a part of it',
    ],
    ['an unknown fate', aRule('scope: user, fields: { a: erase }'), 'expected pseudonym'],
    ['a fate without a reason', aRule('scope: user, fields: { a: { keep: "" } }'), 'keep'],
    [
      'id and idType together',
      aRule('scope: user, id: string, idType: string, fields: { a: remove }'),
      'both id and idType',
    ],
    [
      'a missing database',
      'version: 1\nusers: { collection: u, fields: { email: e } }',
      'database: is missing',
    ],
    [
      'an organization owner without the organization',
      'version: 1\norganizationOwner: x',
      '{organizationId}',
    ],
    [
      'directorySync as a default',
      'version: 1\ndefaults: { policy: { directorySync: enabled } }',
      'directorySync: is not known',
    ],
  ])('refuses %s', (_, text, mistake) => {
    expect(mistakesOf(text)).toEqual([expect.stringContaining(mistake)]);
  });

  it.each([
    ['none', 'none', 'none'],
    ['revoke', 'revoke', 'revoke'],
    ['refresh, with a field of its own', 'refresh', { set: { rolesChangedAt: 'now' } }],
    [
      'refresh, with the fields that it names',
      'refresh, refresh: { set: { stale: true } }',
      { set: { stale: true } },
    ],
  ])('reads as the answer to a lost role: %s', (_, written, answer) => {
    const text = aSession(`${session}, scope: user, revoke: delete, onRoleLoss: ${written}`);
    expect(parseHostFile(text, 'f').file.sessions[0]).toMatchObject({ onRoleLoss: answer });
  });

  it('reads sessions that lie elsewhere than in the database, and needs no database for them', () => {
    const { file, warnings } = parseHostFile(
      [
        'version: 1',
        'sessions:',
        '  - { kind: authkit, connector: workos }',
        '  - { kind: access_token, connector: jwt, maxAge: 5m }',
        '  - { kind: app, connector: http, url: https://app.example.com/tenure/ }',
        '  - { kind: legacy, connector: temporal, taskQueue: billing }',
      ].join('\n'),
      'f',
    );
    expect(file.sessions).toEqual([
      { kind: 'authkit', connector: 'workos' },
      { kind: 'access_token', connector: 'jwt', maxAgeMs: 300_000 },
      {
        kind: 'app',
        connector: 'http',
        url: 'https://app.example.com/tenure',
        secretEnv: 'TENURE_HTTP_SECRET',
        allowPrivate: false,
      },
      {
        kind: 'legacy',
        connector: 'temporal',
        taskQueue: 'billing',
        activityType: 'revokeSessions',
      },
    ]);
    expect(file.database).toBeNull();
    expect(warnings).toEqual([]);
  });

  it('lists every mistake in them with its line', () => {
    const text = [
      'version: 1',
      'sessions:',
      '  - { kind: a, connector: workos, collection: c }',
      '  - { kind: b, connector: jwt }',
      '  - { kind: c, connector: jwt, maxAge: 5 }',
      '  - { kind: d, connector: jwt, maxAge: 400d }',
      '  - { kind: e, connector: http, url: http://app.example.com }',
      '  - { kind: f, connector: http, url: https://app.example.com/?x=1, secretEnv: whsec_= }',
      '  - { kind: g, connector: temporal, taskQeue: billing }',
      '  - { kind: a, connector: temporal, taskQueue: a b }',
    ].join('\n');
    expect(mistakesOf(text)).toEqual([
      'f:3:35 sessions[0].collection: is not known.',
      'f:4:5 sessions[1].maxAge: is missing',
      'f:5:40 sessions[2].maxAge: expected a duration such as 90s, 5m, 1h or 30d',
      'f:6:40 sessions[3].maxAge: expected 366d or less',
      'f:7:38 sessions[4].url: is not https; ids of people would travel in plain (http needs allowPrivate: true)',
      'f:8:38 sessions[5].url: holds a user, a password, a query or a fragment; expected none of them',
      'f:8:79 sessions[5].secretEnv: expected the name of an environment variable',
      'f:9:5 sessions[6].taskQueue: is missing',
      'f:9:37 sessions[6].taskQeue: is not known. Did you mean taskQueue?',
      'f:10:13 sessions[7].kind: the kind "a" is there twice',
      'f:10:48 sessions[7].taskQueue: expected 1 to 200 printable ASCII characters without spaces',
    ]);
  });

  it('warns of tokens that outlive a leaving by hours', () => {
    const { warnings } = parseHostFile(
      'version: 1\nsessions:\n  - { kind: t, connector: jwt, maxAge: 1d }\n',
      'f',
    );
    expect(warnings).toEqual([expect.stringMatching(/^tokens of kind t .* 1440 minutes/)]);
  });

  it.each([
    ['session', '', false],
    ['refresh_token', '', false],
    ['api_key', '', true],
    ['personal_access_token', '', true],
    ['accessToken', '', true],
    ['apiKey', '', true],
    ['APIKeys', '', true],
    ['apikey', '', true],
    ['ssh.key', '', true],
    ['key', '', true],
    ['user-access-tokens', '', true],
    ['keycloak_session', '', false],
    ['monkeySession', '', false],
    ['turkey', '', false],
    ['KEYCLOAK_SESSION', '', false],
    ['access_code_token', '', false],
    ['session', ', credential: key', true],
    ['api_key', ', credential: session', false],
  ])('takes the kind %s%s for a key: %s', (kind, credential, isKey) => {
    const text = aSession(
      `kind: ${kind}, connector: mongodb, collection: c, user: u, scope: user, revoke: delete${credential}`,
    );
    expect(parseHostFile(text, 'f').file.sessions[0]).toMatchObject({ isKey });
  });
});

describe('reading the host file', () => {
  it('gives the minimal file where none is configured', async () => {
    expect(await readHostFile(null)).toEqual(minimalHostFile());
  });

  it('names what cannot be read, and what is not UTF-8', async () => {
    await expect(readHostFile('/nowhere/tenure.yaml')).rejects.toThrow(/ENOENT/);
    const folder = await mkdtemp(join(tmpdir(), 'tenure-host-file-'));
    try {
      await writeFile(join(folder, 'f.yaml'), Buffer.from([0x76, 0xff, 0xfe]));
      await expect(readHostFile(join(folder, 'f.yaml'))).rejects.toThrow(/not UTF-8/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('a policy', () => {
  it('is filled from what was set, then the file, then the defaults, also in its depth', () => {
    const policy = resolvePolicy(
      { coolingOffDays: 60, guard: { maxUsers: 5 }, deletionAllowed: null },
      {
        coolingOffDays: 45,
        guard: { maxUsers: 9, graceDays: 1 },
        deletionAllowed: true,
        jit: true,
      },
    );
    expect(policy).toEqual({
      ...defaultPolicy,
      coolingOffDays: 60,
      jit: true,
      guard: { maxUsers: 5, maxPercent: 10, windowMinutes: 60, graceDays: 1 },
      deletionAllowed: null,
    });
  });

  it('without anything set is the default, and a copy of it', () => {
    const policy = resolvePolicy(null, {});
    expect(policy).toEqual(defaultPolicy);
    policy.ownership.recipients.pop();
    expect(defaultPolicy.ownership.recipients).toEqual(['manager', 'organization']);
  });

  it.each([
    [{ coolingOffDays: 29 }],
    [{ coolingOffDays: 91 }],
    [{ coolingOffDays: 30.5 }],
    [{ sandboxCoolingOffSeconds: 0 }],
    [{ sandboxCoolingOffSeconds: 7_776_001 }],
    [{ ownership: { when: 'never' } }],
    [{ ownership: { recipients: [] } }],
    [{ lifecycleAuthority: [] }],
    [{ guard: { maxPercent: 101 } }],
    [{ leavingAttributes: [{ attribute: 'status', values: [] }] }],
    [{ unknown: 1 }],
  ])('is refused as %j', (input) => {
    expect(policySchema.safeParse(input).success).toBe(false);
  });

  it('may be PUT with the state of directory sync, and in parts', () => {
    const input = {
      directorySync: 'enabled',
      coolingOffDays: 90,
      sandboxCoolingOffSeconds: 7_776_000,
      ownership: {
        when: { critical: 'manual', other: 'onDeprovision' },
        recipients: [{ userId: 'u1' }],
      },
    };
    expect(policySchema.parse(input)).toEqual(input);
  });
});
