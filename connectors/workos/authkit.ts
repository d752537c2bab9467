import type { Store } from '../../platform/mongo/store.ts';
import type {
  AccountItem,
  Accounts,
  OrganizationMembership,
} from '../../platform/workos/accounts.ts';
import type { CredentialSource, RevokeCall } from '../credential-source.ts';
import type { Beat, HostMembership } from '../host-application.ts';
import type { Doubt } from './doubts.ts';
import { findAccounts, isSharedElsewhere } from './find-accounts.ts';
import { personOf } from './person.ts';
import { wantBackIfIn } from './reactivate.ts';

/** What the WorkOS connector needs. */
export interface AuthkitOptions {
  /** The kind of the host file. */
  kind: string;
  accounts: Accounts;
  store: Store;
  /** WorkOS organization id -> the host application's id, where they differ. */
  organizations: Record<string, string>;
}

/** Everything of a person at WorkOS user management that lets them in and that this leaving ends. */
interface Alive {
  memberships: OrganizationMembership[];
  invitations: AccountItem[];
  sessions: AccountItem[];
  apiKeys: AccountItem[];
  /** Why there may be more than this; null: this is all. */
  doubt: Doubt | null;
  /** Nothing of an account that is known to be the person's is hidden from Tenure. */
  isWhole: boolean;
}

/**
 * Sessions, API keys, organization memberships and invitations of WorkOS user management (AuthKit). The
 * organization membership is deactivated, never deleted, and the AuthKit user is left alone: both may belong
 * to somebody who comes back tomorrow. One that was only pending is deleted, since WorkOS deactivates none of
 * those; last of all, since it may be all by which the account is known as the person's.
 *
 * Of another organization nothing ends, unless this was the person's last one: then all sessions and keys of
 * their accounts do, those that belong to no organization at any leaving.
 *
 * What is known to be the person's ends, whatever else is in doubt; with a doubt `count` has no number.
 *
 * Access tokens of AuthKit are JWTs that the host application judges by itself: they live on until they
 * expire. The host file says so with a source of the connector `jwt`.
 */
export function createAuthkitSource(options: AuthkitOptions): CredentialSource {
  const { kind, accounts, store } = options;
  return {
    kind,
    async revoke(membership, _closing, beat) {
      const organizationIds = workosIdsOf(options, membership);
      const alive = await readAlive(options, membership);
      return endAll({ accounts, store, membership, organizationIds, beat }, alive);
    },
    /** @throws AccountUnclear, ApiKeysForbidden where there may be more than is known */
    async count(membership) {
      const alive = await readAlive(options, membership);
      if (alive.doubt !== null) throw alive.doubt;
      return sizeOf(alive);
    },
  };
}

function workosIdsOf({ organizations }: AuthkitOptions, membership: HostMembership): string[] {
  return workosOrganizationIds(organizations, membership.organizationId);
}

async function readAlive(options: AuthkitOptions, membership: HostMembership): Promise<Alive> {
  const { accounts, store } = options;
  const organizationIds = workosIdsOf(options, membership);
  const person = await personOf(store, membership);
  const found = await findAccounts({ accounts, store, organizationIds }, person);
  const alive: Alive = {
    memberships: [],
    invitations: [],
    sessions: [],
    apiKeys: [],
    doubt: found.doubt,
    isWhole: found.accounts.every(({ apiKeys }) => apiKeys !== null),
  };
  for (const { account, memberships, sessions, apiKeys } of found.accounts) {
    const everywhere = membership.last && !(await isSharedElsewhere(store, person, account));
    const ends = ({ organizationId }: AccountItem): boolean =>
      everywhere || organizationId === null || organizationIds.includes(organizationId);
    alive.memberships.push(...memberships.filter(({ status }) => status !== 'inactive'));
    alive.sessions.push(...sessions.filter(ends));
    alive.apiKeys.push(...(apiKeys ?? []).filter(ends));
  }
  for (const email of found.emails) {
    const invited = await accounts.invitations(email);
    alive.invitations.push(
      ...invited.filter(({ organizationId }) =>
        organizationId === null ? membership.last : organizationIds.includes(organizationId),
      ),
    );
  }
  return alive;
}

interface Ending {
  accounts: Accounts;
  store: Store;
  membership: HostMembership;
  /** WorkOS's ids of the organization that was left. */
  organizationIds: string[];
  beat: Beat;
}

/**
 * Ways in before what came in by them: a session made meanwhile is found by the next read. Only what makes a
 * pending member goes after all else was read empty, and what belongs to the organization after what belongs to
 * none or to another: without it the account is found no more, and a session of it that could not be ended in this
 * call would be called gone.
 */
async function endAll(ending: Ending, alive: Alive): Promise<RevokeCall> {
  const { accounts, organizationIds } = ending;
  const call: RevokeCall = { found: sizeOf(alive), revoked: 0 };
  const ended = (done: boolean): void => {
    if (done) call.revoked += 1;
    ending.beat({ done: call.revoked });
  };
  const pending = alive.memberships.filter(({ status }) => status === 'pending');
  const admitted = alive.memberships.filter(({ status }) => status !== 'pending');
  const rest = admitted.length + alive.sessions.length + alive.apiKeys.length;
  const mayForget = pending.length === 0 || (rest === 0 && alive.isWhole);
  for (const item of admitted) ended(await deactivate(ending, item));
  if (mayForget) for (const { id } of alive.invitations) ended(await accounts.revokeInvitation(id));
  for (const isTrace of [false, true]) {
    const isNext = ({ organizationId }: AccountItem): boolean =>
      isTrace === (organizationId !== null && organizationIds.includes(organizationId));
    for (const { id } of alive.sessions.filter(isNext)) ended(await accounts.revokeSession(id));
    for (const { id } of alive.apiKeys.filter(isNext)) ended(await accounts.deleteApiKey(id));
  }
  if (mayForget) for (const { id } of pending) ended(await accounts.deleteMembership(id));
  return call;
}

async function deactivate(
  { accounts, store, membership }: Ending,
  { id }: OrganizationMembership,
): Promise<boolean> {
  await store.collections.authkitMemberships.updateOne(
    { _id: id },
    { $set: { membershipId: membership.membershipId, deactivatedAt: new Date() } },
    { upsert: true },
  );
  try {
    return await accounts.deactivateMembership(id);
  } finally {
    // Also where WorkOS gave no answer: it may have done it all the same.
    await wantBackIfIn(store, { _id: id, membershipId: membership.membershipId });
  }
}

function sizeOf({ memberships, invitations, sessions, apiKeys }: Alive): number {
  return memberships.length + invitations.length + sessions.length + apiKeys.length;
}

/** The WorkOS organizations that the host file maps to this one; the id itself where it maps none. */
export function workosOrganizationIds(
  organizations: Record<string, string>,
  organizationId: string,
): string[] {
  const mapped = Object.entries(organizations).flatMap(([workosId, hostId]) =>
    hostId === organizationId ? [workosId] : [],
  );
  return mapped.length > 0 ? mapped : [organizationId];
}
