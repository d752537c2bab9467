import { RestError } from './rest-errors.ts';
import type { Account, Invitation, UserApiKey } from './state.ts';
import type { Wire } from './wire.ts';
import type { World } from './world.ts';

/** What lets an AuthKit user in beside sessions: invitations, and API keys of their own. */

const invitationLifetime = 7 * 24 * 3600 * 1000;

/**
 * Invites an address, to an organization or to the application as such (`invitation.created`).
 * @throws RestError 400 where that address has a pending invitation there already, as WorkOS answers
 */
export function createInvitation(
  world: World,
  input: Pick<Invitation, 'email' | 'organizationId'>,
): Invitation {
  const isTaken = world.state.invitations.some(
    ({ email, organizationId, state }) =>
      state === 'pending' &&
      email.toLowerCase() === input.email.toLowerCase() &&
      organizationId === input.organizationId,
  );
  if (isTaken) {
    throw new RestError(400, 'The address is invited already.', {
      code:
        input.organizationId === null
          ? 'email_already_invited'
          : 'email_already_invited_to_organization',
    });
  }
  const at = world.timestamp();
  const invitation: Invitation = {
    id: world.id('invitation'),
    ...input,
    state: 'pending',
    revokedAt: null,
    expiresAt: new Date(world.now() + invitationLifetime).toISOString(),
    createdAt: at,
    updatedAt: at,
  };
  world.emit('invitation.created', invitationInEvent(invitation), invitation.organizationId);
  world.state.invitations.push(invitation);
  return invitation;
}

/** Takes an invitation back (`invitation.revoked`). @throws RestError 400 for one that is not pending */
export function revokeInvitation(world: World, invitation: Invitation): void {
  if (invitation.state !== 'pending') {
    throw new RestError(400, 'The invitation is not pending.', { code: 'invite_not_pending' });
  }
  const at = world.timestamp();
  const revoked: Invitation = { ...invitation, state: 'revoked', revokedAt: at, updatedAt: at };
  world.emit('invitation.revoked', invitationInEvent(revoked), revoked.organizationId);
  Object.assign(invitation, revoked);
}

/** Makes an API key of an AuthKit user for one organization. Its value is never shown again, so it has none here. */
export function createUserApiKey(
  world: World,
  account: Account,
  input: Pick<UserApiKey, 'organizationId' | 'name'>,
): UserApiKey {
  const at = world.timestamp();
  const key = {
    id: world.id('api_key'),
    userId: account.id,
    ...input,
    createdAt: at,
    updatedAt: at,
  };
  world.state.userApiKeys.push(key);
  world.touch();
  return key;
}

/** Deletes an API key; there is none to be revived. */
export function deleteUserApiKey(world: World, key: UserApiKey): void {
  world.state.userApiKeys = world.state.userApiKeys.filter(({ id }) => id !== key.id);
  world.touch();
}

/** An invitation as in an event; the REST API adds what lets somebody accept it. */
export function invitationInEvent(invitation: Invitation): Wire {
  return {
    object: 'invitation',
    id: invitation.id,
    email: invitation.email,
    state: invitation.state,
    accepted_at: null,
    revoked_at: invitation.revokedAt,
    expires_at: invitation.expiresAt,
    organization_id: invitation.organizationId,
    inviter_user_id: null,
    accepted_user_id: null,
    role_slug: null,
    created_at: invitation.createdAt,
    updated_at: invitation.updatedAt,
  };
}

/** An invitation as the REST API answers it. */
export function invitationInAnswer(invitation: Invitation): Wire {
  const token = `token_${invitation.id}`;
  return {
    ...invitationInEvent(invitation),
    token,
    accept_invitation_url: `https://authkit.example/invite?invitation_token=${token}`,
  };
}

/** An API key of an AuthKit user as the REST API answers it. */
export function userApiKeyOnWire(key: UserApiKey): Wire {
  return {
    object: 'api_key',
    id: key.id,
    owner: { type: 'user', id: key.userId, organization_id: key.organizationId },
    name: key.name,
    obfuscated_value: 'sk_...0000',
    last_used_at: null,
    permissions: [],
    created_at: key.createdAt,
    updated_at: key.updatedAt,
  };
}
