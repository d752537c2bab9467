import { parseArgs } from 'node:util';

/** What the command line asks of the control API. */
export interface CliRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  body?: Record<string, unknown>;
}

/** A command line that nobody can act on; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const multiple = { type: 'string', multiple: true } as const;
const single = { type: 'string' } as const;
const options = {
  directory: single,
  organization: single,
  email: single,
  name: single,
  handle: single,
  manager: single,
  department: single,
  'job-title': single,
  username: single,
  role: multiple,
  state: single,
  type: single,
  count: single,
  edges: single,
  'state-in-event': single,
  'inactive-users': single,
  'sso-idp-ids': single,
  ms: single,
  times: single,
  status: single,
  'status-after': single,
  'visibility-delay-ms': single,
  'directory-users-per-second': single,
  malformed: { type: 'boolean' },
  hang: { type: 'boolean' },
  group: multiple,
  domain: multiple,
  attribute: multiple,
  event: multiple,
} as const;

type Values = ReturnType<typeof parse>['values'];

function parse(args: string[]) {
  return parseArgs({ args, options, allowPositionals: true });
}

/**
 * Translates a command line.
 * @returns undefined where it asks for help
 * @throws UsageError
 */
export function parseArguments(args: string[]): CliRequest | undefined {
  const [name = 'help', ...rest] = args;
  if (['help', '--help', '-h'].includes(name)) return undefined;
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(rest);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const translate = Object.hasOwn(translations, name) ? translations[name] : undefined;
  if (translate === undefined) throw new UsageError(`There is no command ${name}.`);
  const words = new Words(name, parsed.positionals);
  const request = translate(words, parsed.values);
  words.end();
  return request;
}

/** The words after a command, each of which has a meaning of its own. */
class Words {
  readonly #command: string;
  readonly #words: string[];

  constructor(name: string, words: string[]) {
    this.#command = name;
    this.#words = words;
  }

  take(meaning: string): string {
    const word = this.#words.shift();
    if (word === undefined) throw new UsageError(`${this.#command} needs ${meaning}.`);
    return word;
  }

  optional(): string | undefined {
    return this.#words.shift();
  }

  /** A word that nobody took is a mistake, not something to pass over. */
  end(): void {
    const [word] = this.#words;
    if (word !== undefined) throw new UsageError(`${this.#command} cannot use ${word}.`);
  }
}

type Translation = (words: Words, values: Values) => CliRequest;

/** A command of the control API: what is not given is left out of the body. */
function command(name: string, body: Record<string, unknown>): CliRequest {
  const given = Object.entries(body).filter(([, value]) => value !== undefined);
  return { method: 'POST', path: `/simulator/${name}`, body: Object.fromEntries(given) };
}

const onPerson =
  (name: string): Translation =>
  (words, values) =>
    command(name, { person: words.take('a person'), directory: values.directory });

const onEdge =
  (name: string): Translation =>
  (words, values) =>
    command(name, {
      person: words.take('a person'),
      group: words.take('a group'),
      directory: values.directory,
    });

const translations: Record<string, Translation> = {
  join: (words, values) =>
    command('join', {
      ...attributes(values),
      directory: needed(values.directory, 'join', '--directory'),
      handle: values.handle ?? words.optional(),
      groups: values.group,
    }),
  update: (words, values) =>
    command('update', {
      person: words.take('a person'),
      directory: values.directory,
      ...attributes(values),
    }),
  leave: (words, values) =>
    command('leave', {
      person: words.take('a person'),
      directory: values.directory,
      inactiveUsers: values['inactive-users'],
      edges: values.edges,
      stateInEvent: values['state-in-event'],
    }),
  return: onPerson('return'),
  suspend: onPerson('suspend'),
  recreate: onPerson('recreate'),
  forget: onPerson('forget'),
  'add-to-group': onEdge('add-to-group'),
  'remove-from-group': onEdge('remove-from-group'),
  session: (words, values) =>
    command('create-session', {
      person: words.take('a person'),
      directory: values.directory,
      count: number(values.count, '--count'),
    }),
  invite: (words, values) =>
    command('invite', { email: words.take('an e-mail'), organization: values.organization }),
  'create-user-api-key': onPerson('create-user-api-key'),
  'create-organization': (words, values) =>
    command('create-organization', {
      name: words.take('a name'),
      handle: values.handle,
      domains: values.domain,
    }),
  'create-directory': (words, values) =>
    command('create-directory', {
      name: words.take('a name'),
      organization: needed(values.organization, 'create-directory', '--organization'),
      type: values.type,
      handle: values.handle,
      inactiveUsers: values['inactive-users'],
    }),
  'create-group': (words, values) =>
    command('create-group', {
      name: words.take('a name'),
      directory: needed(values.directory, 'create-group', '--directory'),
    }),
  'rename-group': (words, values) =>
    command('rename-group', {
      group: words.take('a group'),
      name: words.take('a new name'),
      directory: values.directory,
    }),
  'delete-group': (words, values) =>
    command('delete-group', { group: words.take('a group'), directory: values.directory }),
  'directory-state': (words) =>
    command('directory-state', {
      directory: words.take('a directory'),
      state: words.take('a state'),
    }),
  'delete-directory': (words) =>
    command('delete-directory', { directory: words.take('a directory') }),
  'move-directory': (words, values) =>
    command('move-directory', {
      directory: words.take('a directory'),
      organization: needed(values.organization, 'move-directory', '--organization'),
    }),
  'delete-organization': (words) =>
    command('delete-organization', { organization: words.take('an organization') }),
  fault: (words, values) => {
    const kind = words.take('a kind, or off');
    if (kind === 'off') return { method: 'DELETE', path: '/simulator/faults/delivery' };
    return command('faults/delivery', {
      kind,
      on: words.take('on or off') === 'on',
      ms: number(values.ms, '--ms'),
      times: number(values.times, '--times'),
      events: values.event,
    });
  },
  'api-fault': (words, values) => {
    const path = words.take('a path, or off');
    if (path === 'off') return { method: 'DELETE', path: '/simulator/faults/api' };
    return command('faults/api', {
      path,
      status: number(values.status, '--status'),
      statusAfter: number(values['status-after'], '--status-after'),
      delayMs: number(values.ms, '--ms'),
      times: number(values.times, '--times'),
      malformed: values.malformed,
      hang: values.hang,
    });
  },
  replay: (words, values) =>
    command('replay', { eventId: words.optional(), event: values.event?.[0] }),
  settings: (_words, values) => {
    const perSecond = values['directory-users-per-second'];
    const body = command('settings', {
      visibilityDelayMs: number(values['visibility-delay-ms'], '--visibility-delay-ms'),
      directoryUsersPerSecond:
        perSecond === 'off' ? null : number(perSecond, '--directory-users-per-second'),
      inactiveUsers: values['inactive-users'],
      ssoIdpIds: values['sso-idp-ids'],
    });
    return { ...body, method: 'PUT' };
  },
  list: () => ({ method: 'GET', path: '/simulator/world' }),
  deliveries: () => ({ method: 'GET', path: '/simulator/deliveries' }),
  scenario: (words) => command('scenario', { name: words.take('a name') }),
};

function attributes(values: Values): Record<string, unknown> {
  const custom = (values.attribute ?? []).map((text) => {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`--attribute takes KEY=VALUE, not ${text}.`);
    return [text.slice(0, at), text.slice(at + 1) || null] as const;
  });
  return {
    email: values.email,
    name: values.name,
    managerEmail: values.manager,
    departmentName: values.department,
    jobTitle: values['job-title'],
    username: values.username,
    // `--role ''` takes the roles away.
    roles: values.role?.filter((slug) => slug !== ''),
    state: values.state,
    customAttributes: custom.length === 0 ? undefined : Object.fromEntries(custom),
  };
}

function needed(value: string | undefined, name: string, option: string): string {
  if (value === undefined) throw new UsageError(`${name} needs ${option}.`);
  return value;
}

function number(value: string | undefined, option: string): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  throw new UsageError(`${option} takes a number, not ${value}.`);
}
