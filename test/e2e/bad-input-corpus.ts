import { laterTime, workosId } from '../support/events.ts';

/** What becomes of a webhook in the inbox. */
export type Stored = 'nothing' | 'applied' | 'stored' | 'quarantined';

/** One bad webhook: the input in words, what it is made of, and its documented answer. */
export interface BadWebhook {
  input: string;
  /** The bytes of the body; an envelope where it is an object. `id` is the event's id. */
  body: (id: string) => Buffer | string | object;
  /** How it is signed: correctly where absent. */
  signature?: 'none' | 'wrong' | 'malformed' | 'seconds' | 'old' | 'future';
  headers?: Record<string, string>;
  status: number;
  /** The stable `code` of the problem; null for success. */
  code: string | null;
  stored: Stored;
  /** For the page, where the outcome needs a word. */
  remark?: string;
}

const operator = { $gt: '' };

/** A directory user as WorkOS sends them, with changes. */
function user(changes: object = {}): object {
  const at = laterTime();
  const id = workosId('directory_user');
  return {
    id,
    directory_id: 'directory_bad_input',
    organization_id: 'org_bad_input',
    idp_id: `idp-${id}`,
    email: `${id}@example.com`,
    first_name: 'Ada',
    last_name: 'Lovelace',
    state: 'active',
    custom_attributes: {},
    raw_attributes: {},
    created_at: at,
    updated_at: at,
    ...changes,
  };
}

function created(id: string, changes: object = {}, envelope: object = {}): object {
  return {
    id,
    event: 'dsync.user.created',
    created_at: laterTime(),
    data: user(changes),
    ...envelope,
  };
}

/** A person in a group; the group of another directory where one is named. */
function edge(directoryId = 'directory_bad_input'): { user: object; group: object } {
  const [group, organization_id] = [workosId('directory_group'), 'org_bad_input'];
  return {
    user: user(),
    group: { id: group, directory_id: directoryId, organization_id, name: 'Engineering' },
  };
}

function groupEvent(id: string, type: string, data: object): object {
  return { id, event: `dsync.group.${type}`, created_at: laterTime(), data };
}

const refused = { stored: 'nothing' } as const;
const applied = { status: 200, code: null, stored: 'applied' } as const;
const quarantined = { status: 200, code: null, stored: 'quarantined' } as const;
const kept = { status: 200, code: null, stored: 'stored' } as const;

function deep(levels: number): string {
  return `${'['.repeat(levels)}${']'.repeat(levels)}`;
}

/** Every field of a directory user, with an operator object in its place. */
const operatorFields: BadWebhook[] = [
  ...['id', 'directory_id', 'organization_id', 'idp_id', 'email', 'first_name', 'last_name'],
  ...['username', 'state', 'updated_at'],
].map((field) => ({
  input: `\`data.${field}\` is an operator object (\`{"$gt": ""}\`)`,
  body: (id) => created(id, { [field]: operator }),
  ...quarantined,
}));

export const badWebhooks: BadWebhook[] = [
  {
    input: 'no signature',
    body: (id) => created(id),
    signature: 'none',
    status: 401,
    code: 'signature.missing',
    ...refused,
  },
  {
    input: 'a signature that fits neither the body nor any secret',
    body: (id) => created(id),
    signature: 'wrong',
    status: 401,
    code: 'signature.mismatch',
    ...refused,
  },
  {
    input: 'a signature header that is not one',
    body: (id) => created(id),
    signature: 'malformed',
    status: 401,
    code: 'signature.malformed',
    ...refused,
  },
  {
    input: 'a timestamp in seconds',
    body: (id) => created(id),
    signature: 'seconds',
    status: 401,
    code: 'signature.malformed',
    ...refused,
  },
  {
    input: 'a timestamp six minutes old',
    body: (id) => created(id),
    signature: 'old',
    status: 401,
    code: 'signature.stale',
    ...refused,
  },
  {
    input: 'a timestamp six minutes ahead',
    body: (id) => created(id),
    signature: 'future',
    status: 401,
    code: 'signature.future',
    ...refused,
  },
  {
    input: 'larger than `TENURE_WEBHOOK_MAX_BYTES`',
    body: (id) => created(id, { raw_attributes: { blob: 'x'.repeat(300_000) } }),
    status: 413,
    code: 'tooLarge',
    ...refused,
  },
  {
    input: 'a compressed body',
    body: (id) => created(id),
    headers: { 'content-encoding': 'gzip' },
    status: 415,
    code: 'unsupportedEncoding',
    ...refused,
  },
  { input: 'an empty body', body: () => '', status: 400, code: 'malformedJson', ...refused },
  {
    input: 'half a JSON text',
    body: () => '{"id":"e',
    status: 400,
    code: 'malformedJson',
    ...refused,
  },
  {
    input: 'bytes that are no UTF-8',
    body: () => Buffer.from('7b226964223a22ff227d', 'hex'),
    status: 400,
    code: 'malformedJson',
    ...refused,
  },
  {
    input: 'JSON nested deeper than 64 levels',
    body: (id) => `{"id":"${id}","event":"x","data":${deep(5000)}}`,
    status: 400,
    code: 'malformedJson',
    ...refused,
  },
  {
    input: 'JSON that is no object',
    body: () => '"text"',
    status: 400,
    code: 'notAnEvent',
    ...refused,
  },
  { input: '`null`', body: () => 'null', status: 400, code: 'notAnEvent', ...refused },
  { input: 'a list', body: (id) => [created(id)], status: 400, code: 'notAnEvent', ...refused },
  {
    input: 'without `id`',
    body: () => ({ event: 'dsync.user.created', data: user() }),
    status: 400,
    code: 'notAnEvent',
    ...refused,
  },
  {
    input: 'without `event`',
    body: (id) => ({ id, data: user() }),
    status: 400,
    code: 'notAnEvent',
    ...refused,
  },
  {
    input: '`id` is an operator object',
    body: (id) => created(id, {}, { id: operator }),
    status: 400,
    code: 'notAnEvent',
    ...refused,
  },
  {
    input: '`event` is an operator object',
    body: (id) => created(id, {}, { event: operator }),
    status: 400,
    code: 'notAnEvent',
    ...refused,
  },
  {
    input: 'an `id` of 10,000 characters',
    body: () => created('e'.repeat(10_000)),
    status: 400,
    code: 'notAnEvent',
    ...refused,
  },
  {
    input: 'an event type that nobody knows',
    body: (id) => ({ id, event: 'dsync.user.promoted', created_at: laterTime(), data: user() }),
    ...kept,
    remark: 'whole, for a later version',
  },
  {
    input: 'a known event without `data`',
    body: (id) => ({ id, event: 'dsync.user.updated', created_at: laterTime() }),
    ...quarantined,
  },
  {
    input: 'without `created_at`',
    body: (id) => created(id, {}, { created_at: undefined }),
    ...quarantined,
    remark: 'its order could not be known',
  },
  {
    input: '`created_at` is no time',
    body: (id) => created(id, {}, { created_at: 'yesterday' }),
    ...quarantined,
  },
  {
    input: 'without `idp_id`',
    body: (id) => created(id, { idp_id: undefined }),
    ...applied,
    remark: 'known by the WorkOS id alone',
  },
  { input: '`idp_id` is null or empty', body: (id) => created(id, { idp_id: '' }), ...applied },
  {
    input: '`email` is null',
    body: (id) => created(id, { email: null }),
    ...applied,
    remark: 'linked to nobody by e-mail',
  },
  {
    input: 'names of 10,000 characters',
    body: (id) => created(id, { first_name: 'n'.repeat(10_000), last_name: 'é'.repeat(10_000) }),
    ...applied,
    remark: 'cut to 1,024 characters',
  },
  {
    input: 'lone surrogates in names and attributes',
    body: (id) =>
      JSON.stringify(created(id, { first_name: 'A\ud800da', custom_attributes: { a: '\udfff' } })),
    ...applied,
    remark: 'each becomes U+FFFD',
  },
  {
    input: 'NUL characters in names',
    body: (id) => created(id, { first_name: 'A\u0000da', username: '\u0000' }),
    ...applied,
    remark: 'left out',
  },
  {
    input: 'operator objects, dots and `__proto__` in `custom_attributes`',
    body: (id) =>
      JSON.stringify(created(id)).replace(
        '"custom_attributes":{}',
        '"custom_attributes":{"$where":"1","a.b":{"$gt":""},"__proto__":{"admin":true},"x":{"$ne":1}}',
      ),
    ...applied,
    remark: 'what is no plain name and value is left out',
  },
  {
    input: '`custom_attributes` is a list',
    body: (id) => created(id, { custom_attributes: [1] }),
    ...quarantined,
  },
  ...operatorFields,
  {
    input: 'a state that nobody knows, of an unknown person',
    body: (id) => created(id, { state: 'dormant' }),
    ...applied,
    remark: 'counts as inactive: ids and version only, no user',
  },
  {
    input: 'a directory that was never announced',
    body: (id) => created(id, { directory_id: workosId('directory') }),
    ...applied,
    remark: 'with a notice `unannouncedDirectory`',
  },
  {
    input: 'the removal of somebody unknown',
    body: (id) => created(id, {}, { event: 'dsync.user.deleted' }),
    ...applied,
    remark: 'ids and version only, with a notice `unknownRemoval`; no user',
  },
  {
    input: 'a group event with operator objects',
    body: (id) =>
      groupEvent(id, 'user_added', { $set: operator, user: operator, group: { id: operator } }),
    ...quarantined,
    remark: 'as text, never as part of a document',
  },
  {
    input: 'somebody unknown is added to an unknown group',
    body: (id) => groupEvent(id, 'user_added', edge()),
    ...applied,
    remark: 'ids only, which count once the person is told of; no user',
  },
  {
    input: 'somebody unknown is removed from an unknown group',
    body: (id) => groupEvent(id, 'user_removed', edge()),
    ...applied,
    remark: 'ids only; no user',
  },
  {
    input: 'an unknown group is deleted',
    body: (id) => groupEvent(id, 'deleted', edge().group),
    ...applied,
    remark: 'whoever was in it before gets nothing from it',
  },
  {
    input: 'a person of one directory is added to a group of another one',
    body: (id) => groupEvent(id, 'user_added', edge('directory_elsewhere')),
    ...quarantined,
    remark: 'the person stays as they are; with a notice `edgeAcrossDirectories`',
  },
  {
    input: 'roles that are no roles',
    body: (id) => created(id, { role: 'admin', roles: [operator, { slug: 7 }] }),
    ...applied,
    remark: 'they give nothing',
  },
];

/** One bad call of the API. */
export interface BadCall {
  input: string;
  method: string;
  path: string;
  body?: unknown;
  /** Sent as it is. */
  raw?: string | Buffer;
  key?: 'admin' | 'gate' | 'wrong' | 'none';
  headers?: Record<string, string>;
  status: number;
  code: string;
}

const check = { organizationId: 'org_bad_input', action: 'read', userId: 'nobody' };
const post = { method: 'POST', path: '/v1/access-checks', key: 'gate' } as const;
const who = { organizationId: 'org_bad_input', sso: { idpId: 'idp_nobody' } };
const login = { method: 'POST', path: '/v1/logins', key: 'gate' } as const;
const mappings = { method: 'PUT', path: '/v1/organizations/org_bad_input/role-mappings' } as const;
const providerSwitch = {
  method: 'PUT',
  path: '/v1/organizations/org_bad_input/provider-switch',
} as const;
const invalid = { status: 422, code: 'invalid' } as const;

export const badCalls: BadCall[] = [
  { input: 'no key', ...post, body: check, key: 'none', status: 401, code: 'unauthenticated' },
  {
    input: 'a wrong key',
    ...post,
    body: check,
    key: 'wrong',
    status: 401,
    code: 'unauthenticated',
  },
  {
    input: 'the gate key where an admin key is needed',
    method: 'GET',
    path: '/v1/users',
    key: 'gate',
    status: 403,
    code: 'forbidden',
  },
  { input: 'half a JSON text', ...post, raw: '{"a":', status: 400, code: 'malformedJson' },
  {
    input: 'bytes that are no UTF-8',
    ...post,
    raw: Buffer.from('7b2261223a22ff227d', 'hex'),
    status: 400,
    code: 'malformedJson',
  },
  {
    input: 'JSON nested deeper than 64 levels',
    ...post,
    raw: deep(5000),
    status: 400,
    code: 'malformedJson',
  },
  {
    input: 'a body that is not called JSON',
    ...post,
    raw: 'a=b',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    status: 415,
    code: 'unsupportedMediaType',
  },
  { input: 'a list where an object belongs', ...post, body: [], ...invalid },
  { input: 'an unknown field', ...post, body: { ...check, extra: 1 }, ...invalid },
  {
    input: 'no identity in an access check',
    ...post,
    body: { ...check, userId: undefined },
    ...invalid,
  },
  { input: 'lone surrogates', ...post, body: { ...check, userId: '\ud800' }, ...invalid },
  { input: 'NUL characters', ...post, body: { ...check, userId: 'a\u0000' }, ...invalid },
  {
    input: 'an id of 10,000 characters',
    ...post,
    body: { ...check, userId: 'u'.repeat(10_000) },
    ...invalid,
  },
  ...['organizationId', 'action', 'userId', 'directoryUserId', 'email', 'sso'].map((field) => ({
    input: `\`${field}\` of an access check is an operator object`,
    ...post,
    body: { ...check, [field]: operator },
    ...invalid,
  })),
  {
    input: 'an operator object as a search',
    method: 'POST',
    path: '/v1/users/search',
    body: { q: { $regex: '.*' } },
    ...invalid,
  },
  {
    input: 'operators in a query',
    method: 'GET',
    path: '/v1/users?status[$ne]=active',
    ...invalid,
  },
  {
    input: 'a query parameter given twice',
    method: 'GET',
    path: '/v1/users?limit=1&limit=2',
    ...invalid,
  },
  { input: 'a limit above 100', method: 'GET', path: '/v1/users?limit=101', ...invalid },
  { input: 'a cursor that is none', method: 'GET', path: '/v1/users?cursor=%24where', ...invalid },
  {
    input: 'a path that is no UTF-8',
    method: 'GET',
    path: '/v1/users/%ff',
    status: 404,
    code: 'notFound',
  },
  { input: 'a NUL in a path', method: 'GET', path: '/v1/users/%00', ...invalid },
  {
    input: 'an address that does not exist',
    method: 'GET',
    path: '/v1/nothing',
    status: 404,
    code: 'notFound',
  },
  {
    input: 'another method',
    method: 'DELETE',
    path: '/v1/users',
    status: 405,
    code: 'methodNotAllowed',
  },
  {
    input: 'an id that does not exist',
    method: 'GET',
    path: '/v1/memberships/nobody',
    status: 404,
    code: 'notFound',
  },
  {
    input: 'a command on a membership that does not exist',
    method: 'POST',
    path: '/v1/memberships/nobody/disable',
    body: {},
    status: 404,
    code: 'notFound',
  },
  {
    input: 'a reason of 10,000 characters',
    method: 'POST',
    path: '/v1/memberships/nobody/disable',
    body: { reason: 'r'.repeat(10_000) },
    ...invalid,
  },
  {
    input: 'a time that is none',
    method: 'POST',
    path: '/v1/memberships/nobody/extend-cooling-off',
    body: { until: 'tomorrow' },
    ...invalid,
  },
  {
    input: 'a hold on an operator object',
    method: 'POST',
    path: '/v1/holds',
    body: { scope: { userId: operator }, kind: 'legal' },
    ...invalid,
  },
  {
    input: 'a decision on a link request that is none',
    method: 'POST',
    path: '/v1/link-requests/nobody/resolve',
    body: { action: 'merge', userId: 'nobody' },
    ...invalid,
  },
  {
    input: 'a decision that links to an operator object',
    method: 'POST',
    path: '/v1/link-requests/nobody/resolve',
    body: { action: 'link', userId: operator },
    ...invalid,
  },
  {
    input: 'a decision on a link request that does not exist',
    method: 'POST',
    path: '/v1/link-requests/nobody/resolve',
    body: { action: 'separate' },
    status: 404,
    code: 'notFound',
  },
  {
    input: 'the undoing of a link of nobody',
    method: 'POST',
    path: '/v1/memberships/nobody/unlink',
    body: { directoryUserId: 'nobody' },
    status: 404,
    code: 'notFound',
  },
  {
    input: 'a retry of an event that never came',
    method: 'POST',
    path: '/v1/quarantine/event_never/retry',
    status: 404,
    code: 'notFound',
  },
  {
    input: 'a policy with a cooling-off of one day',
    method: 'PUT',
    path: '/v1/organizations/org_bad_input/policy',
    body: { coolingOffDays: 1 },
    ...invalid,
  },
  {
    input: 'a policy with an operator object as the value of a leaving',
    method: 'PUT',
    path: '/v1/organizations/org_bad_input/policy',
    body: { leavingAttributes: [{ attribute: 'status', values: [operator] }] },
    ...invalid,
  },
  {
    input: 'a policy with a state of Directory Sync that is none',
    method: 'PUT',
    path: '/v1/organizations/org_bad_input/policy',
    body: { directorySync: 'on' },
    ...invalid,
  },
  { input: 'a login of nobody', ...login, body: { organizationId: 'org_bad_input' }, ...invalid },
  { input: 'a login for another action', ...login, body: { ...who, action: 'write' }, ...invalid },
  ...['idpId', 'email', 'firstName', 'lastName', 'name', 'connectionId'].map((field) => ({
    input: `\`sso.${field}\` of a login is an operator object`,
    ...login,
    body: { ...who, sso: { ...who.sso, [field]: operator } },
    ...invalid,
  })),
  ...['idpId', 'email', 'firstName'].map((field) => ({
    input: `\`sso.${field}\` of a login holds a lone surrogate`,
    ...login,
    body: { ...who, sso: { ...who.sso, [field]: 'a\ud800' } },
    ...invalid,
  })),
  {
    input: 'a NUL character in the name of an SSO profile',
    ...login,
    body: { ...who, sso: { ...who.sso, lastName: 'a\u0000' } },
    ...invalid,
  },
  {
    input: 'a name of 10,000 characters in an SSO profile',
    ...login,
    body: { ...who, sso: { ...who.sso, name: 'n'.repeat(10_000) } },
    ...invalid,
  },
  {
    input: 'a role mapping of an operator object',
    ...mappings,
    body: { data: [{ directoryGroupId: operator }] },
    ...invalid,
  },
  {
    input: 'a role mapping that gives an operator object',
    ...mappings,
    body: { data: [{ directoryGroupId: 'group_1', roles: [operator] }] },
    ...invalid,
  },
  {
    input: 'a role with a NUL character in its name',
    ...mappings,
    body: { data: [{ directoryGroupId: 'group_1', roles: ['a\u0000'] }] },
    ...invalid,
  },
  {
    input: 'two role mappings of one group',
    ...mappings,
    body: { data: [{ directoryGroupId: 'group_1' }, { directoryGroupId: 'group_1' }] },
    ...invalid,
  },
  {
    input: 'more than 1,000 role mappings',
    ...mappings,
    body: { data: Array.from({ length: 1_001 }, (_, n) => ({ directoryGroupId: `group_${n}` })) },
    ...invalid,
  },
  { input: 'one role mapping instead of a list', ...mappings, body: { data: {} }, ...invalid },
  {
    input: 'manual roles of a membership that does not exist',
    method: 'PUT',
    path: '/v1/memberships/nobody/roles',
    body: { roles: ['editor'] },
    status: 404,
    code: 'notFound',
  },
  {
    input: 'an operator object as a manual role',
    method: 'PUT',
    path: '/v1/memberships/nobody/roles',
    body: { roles: [operator] },
    ...invalid,
  },
  {
    input: 'the forgetting of the SSO identity of nobody',
    method: 'POST',
    path: '/v1/memberships/nobody/forget-sso-identity',
    body: {},
    status: 404,
    code: 'notFound',
  },
  {
    input: 'the undoing of a link of an operator object',
    method: 'POST',
    path: '/v1/memberships/nobody/unlink',
    body: { directoryUserId: operator },
    ...invalid,
  },
  ...['approve', 'reject'].map((decision) => ({
    input: `a decision on a guard that does not exist (${decision})`,
    method: 'POST',
    path: `/v1/guards/nobody/${decision}`,
    body: {},
    status: 404,
    code: 'notFound',
  })),
  {
    input: 'an operator object as the reason of a decision',
    method: 'POST',
    path: '/v1/guards/nobody/approve',
    body: { reason: operator },
    ...invalid,
  },
  {
    input: 'a state of guards that is none',
    method: 'GET',
    path: '/v1/guards?state=waiting',
    ...invalid,
  },
  {
    input: 'a switch of provider until a time that is none',
    ...providerSwitch,
    body: { until: 'tomorrow' },
    ...invalid,
  },
  {
    input: 'a switch of provider until yesterday',
    ...providerSwitch,
    body: { until: '2020-01-01T00:00:00Z' },
    status: 422,
    code: 'switchInThePast',
  },
  {
    input: 'a switch of provider that lasts for years',
    ...providerSwitch,
    body: { until: '2100-01-01T00:00:00Z' },
    status: 422,
    code: 'switchTooLong',
  },
  {
    input: 'the discarding of an event that never came',
    method: 'POST',
    path: '/v1/quarantine/event_never/discard',
    body: {},
    status: 404,
    code: 'notFound',
  },
  {
    input: 'a retry with an operator object as its reason',
    method: 'POST',
    path: '/v1/quarantine/event_never/retry',
    body: { reason: operator },
    ...invalid,
  },
  {
    input: 'the comparison of a directory that does not exist',
    method: 'POST',
    path: '/v1/directories/nobody/reconcile',
    body: {},
    status: 404,
    code: 'notFound',
  },
  {
    input: 'a list of the dry run that is none',
    method: 'GET',
    path: '/v1/organizations/org_bad_input/dry-run?list=everybody',
    ...invalid,
  },
  {
    input: 'cancelled deletions of an organization that nobody has mentioned',
    method: 'POST',
    path: '/v1/organizations/org_never/cancel-deletions',
    body: {},
    status: 404,
    code: 'notFound',
  },
  {
    input: 'an import with an operator object',
    method: 'POST',
    path: '/v1/users',
    body: { users: [{ id: operator, organizationId: 'org_bad_input', email: operator }] },
    ...invalid,
  },
  {
    input: 'an import with an address as the id of a user',
    method: 'POST',
    path: '/v1/users',
    body: { users: [{ id: 'ada@example.com', organizationId: 'org_bad_input', email: null }] },
    ...invalid,
  },
  {
    input: 'an import with a name as the id of a user',
    method: 'POST',
    path: '/v1/users',
    body: { users: [{ id: 'Ada Lovelace', organizationId: 'org_bad_input', email: null }] },
    ...invalid,
  },
  {
    input: 'an import with an address as the organization',
    method: 'POST',
    path: '/v1/users',
    body: { users: [{ id: 'ada', organizationId: 'ada@example.com', email: null }] },
    ...invalid,
  },
  {
    input: 'an address as the `userId` of a login',
    ...login,
    body: { ...who, userId: 'ada@example.com' },
    ...invalid,
  },
  {
    input: 'an import of nobody',
    method: 'POST',
    path: '/v1/users',
    body: { users: [] },
    ...invalid,
  },
];

/** The two tables of `docs/bad-input.md`. */
export function badInputTables(): string {
  const answer = (status: number, code: string | null): string =>
    code === null ? `${status}` : `${status} \`${code}\``;
  const webhooks = badWebhooks.map(
    ({ input, status, code, stored, remark }) =>
      `| ${input} | ${answer(status, code)} | ${stored}${remark === undefined ? '' : `: ${remark}`} |`,
  );
  const calls = badCalls.map(
    ({ input, method, path, status, code }) =>
      `| ${input} | \`${method} ${path}\` | ${answer(status, code)} |`,
  );
  return [
    '## Webhooks: `POST /webhooks/workos`',
    '',
    '| input | answer | what is stored |',
    '| --- | --- | --- |',
    ...webhooks,
    '',
    '## Calls of the API',
    '',
    'Nothing is stored by any of them.',
    '',
    '| input | for example | answer |',
    '| --- | --- | --- |',
    ...calls,
    '',
  ].join('\n');
}
