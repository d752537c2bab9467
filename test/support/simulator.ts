import { WorkOS } from '@workos-inc/node';

import { createSession, ensureAccount, ensureMembership } from '../../local/simulator/accounts.ts';
import {
  changeDirectoryState,
  createDirectory,
  createGroup,
  createOrganization,
  deleteDirectory,
} from '../../local/simulator/directories.ts';
import {
  findDirectory,
  findGroup,
  findOrganization,
  findPerson,
} from '../../local/simulator/lookup.ts';
import * as people from '../../local/simulator/people.ts';
import { startSimulatorServer } from '../../local/simulator/server.ts';
import type { Simulator } from '../../local/simulator/server.ts';
import type { Settings } from '../../local/simulator/settings.ts';
import type {
  Directory,
  DirectoryState,
  Group,
  InactiveUsers,
  Organization,
  Person,
  Session,
  WireEvent,
} from '../../local/simulator/state.ts';

/** How a test wants its simulator. */
export interface TestSimulatorOptions {
  /** Where webhooks go; absent: none are sent. */
  webhookUrl?: string;
  secret?: string;
  apiKey?: string;
  inactiveUsers?: InactiveUsers;
  /** Tries of one event and the wait before the second; by default 6 and 20 ms. */
  tries?: number;
  backoffMs?: number;
  timeoutMs?: number;
  concurrency?: number;
  statePath?: string;
  now?: () => number;
  settings?: Partial<Settings>;
}

/** An organization with one directory: what most tests begin with. */
export interface TestTenant {
  organization: Organization;
  directory: Directory;
}

/** A simulator in this process, with helpers that change its world directly. People are named by handle, e-mail or id. */
export interface TestSimulator extends Simulator {
  readonly apiKey: string;
  readonly secret: string;
  /** The unmodified SDK, pointed here, without its repeats. */
  readonly workos: WorkOS;
  /** Every event so far, as sent. */
  events(): WireEvent[];
  tenant(input?: { name?: string; type?: string; inactiveUsers?: InactiveUsers }): TestTenant;
  organization(name: string): Organization;
  directory(input: {
    organizationId: string | null;
    name?: string;
    type?: string;
    inactiveUsers?: InactiveUsers;
    keepsDeletedUsers?: boolean;
  }): Directory;
  group(directory: string, name: string): Group;
  join(directory: string, input: people.NewPerson): Person;
  update(person: string, input: people.PersonAttributes): Person;
  leave(person: string, options?: people.LeaveOptions): Person;
  return(person: string): Person;
  suspend(person: string): Person;
  recreate(person: string, silent?: boolean): Person;
  addToGroup(person: string, group: string): boolean;
  removeFromGroup(person: string, group: string): boolean;
  directoryState(directory: string, state: DirectoryState): void;
  deleteDirectory(directory: string): void;
  /** An active AuthKit session of a person in their organization. */
  session(person: string): Session;
}

/** Starts a simulator for a test. Close it when done. */
export async function startSimulator(options: TestSimulatorOptions = {}): Promise<TestSimulator> {
  const {
    webhookUrl,
    secret = 'test-webhook-secret',
    apiKey = 'sk_test_simulator',
    ...rest
  } = options;
  const { tries = 6, backoffMs = 20, timeoutMs = 5000, concurrency = 8, ...server } = rest;
  const simulator = await startSimulatorServer({
    ...server,
    apiKey,
    delivery: { url: webhookUrl ?? null, secret, tries, backoffMs, timeoutMs, concurrency },
  });
  const { world, port } = simulator;
  const { state } = world;
  const find = (reference: string): Person => findPerson(state, reference);
  const change = (reference: string, action: (person: Person) => void): Person => {
    const person = find(reference);
    action(person);
    return person;
  };
  return {
    ...simulator,
    apiKey,
    secret,
    workos: new WorkOS(apiKey, { apiHostname: '127.0.0.1', port, https: false, maxRetries: 0 }),
    events: () => state.events.map(({ wire }) => wire),
    tenant({ name = 'Acme', type = 'okta scim v2.0', inactiveUsers } = {}) {
      const organization = createOrganization(world, { name });
      const directory = createDirectory(world, {
        name: `${name} ${type}`,
        type,
        organizationId: organization.id,
        inactiveUsers,
      });
      return { organization, directory };
    },
    organization: (name) => createOrganization(world, { name }),
    directory: ({ name = 'Directory', type = 'okta scim v2.0', ...input }) =>
      createDirectory(world, { name, type, ...input }),
    group: (directory, name) => createGroup(world, findDirectory(state, directory), { name }),
    join: (directory, input) => people.join(world, findDirectory(state, directory), input),
    update: (reference, input) => change(reference, (item) => people.update(world, item, input)),
    leave: (reference, how) => change(reference, (item) => people.leave(world, item, how)),
    return: (reference) => change(reference, (item) => people.returnPerson(world, item)),
    suspend: (reference) =>
      change(reference, (item) => people.update(world, item, { state: 'suspended' })),
    recreate: (reference, silent) =>
      change(reference, (item) => people.recreate(world, item, silent)),
    addToGroup(reference, group) {
      const person = find(reference);
      return people.addToGroup(world, person, findGroup(state, group, person.directoryId));
    },
    removeFromGroup(reference, group) {
      const person = find(reference);
      return people.removeFromGroup(world, person, findGroup(state, group, person.directoryId));
    },
    directoryState: (directory, to) =>
      changeDirectoryState(world, findDirectory(state, directory), to),
    deleteDirectory: (directory) => deleteDirectory(world, findDirectory(state, directory)),
    session(reference) {
      const { user } = find(reference);
      const account = ensureAccount(world, { email: user.email ?? `${user.id}@example.com` });
      if (user.organizationId !== null) {
        ensureMembership(world, account, findOrganization(state, user.organizationId));
      }
      return createSession(world, account, user.organizationId);
    },
  };
}
