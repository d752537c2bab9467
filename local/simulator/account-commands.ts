import { z } from 'zod';

import { createSession, ensureAccount, ensureMembership } from './accounts.ts';
import { command } from './command.ts';
import type { Command } from './command.ts';
import { createInvitation, createUserApiKey } from './credentials.ts';
import { findOrganization, findPerson } from './lookup.ts';
import type { Account, Person } from './state.ts';
import { SimulatorError } from './world.ts';
import type { World } from './world.ts';

const who = { person: z.string(), directory: z.string().optional() };

/** What can be told to WorkOS user management (AuthKit), by the name of the command. */
export const accountCommands: Record<string, Command> = {
  'create-session': command(
    z.strictObject({ ...who, count: z.int().min(1).max(1000).default(1) }),
    (world, { person, directory, count }) =>
      logIn(world, findPerson(world.state, person, directory), count),
  ),
  'create-user-api-key': command(
    z.strictObject({ ...who, name: z.string().default('key') }),
    (world, { person, directory, name }) => {
      const { handle, user } = findPerson(world.state, person, directory);
      if (user.organizationId === null) {
        throw new SimulatorError(409, `${handle} has no organization for a key.`);
      }
      const account = accountOf(world, { handle, user });
      return createUserApiKey(world, account, { organizationId: user.organizationId, name });
    },
  ),
  invite: command(
    z.strictObject({ email: z.string(), organization: z.string().nullable().default(null) }),
    (world, { email, organization }) =>
      createInvitation(world, {
        email,
        organizationId:
          organization === null ? null : findOrganization(world.state, organization).id,
      }),
  ),
};

/** An AuthKit login of a person: user and membership are made where they are missing. */
function logIn(world: World, person: Person, count: number): unknown {
  const { organizationId } = person.user;
  const account = accountOf(world, person);
  const sessions = Array.from({ length: count }, () =>
    createSession(world, account, organizationId),
  );
  return { userId: account.id, sessionIds: sessions.map(({ id }) => id) };
}

function accountOf(world: World, { handle, user }: Pick<Person, 'handle' | 'user'>): Account {
  if (user.email === null) throw new SimulatorError(409, `${handle} has no e-mail to log in with.`);
  const account = ensureAccount(world, {
    email: user.email,
    firstName: user.firstName,
    lastName: user.lastName,
  });
  if (user.organizationId !== null) {
    ensureMembership(world, account, findOrganization(world.state, user.organizationId));
  }
  return account;
}
