import type { Account, Organization, OrganizationMembership, Session } from './state.ts';
import { accountOnWire, membershipInEvent, sessionOnWire } from './wire.ts';
import { SimulatorError } from './world.ts';
import type { World } from './world.ts';

/** WorkOS user management (AuthKit): users, their organization memberships and their sessions. */

const sessionLifetime = 7 * 24 * 3600 * 1000;

/** What the control API may say about a new AuthKit user. */
export interface NewAccount {
  email: string;
  firstName?: string | null | undefined;
  lastName?: string | null | undefined;
  externalId?: string | null | undefined;
}

/** The AuthKit user with that e-mail, made and announced (`user.created`) if there is none. */
export function ensureAccount(world: World, input: NewAccount): Account {
  const existing = world.state.accounts.find(
    ({ email }) => email.toLowerCase() === input.email.toLowerCase(),
  );
  if (existing !== undefined) return existing;
  const at = world.timestamp();
  const account: Account = {
    id: world.id('user'),
    email: input.email,
    firstName: input.firstName ?? null,
    lastName: input.lastName ?? null,
    externalId: input.externalId ?? null,
    lastSignInAt: null,
    createdAt: at,
    updatedAt: at,
  };
  world.emit('user.created', accountOnWire(account), null);
  world.state.accounts.push(account);
  return account;
}

/**
 * Changes names or the external id of an AuthKit user (`user.updated`). Nothing changed: no event.
 * @throws SimulatorError 422 where another user has that external id, as WorkOS answers
 */
export function updateAccount(
  world: World,
  account: Account,
  changes: {
    first_name?: string | null | undefined;
    last_name?: string | null | undefined;
    external_id?: string | null | undefined;
  },
): void {
  const changed: Account = {
    ...account,
    ...(changes.first_name === undefined ? {} : { firstName: changes.first_name }),
    ...(changes.last_name === undefined ? {} : { lastName: changes.last_name }),
    ...(changes.external_id === undefined ? {} : { externalId: changes.external_id }),
  };
  if (JSON.stringify(changed) === JSON.stringify(account)) return;
  const isTaken = world.state.accounts.some(
    ({ id, externalId }) =>
      id !== account.id && externalId !== null && externalId === changed.externalId,
  );
  if (isTaken) throw new SimulatorError(422, 'Another user has that external_id.');
  changed.updatedAt = world.timestamp();
  world.emit('user.updated', accountOnWire(changed), null);
  Object.assign(account, changed);
}

/** The membership of an AuthKit user in an organization, made as active if there is none. */
export function ensureMembership(
  world: World,
  account: Account,
  organization: Organization,
): OrganizationMembership {
  const existing = world.state.memberships.find(
    (item) => item.userId === account.id && item.organizationId === organization.id,
  );
  if (existing !== undefined) return existing;
  const at = world.timestamp();
  const membership: OrganizationMembership = {
    id: world.id('om'),
    userId: account.id,
    organizationId: organization.id,
    status: 'active',
    role: 'member',
    createdAt: at,
    updatedAt: at,
  };
  world.emit('organization_membership.created', membershipInEvent(membership), organization.id);
  world.state.memberships.push(membership);
  return membership;
}

/** Somebody logs in: an active session, announced as `session.created`. */
export function createSession(
  world: World,
  account: Account,
  organizationId: string | null,
): Session {
  const at = world.timestamp();
  const session: Session = {
    id: world.id('session'),
    userId: account.id,
    organizationId,
    status: 'active',
    expiresAt: new Date(world.now() + sessionLifetime).toISOString(),
    endedAt: null,
    createdAt: at,
    updatedAt: at,
  };
  world.emit('session.created', sessionOnWire(session), organizationId);
  world.state.sessions.push(session);
  account.lastSignInAt = at;
  return session;
}

/** Ends a session. One that is over already stays as it is, without an event. */
export function revokeSession(world: World, session: Session): void {
  if (session.status !== 'active') return;
  const at = world.timestamp();
  const ended: Session = { ...session, status: 'revoked', endedAt: at, updatedAt: at };
  world.emit('session.revoked', sessionOnWire(ended), session.organizationId);
  Object.assign(session, ended);
}

/**
 * Deactivates or reactivates a membership (`organization_membership.updated`); deactivating also ends the
 * sessions of that organization. No event where it has that status already.
 * @throws SimulatorError 400 for a pending membership, as WorkOS answers
 */
export function setMembershipStatus(
  world: World,
  membership: OrganizationMembership,
  status: 'active' | 'inactive',
): void {
  if (membership.status === 'pending') {
    throw new SimulatorError(400, 'A pending organization membership cannot be changed.');
  }
  if (membership.status === status) return;
  const changed = { ...membership, status, updatedAt: world.timestamp() };
  world.emit(
    'organization_membership.updated',
    membershipInEvent(changed),
    membership.organizationId,
  );
  Object.assign(membership, changed);
  if (status === 'inactive') revokeSessionsOf(world, membership);
}

/** Deletes a membership (`organization_membership.deleted`) and ends its sessions. */
export function deleteMembership(world: World, membership: OrganizationMembership): void {
  world.emit(
    'organization_membership.deleted',
    membershipInEvent(membership),
    membership.organizationId,
  );
  world.state.memberships = world.state.memberships.filter(({ id }) => id !== membership.id);
  revokeSessionsOf(world, membership);
}

/** Deletes an AuthKit user with memberships and sessions (`user.deleted`, which is no leaving). */
export function deleteAccount(world: World, account: Account): void {
  const { state } = world;
  for (const session of state.sessions.filter(({ userId }) => userId === account.id)) {
    revokeSession(world, session);
  }
  for (const membership of state.memberships.filter(({ userId }) => userId === account.id)) {
    deleteMembership(world, membership);
  }
  world.emit('user.deleted', accountOnWire(account), null);
  state.accounts = state.accounts.filter(({ id }) => id !== account.id);
  state.userApiKeys = state.userApiKeys.filter(({ userId }) => userId !== account.id);
  world.touch();
}

function revokeSessionsOf(world: World, membership: OrganizationMembership): void {
  const sessions = world.state.sessions.filter(
    ({ userId, organizationId }) =>
      userId === membership.userId && organizationId === membership.organizationId,
  );
  for (const session of sessions) revokeSession(world, session);
}
