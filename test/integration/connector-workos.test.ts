import { createServer } from 'node:http';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { createAuthkitSource } from '../../connectors/workos/authkit.ts';
import { reactivateMemberships } from '../../connectors/workos/reactivate.ts';
import type { CredentialSource } from '../../connectors/credential-source.ts';
import type { HostMembership } from '../../connectors/host-application.ts';
import type { Membership } from '../../domain/membership.ts';
import {
  createSession,
  ensureAccount,
  ensureMembership,
  setMembershipStatus,
  updateAccount,
} from '../../local/simulator/accounts.ts';
import { createInvitation, createUserApiKey } from '../../local/simulator/credentials.ts';
import type { ApiFault } from '../../local/simulator/settings.ts';
import type { Account, Organization, Person } from '../../local/simulator/state.ts';
import { OutgoingFailed } from '../../platform/outgoing/outgoing-failed.ts';
import { createAccounts, type Accounts } from '../../platform/workos/accounts.ts';
import { forgetPerson } from '../../transitions/erasure/forget-person.ts';
import { refuseReactivation } from '../../transitions/membership/refuse-reactivation.ts';
import { drive, membershipOf } from '../support/by-hand.ts';
import type { TestSimulator, TestTenant } from '../support/simulator.ts';
import { emptyStore } from '../support/empty-store.ts';
import { startForTest } from '../support/simulator-in-test.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;
let simulator: TestSimulator;
let acme: TestTenant;
let accounts: Accounts;
let source: CredentialSource;
let told: number;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

beforeEach(async () => {
  simulator = await startForTest();
  acme = simulator.tenant();
  accounts = createAccounts({ apiKey: simulator.apiKey, apiUrl: simulator.url, timeoutMs: 500 });
  source = createAuthkitSource({
    kind: 'authkit',
    accounts,
    store: tenure.store,
    organizations: {},
  });
  told = 0;
});

afterEach(async () => emptyStore(tenure.store));

afterAll(async () => tenure.close());

/** Tells Tenure what was announced since the last time. */
async function tell(): Promise<void> {
  const events = simulator.events();
  for (const event of events.slice(told)) await tenure.take(event);
  told = events.length;
}

/** Somebody of a directory, let in by Tenure. */
async function letIn(email: string, directory = acme.directory.id): Promise<Person> {
  const person = simulator.join(directory, { email, firstName: email.split('@')[0] ?? '' });
  await tell();
  await settle(person);
  return person;
}

async function settle(person: Person): Promise<Membership> {
  const { _id } = await membershipOf(tenure, person.user.id);
  await drive(tenure, _id);
  return membershipOf(tenure, person.user.id);
}

/** Somebody leaves; what the lifecycle would revoke with. */
async function leaves(person: Person, last = true): Promise<HostMembership> {
  simulator.leave(person.user.id);
  await tell();
  return hostMembership(person, last);
}

async function hostMembership(person: Person, last = true): Promise<HostMembership> {
  const { _id, userId, organizationId } = await membershipOf(tenure, person.user.id);
  return { membershipId: _id, userId, organizationId, last };
}

function accountOf(email: string, organization: Organization = acme.organization): Account {
  const account = ensureAccount(simulator.world, { email });
  ensureMembership(simulator.world, account, organization);
  return account;
}

function logIn(account: Account, organizationId: string | null = acme.organization.id): string {
  return createSession(simulator.world, account, organizationId).id;
}

function sessions(): Record<string, string> {
  return Object.fromEntries(simulator.world.state.sessions.map(({ id, status }) => [id, status]));
}

function statusAt(account: Account, organization = acme.organization): string | undefined {
  return simulator.world.state.memberships.find(
    ({ userId, organizationId }) => userId === account.id && organizationId === organization.id,
  )?.status;
}

async function revoke(
  membership: HostMembership,
): Promise<{ found: number; revoked: number; left: number }> {
  const call = await source.revoke(membership, 1, () => undefined);
  return { ...call, left: await source.count(membership) };
}

/** One call of `revoke`, where `count` has no number. */
async function end(membership: HostMembership): Promise<{ found: number; revoked: number }> {
  return source.revoke(membership, 1, () => undefined);
}

const unclear = { name: 'AccountUnclear', code: 'accountUnclear' };
const forbidden = { name: 'ApiKeysForbidden', code: 'apiKeysForbidden' };

function fault(input: Omit<ApiFault, 'id'>): void {
  simulator.settings.apiFaults.push({ id: 'fault', ...input });
}

async function reactivate(by = accounts): Promise<boolean> {
  const { store } = tenure;
  return reactivateMemberships(store, by, async (id, ms) => refuseReactivation(store, id, ms));
}

describe('the account of a leaver at WorkOS user management', () => {
  it('loses sessions, keys, membership and invitations of the organization', async () => {
    const ada = await letIn('ada@acme.test');
    const account = accountOf('Ada@acme.test');
    const ids = [logIn(account), logIn(account)];
    const { world } = simulator;
    createUserApiKey(world, account, { organizationId: acme.organization.id, name: 'ci' });
    createInvitation(world, { email: 'ADA@acme.test', organizationId: acme.organization.id });
    const leaver = await leaves(ada);
    expect(await source.count(leaver)).toBe(5);
    const call = await source.revoke(leaver, 1, () => undefined);
    expect(call.found).toBe(5);
    expect(call.revoked).toBeGreaterThanOrEqual(3);
    expect(await source.count(leaver)).toBe(0);
    expect(sessions()).toEqual({ [ids[0] ?? '']: 'revoked', [ids[1] ?? '']: 'revoked' });
    expect(statusAt(account)).toBe('inactive');
    expect(world.state.userApiKeys).toEqual([]);
    expect(world.state.invitations.map(({ state }) => state)).toEqual(['revoked']);
    expect(world.state.accounts).toHaveLength(1);
  });

  it('is the one with the external id of the user, whatever its address', async () => {
    const ada = await letIn('ada@acme.test');
    const { userId } = await membershipOf(tenure, ada.user.id);
    const account = accountOf('private@elsewhere.test');
    updateAccount(simulator.world, account, { external_id: userId });
    const id = logIn(account);
    expect(await revoke(await leaves(ada))).toMatchObject({ left: 0 });
    expect(sessions()).toEqual({ [id]: 'revoked' });
  });

  it('is also one that was made under an address of before', async () => {
    const ada = await letIn('ada.maiden@acme.test');
    const [before, after] = [accountOf('ada.maiden@acme.test'), accountOf('ada.wed@acme.test')];
    const ids = [logIn(before), logIn(after)];
    simulator.update(ada.user.id, { email: 'ada.wed@acme.test' });
    await tell();
    await settle(ada);
    expect(await revoke(await leaves(ada))).toMatchObject({ left: 0 });
    expect(ids.map((id) => sessions()[id])).toEqual(['revoked', 'revoked']);
  });

  it('is nobody who is no member of the organization', async () => {
    const ada = await letIn('ada@acme.test');
    const account = ensureAccount(simulator.world, { email: 'ada@acme.test' });
    const id = logIn(account, null);
    expect(await revoke(await leaves(ada))).toEqual({ found: 0, revoked: 0, left: 0 });
    expect(sessions()).toEqual({ [id]: 'active' });
  });

  it.each(['session', 'key'] as const)(
    'is also one whose membership is gone at WorkOS, with a %s of the organization',
    async (trace) => {
      const ada = await letIn('ada@acme.test');
      const { world } = simulator;
      const account = ensureAccount(world, { email: 'ada@acme.test' });
      const nowhere = logIn(account, null);
      const here = trace === 'session' ? logIn(account) : null;
      const { organization } = acme;
      if (trace === 'key')
        createUserApiKey(world, account, { organizationId: organization.id, name: 'ci' });
      expect(await revoke(await leaves(ada))).toEqual({ found: 2, revoked: 2, left: 0 });
      const ended = [nowhere, ...(here === null ? [] : [here])];
      expect(sessions()).toEqual(Object.fromEntries(ended.map((id) => [id, 'revoked'])));
      expect(world.state.userApiKeys).toEqual([]);
    },
  );

  it('is known by its session of the organization until nothing else is left, whatever WorkOS refuses meanwhile', async () => {
    const ada = await letIn('ada@acme.test');
    const account = ensureAccount(simulator.world, { email: 'ada@acme.test' });
    const [here, nowhere] = [logIn(account), logIn(account, null)];
    const leaver = await leaves(ada);
    const refused = new OutgoingFailed('refused', { status: 500, retryAfterMs: null });
    const refusing = createAuthkitSource({
      kind: 'authkit',
      store: tenure.store,
      organizations: {},
      accounts: {
        ...accounts,
        async revokeSession(id) {
          if (id === nowhere) throw refused;
          return accounts.revokeSession(id);
        },
      },
    });
    await expect(refusing.revoke(leaver, 1, () => undefined)).rejects.toBe(refused);
    expect(await source.count(leaver)).toBe(2);
    expect(await revoke(leaver)).toEqual({ found: 2, revoked: 2, left: 0 });
    expect(sessions()).toEqual({ [here]: 'revoked', [nowhere]: 'revoked' });
  });

  it('is not looked for by what is no address', async () => {
    const person = simulator.join(acme.directory.id, { email: 'no address', firstName: 'Ada' });
    await tell();
    await settle(person);
    fault({ path: '/user_management/users', status: 422 });
    expect(await revoke(await leaves(person))).toEqual({ found: 0, revoked: 0, left: 0 });
  });

  it('is nobody where WorkOS knows none', async () => {
    const ada = await letIn('ada@acme.test');
    expect(await revoke(await leaves(ada))).toEqual({ found: 0, revoked: 0, left: 0 });
  });

  it('keeps what it has in another organization while the person is still in there', async () => {
    const other = simulator.tenant({ name: 'Other' });
    const ada = await letIn('ada@acme.test');
    const account = accountOf('ada@acme.test');
    ensureMembership(simulator.world, account, other.organization);
    const [here, there, nowhere] = [
      logIn(account),
      logIn(account, other.organization.id),
      logIn(account, null),
    ];
    createUserApiKey(simulator.world, account, {
      organizationId: other.organization.id,
      name: 'ci',
    });
    expect(await revoke(await leaves(ada, false))).toMatchObject({ left: 0 });
    expect(sessions()).toEqual({ [here]: 'revoked', [there]: 'active', [nowhere]: 'revoked' });
    expect(statusAt(account, other.organization)).toBe('active');
    expect(simulator.world.state.userApiKeys).toHaveLength(1);
  });

  it('loses every session with the last membership, and only the one organization', async () => {
    const other = simulator.organization('Other');
    const ada = await letIn('ada@acme.test');
    const account = accountOf('ada@acme.test');
    ensureMembership(simulator.world, account, other);
    const [here, there] = [logIn(account), logIn(account, other.id)];
    expect(await revoke(await leaves(ada, true))).toMatchObject({ left: 0 });
    expect(sessions()).toEqual({ [here]: 'revoked', [there]: 'revoked' });
    expect(statusAt(account, other)).toBe('active');
  });

  it('keeps the sessions elsewhere of the same human, who is another user there', async () => {
    const other = simulator.tenant({ name: 'Other' });
    const ada = await letIn('ada@acme.test');
    await letIn('ada@acme.test', other.directory.id);
    const account = accountOf('ada@acme.test');
    ensureMembership(simulator.world, account, other.organization);
    const [here, there] = [logIn(account), logIn(account, other.organization.id)];
    expect(await revoke(await leaves(ada, true))).toMatchObject({ left: 0 });
    expect(sessions()).toEqual({ [here]: 'revoked', [there]: 'active' });
  });

  it('deletes a pending membership, which WorkOS does not deactivate', async () => {
    const ada = await letIn('ada@acme.test');
    const account = accountOf('ada@acme.test');
    for (const membership of simulator.world.state.memberships) membership.status = 'pending';
    expect(await revoke(await leaves(ada))).toEqual({ found: 1, revoked: 1, left: 0 });
    expect(statusAt(account)).toBeUndefined();
  });

  it('is known by a pending membership until nothing else is left, whatever WorkOS refuses meanwhile', async () => {
    const ada = await letIn('ada@acme.test');
    const account = accountOf('ada@acme.test');
    const id = logIn(account);
    const { world } = simulator;
    for (const membership of world.state.memberships) membership.status = 'pending';
    createInvitation(world, { email: 'ada@acme.test', organizationId: acme.organization.id });
    const leaver = await leaves(ada);
    fault({ path: '/user_management/sessions/revoke', status: 500, times: 1 });
    await expect(source.revoke(leaver, 1, () => undefined)).rejects.toMatchObject({ status: 500 });
    expect(statusAt(account)).toBe('pending');
    expect(await revoke(leaver)).toMatchObject({ revoked: 1, left: 2 });
    expect(sessions()).toEqual({ [id]: 'revoked' });
    expect(await revoke(leaver)).toEqual({ found: 2, revoked: 2, left: 0 });
    expect(statusAt(account)).toBeUndefined();
  });
});

describe('an address that somebody else has now', () => {
  /** Ada left and her address went to somebody who is in, before her sessions were looked for. */
  async function recycled(): Promise<{ leaver: HostMembership; newcomer: Person }> {
    const ada = await letIn('ada@acme.test');
    const leaver = await leaves(ada);
    const newcomer = await letIn('ada@acme.test');
    expect(await membershipOf(tenure, newcomer.user.id)).not.toMatchObject({
      userId: leaver.userId,
    });
    return { leaver, newcomer };
  }

  it('ends nobody and is not called done', async () => {
    const { leaver } = await recycled();
    const id = logIn(accountOf('ada@acme.test'));
    expect(await end(leaver)).toEqual({ found: 0, revoked: 0 });
    await expect(source.count(leaver)).rejects.toMatchObject(unclear);
    expect(sessions()).toEqual({ [id]: 'active' });
  });

  it('is settled by the external id, for the newcomer and for the leaver', async () => {
    const { leaver, newcomer } = await recycled();
    const account = accountOf('ada@acme.test');
    const id = logIn(account);
    const { userId } = await membershipOf(tenure, newcomer.user.id);
    updateAccount(simulator.world, account, { external_id: userId });
    expect(await revoke(leaver)).toEqual({ found: 0, revoked: 0, left: 0 });
    expect(sessions()).toEqual({ [id]: 'active' });
    updateAccount(simulator.world, account, { external_id: leaver.userId });
    expect(await revoke(leaver)).toMatchObject({ found: 2, left: 0 });
    expect(sessions()).toEqual({ [id]: 'revoked' });
  });

  it('is settled by an external id that the host application gave the newcomer', async () => {
    const { leaver, newcomer } = await recycled();
    const account = accountOf('ada@acme.test');
    const id = logIn(account);
    const { userId } = await membershipOf(tenure, newcomer.user.id);
    const { users } = tenure.store.collections;
    await users.updateOne({ _id: userId }, { $set: { hostUserId: 'host-4711' } });
    updateAccount(simulator.world, account, { external_id: 'host-4711' });
    expect(await revoke(leaver)).toEqual({ found: 0, revoked: 0, left: 0 });
    expect(sessions()).toEqual({ [id]: 'active' });
  });

  it('is nobody any more whose account lets nobody in', async () => {
    const { leaver } = await recycled();
    const account = accountOf('ada@acme.test');
    logIn(account);
    await expect(source.count(leaver)).rejects.toMatchObject(unclear);
    for (const membership of simulator.world.state.memberships) {
      setMembershipStatus(simulator.world, membership, 'inactive');
    }
    expect(await revoke(leaver)).toEqual({ found: 0, revoked: 0, left: 0 });
  });

  it('revokes no invitation of the newcomer', async () => {
    const { leaver } = await recycled();
    createInvitation(simulator.world, {
      email: 'ada@acme.test',
      organizationId: acme.organization.id,
    });
    expect(await revoke(leaver)).toEqual({ found: 0, revoked: 0, left: 0 });
    expect(simulator.world.state.invitations.map(({ state }) => state)).toEqual(['pending']);
  });
});

describe('a former address that somebody else has now', () => {
  /** Ada was ada@, is ada.wed@ now, and ada@ went to a newcomer who is in. Then Ada leaves. */
  async function handedOn(): Promise<{
    leaves: () => Promise<HostMembership>;
    ada: Person;
    newcomer: Person;
    givenUpMs: number;
  }> {
    const ada = await letIn('ada@acme.test');
    simulator.update(ada.user.id, { email: 'ada.wed@acme.test' });
    await tell();
    await settle(ada);
    const givenUpMs = Date.now();
    const newcomer = await letIn('ada@acme.test');
    return { leaves: async () => leaves(ada), ada, newcomer, givenUpMs };
  }

  /** An account there that was made at that time, epoch milliseconds. */
  function accountMadeAt(ms: number, email = 'ada@acme.test'): Account {
    const account = accountOf(email);
    account.createdAt = new Date(ms).toISOString();
    return account;
  }

  const hour = 3_600_000;

  it('is not called done, and ends nobody there; what is hers alone ends', async () => {
    const { leaves: adaLeaves, givenUpMs } = await handedOn();
    const old = logIn(accountMadeAt(givenUpMs - hour));
    const own = logIn(accountOf('ada.wed@acme.test'));
    const leaver = await adaLeaves();
    await end(leaver);
    await expect(source.count(leaver)).rejects.toMatchObject(unclear);
    expect(sessions()).toEqual({ [old]: 'active', [own]: 'revoked' });
  });

  it('is unclear also where only a session or a key of the organization is left there', async () => {
    const { leaves: adaLeaves, givenUpMs } = await handedOn();
    const account = ensureAccount(simulator.world, { email: 'ada@acme.test' });
    account.createdAt = new Date(givenUpMs - hour).toISOString();
    const leaver = await adaLeaves();
    expect(await source.count(leaver)).toBe(0);
    const organizationId = acme.organization.id;
    const id = logIn(account);
    await expect(source.count(leaver)).rejects.toMatchObject(unclear);
    for (const session of simulator.world.state.sessions) session.status = 'expired';
    expect(sessions()).toEqual({ [id]: 'expired' });
    expect(await source.count(leaver)).toBe(0);
    createUserApiKey(simulator.world, account, { organizationId, name: 'ci' });
    await expect(source.count(leaver)).rejects.toMatchObject(unclear);
  });

  it('is settled where the account was made after the newcomer had the address', async () => {
    const { leaves: adaLeaves } = await handedOn();
    const id = logIn(accountMadeAt(Date.now() + hour));
    expect(await revoke(await adaLeaves())).toEqual({ found: 0, revoked: 0, left: 0 });
    expect(sessions()).toEqual({ [id]: 'active' });
  });

  it('is unclear, whenever the account was made, where it was hers again when she left', async () => {
    const ada = await letIn('ada@acme.test');
    for (const email of ['ada.wed@acme.test', 'ada@acme.test']) {
      simulator.update(ada.user.id, { email });
      await tell();
      await settle(ada);
    }
    const leaver = await leaves(ada);
    await letIn('ada@acme.test');
    logIn(accountMadeAt(Date.now() + hour));
    await expect(source.count(leaver)).rejects.toMatchObject(unclear);
  });

  it('is unclear where clocks may differ by as much, and where WorkOS does not say when', async () => {
    const { leaves: adaLeaves } = await handedOn();
    const account = accountMadeAt(Date.now() + 60_000);
    logIn(account);
    const leaver = await adaLeaves();
    await expect(source.count(leaver)).rejects.toMatchObject(unclear);
    account.createdAt = 'some day';
    await expect(source.count(leaver)).rejects.toMatchObject(unclear);
  });

  it('is unclear where the account was made when nobody had the address', async () => {
    const { leaves: adaLeaves, ada, newcomer, givenUpMs } = await handedOn();
    const { userId } = await membershipOf(tenure, ada.user.id);
    const other = await membershipOf(tenure, newcomer.user.id);
    const { users } = tenure.store.collections;
    const until = new Date(givenUpMs - 2 * hour);
    await users.updateOne({ _id: userId }, { $set: { 'emailHistory.0.until': until } });
    const id = logIn(accountMadeAt(givenUpMs - hour));
    const leaver = await adaLeaves();
    await expect(source.count(leaver)).rejects.toMatchObject(unclear);
    await users.updateOne({ _id: other.userId }, { $set: { createdAt: until } });
    expect(await source.count(leaver)).toBe(0);
    expect(sessions()).toEqual({ [id]: 'active' });
    // The newcomer has had another one until now, and the time of that address says nothing about this one.
    const history = [{ email: 'new@acme.test', until: new Date(givenUpMs) }];
    await users.updateOne({ _id: other.userId }, { $set: { emailHistory: history } });
    await expect(source.count(leaver)).rejects.toMatchObject(unclear);
  });

  it('is settled by the external id, for the newcomer and for the leaver', async () => {
    const { leaves: adaLeaves, ada, newcomer, givenUpMs } = await handedOn();
    const account = accountMadeAt(givenUpMs - hour);
    const id = logIn(account);
    const leaver = await adaLeaves();
    const idOf = async (person: Person): Promise<string> =>
      (await membershipOf(tenure, person.user.id)).userId;
    updateAccount(simulator.world, account, { external_id: await idOf(newcomer) });
    expect(await revoke(leaver)).toEqual({ found: 0, revoked: 0, left: 0 });
    expect(sessions()).toEqual({ [id]: 'active' });
    updateAccount(simulator.world, account, { external_id: await idOf(ada) });
    expect(await revoke(leaver)).toMatchObject({ found: 2, left: 0 });
    expect(sessions()).toEqual({ [id]: 'revoked' });
  });

  it('is the leaver’s again once the newcomer is out, whenever the account was made', async () => {
    const { leaves: adaLeaves, newcomer } = await handedOn();
    const id = logIn(accountMadeAt(Date.now() + hour));
    await leaves(newcomer);
    expect(await revoke(await adaLeaves())).toMatchObject({ left: 0 });
    expect(sessions()).toEqual({ [id]: 'revoked' });
  });
});

describe('WorkOS that does not answer as it should', () => {
  async function aLeaver(): Promise<{ leaver: HostMembership; session: string }> {
    const ada = await letIn('ada@acme.test');
    const session = logIn(accountOf('ada@acme.test'));
    return { leaver: await leaves(ada), session };
  }

  it('is asked again after the pause that a 429 asks for', async () => {
    const { leaver, session } = await aLeaver();
    fault({ path: '/user_management/*', status: 429, retryAfter: 1, times: 1 });
    const began = performance.now();
    expect(await revoke(leaver)).toMatchObject({ left: 0 });
    expect(performance.now() - began).toBeGreaterThanOrEqual(1000);
    expect(sessions()).toEqual({ [session]: 'revoked' });
  });

  it('is left to whoever repeats the whole where the pause is long', async () => {
    const { leaver } = await aLeaver();
    fault({ path: '/user_management/*', status: 429, retryAfter: 40 });
    await expect(source.revoke(leaver, 1, () => undefined)).rejects.toMatchObject({
      name: 'OutgoingFailed',
      code: 'refused',
      status: 429,
      retryAfterMs: 40_000,
    });
  });

  it.each([
    ['is refused', { status: 500 }, 'refused'],
    ['hangs', { hang: true }, 'timeout'],
    ['answers half a page', { malformed: true }, 'notJson'],
  ])('counts nothing as gone where a listing of sessions %s', async (_name, how, code) => {
    const { leaver, session } = await aLeaver();
    const account = simulator.world.state.accounts[0]?.id ?? '';
    fault({ path: `/user_management/users/${account}/sessions`, ...how });
    await expect(source.count(leaver)).rejects.toMatchObject({ name: 'OutgoingFailed', code });
    expect(sessions()).toEqual({ [session]: 'active' });
  });

  it.each([
    ['has no place for a next page', { data: [] }],
    ['has an entry without an id', { data: [{}], list_metadata: { after: null } }],
    ['does not move on', { data: [{ id: 'a', email: 'b' }], list_metadata: { after: 'a' } }],
  ])('is not believed where a list %s', async (_name, body) => {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const odd = createAccounts({
      apiKey: 'sk',
      apiUrl: `http://127.0.0.1:${port}`,
      timeoutMs: 5000,
    });
    try {
      await expect(odd.byEmail('ada@acme.test')).rejects.toMatchObject({ code: 'notJson' });
    } finally {
      server.close();
    }
  });

  it('has done it and says that it has not: the next call finds it done', async () => {
    const { leaver, session } = await aLeaver();
    fault({ path: '/user_management/organization_memberships/*', statusAfter: 502, times: 1 });
    await expect(source.revoke(leaver, 1, () => undefined)).rejects.toMatchObject({ status: 502 });
    expect(await revoke(leaver)).toMatchObject({ found: 0, left: 0 });
    expect(sessions()).toEqual({ [session]: 'revoked' });
  });

  it('has no API keys of users: that is none', async () => {
    const { leaver } = await aLeaver();
    const account = simulator.world.state.accounts[0]?.id ?? '';
    fault({ path: `/user_management/users/${account}/api_keys`, status: 404 });
    expect(await revoke(leaver)).toMatchObject({ left: 0 });
  });

  it('does not let Tenure see API keys: what can be seen ends, and nothing is called done', async () => {
    const { leaver, session } = await aLeaver();
    const [account] = simulator.world.state.accounts;
    if (account === undefined) throw new Error('no account');
    const organizationId = acme.organization.id;
    createUserApiKey(simulator.world, account, { organizationId, name: 'ci' });
    fault({ path: `/user_management/users/${account.id}/api_keys`, status: 403 });
    await end(leaver);
    expect(sessions()).toEqual({ [session]: 'revoked' });
    expect(statusAt(account)).toBe('inactive');
    await expect(source.count(leaver)).rejects.toMatchObject(forbidden);
    simulator.settings.apiFaults.length = 0;
    expect(await revoke(leaver)).toEqual({ found: 1, revoked: 1, left: 0 });
    expect(simulator.world.state.userApiKeys).toEqual([]);
  });

  it('does not let Tenure see API keys: an account is not forgotten, and one without a trace left alone', async () => {
    const ada = await letIn('ada@acme.test');
    const { world } = simulator;
    const account = ensureAccount(world, { email: 'ada@acme.test' });
    const id = logIn(account, null);
    const leaver = await leaves(ada);
    fault({ path: `/user_management/users/${account.id}/api_keys`, status: 403 });
    expect(await end(leaver)).toEqual({ found: 0, revoked: 0 });
    await expect(source.count(leaver)).rejects.toMatchObject(forbidden);
    expect(sessions()).toEqual({ [id]: 'active' });
    ensureMembership(world, account, acme.organization).status = 'pending';
    for (let calls = 0; calls < 3; calls += 1) await end(leaver);
    expect(sessions()).toEqual({ [id]: 'revoked' });
    expect(statusAt(account)).toBe('pending');
    simulator.settings.apiFaults.length = 0;
    expect(await revoke(leaver)).toEqual({ found: 1, revoked: 1, left: 0 });
    expect(statusAt(account)).toBeUndefined();
  });
});

describe('a return', () => {
  it('reactivates the membership that Tenure deactivated, once the person is let in', async () => {
    const ada = await letIn('ada@acme.test');
    const account = accountOf('ada@acme.test');
    await revoke(await leaves(ada));
    await reactivate();
    expect(statusAt(account)).toBe('inactive');
    simulator.return(ada.handle);
    await tell();
    await reactivate();
    expect(statusAt(account)).toBe('inactive');
    expect((await settle(ada)).access.state).toBe('open');
    await reactivate();
    expect(statusAt(account)).toBe('active');
    expect(await tenure.store.collections.authkitMemberships.countDocuments()).toBe(0);
  });

  it('leaves alone what somebody else deactivated', async () => {
    const ada = await letIn('ada@acme.test');
    const account = accountOf('ada@acme.test');
    for (const item of simulator.world.state.memberships) {
      setMembershipStatus(simulator.world, item, 'inactive');
    }
    await revoke(await leaves(ada));
    simulator.return(ada.handle);
    await tell();
    expect((await settle(ada)).access.state).toBe('open');
    await reactivate();
    expect(statusAt(account)).toBe('inactive');
  });

  it('deactivates again what it reactivated while the person left once more', async () => {
    const ada = await letIn('ada@acme.test');
    const account = accountOf('ada@acme.test');
    await revoke(await leaves(ada));
    simulator.return(ada.handle);
    await tell();
    await settle(ada);
    const leavingMeanwhile: Accounts = {
      ...accounts,
      async reactivateMembership(id) {
        // The revocation of the second leaving has read before the reactivation arrives.
        expect(await revoke(await leaves(ada))).toMatchObject({ left: 0 });
        return accounts.reactivateMembership(id);
      },
    };
    await reactivate(leavingMeanwhile);
    expect(statusAt(account)).toBe('inactive');
    simulator.return(ada.handle);
    await tell();
    await settle(ada);
    await reactivate();
    expect(statusAt(account)).toBe('active');
  });

  it('is made good when a revocation that stood still reaches WorkOS after it', async () => {
    const ada = await letIn('ada@acme.test');
    const account = accountOf('ada@acme.test');
    const membership = await leaves(ada);
    /** Another worker ends what this one was to end, and the person is let in again meanwhile. */
    async function othersGoOn(): Promise<void> {
      expect(await revoke(membership)).toMatchObject({ left: 0 });
      simulator.return(ada.handle);
      await tell();
      expect((await settle(ada)).access.state).toBe('open');
      await reactivate();
      expect(statusAt(account)).toBe('active');
    }
    let meanwhile: (() => Promise<void>) | null = othersGoOn;
    const frozen = createAuthkitSource({
      kind: 'authkit',
      store: tenure.store,
      organizations: {},
      accounts: {
        ...accounts,
        async deactivateMembership(id) {
          await meanwhile?.();
          meanwhile = null;
          return accounts.deactivateMembership(id);
        },
      },
    });
    await frozen.revoke(membership, 1, () => undefined);
    await reactivate();
    expect(statusAt(account)).toBe('active');
    expect(await tenure.store.collections.authkitMemberships.countDocuments()).toBe(0);
  });

  it('reaches those behind one that WorkOS refuses', async () => {
    const people = [await letIn('ada@acme.test'), await letIn('bob@acme.test')];
    const found = [accountOf('ada@acme.test'), accountOf('bob@acme.test')];
    for (const person of people) {
      await revoke(await leaves(person));
      simulator.return(person.handle);
      await tell();
      await settle(person);
    }
    fault({ path: '/user_management/organization_memberships/*', status: 403, times: 1 });
    await expect(reactivate()).rejects.toMatchObject({
      code: 'refused',
    });
    expect(found.map((account) => statusAt(account))).toEqual(['inactive', 'active']);
    await reactivate();
    expect(found.map((account) => statusAt(account))).toEqual(['active', 'active']);
  });

  it('is not given up where WorkOS refuses it, is told of once, and is asked for again later', async () => {
    const ada = await letIn('ada@acme.test');
    const account = accountOf('ada@acme.test');
    await revoke(await leaves(ada));
    simulator.return(ada.handle);
    await tell();
    const { _id } = await settle(ada);
    const { authkitMemberships, notices } = tenure.store.collections;
    const notified = async (): Promise<number> =>
      notices.countDocuments({ code: 'reactivationRefused', subjectId: _id });
    const soon = async (): Promise<unknown> =>
      authkitMemberships.updateOne(
        { membershipId: _id },
        { $set: { reactivateSince: new Date() } },
      );
    for (let refusals = 0; refusals < 2; refusals += 1) {
      fault({ path: '/user_management/organization_memberships/*', status: 409, times: 1 });
      await reactivate();
      // Not at once: what is refused now would be refused a second later.
      await reactivate();
      expect(statusAt(account)).toBe('inactive');
      expect(await notified()).toBe(1);
      expect(simulator.settings.apiFaults).toHaveLength(0);
      await soon();
    }
    await reactivate();
    expect(statusAt(account)).toBe('active');
    expect(await authkitMemberships.countDocuments()).toBe(0);
  });

  it.each([
    ['is active already', 'active'],
    ['is gone', null],
  ] as const)(
    'is done where WorkOS refuses it because the membership %s',
    async (_name, status) => {
      const ada = await letIn('ada@acme.test');
      accountOf('ada@acme.test');
      await revoke(await leaves(ada));
      simulator.return(ada.handle);
      await tell();
      await settle(ada);
      const { state } = simulator.world;
      for (const item of state.memberships) item.status = status ?? item.status;
      if (status === null) state.memberships.length = 0;
      const refusing: Accounts = { ...accounts, reactivateMembership: async () => false };
      await reactivate(refusing);
      const { authkitMemberships, notices } = tenure.store.collections;
      expect(await authkitMemberships.countDocuments()).toBe(0);
      expect(await notices.countDocuments({ code: 'reactivationRefused' })).toBe(0);
    },
  );

  it('has nothing to reactivate of somebody who is forgotten', async () => {
    const ada = await letIn('ada@acme.test');
    accountOf('ada@acme.test');
    await revoke(await leaves(ada));
    const { authkitMemberships } = tenure.store.collections;
    expect(await authkitMemberships.countDocuments()).toBe(1);
    const membership = await membershipOf(tenure, ada.user.id);
    await forgetPerson(tenure.store, membership, {
      committedAt: new Date(),
      pseudonym: 'p',
      wholeUser: true,
      completedAt: null,
      counts: {},
    });
    expect(await authkitMemberships.countDocuments()).toBe(0);
  });
});
