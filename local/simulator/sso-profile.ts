import { createHash } from 'node:crypto';

import { directoryOf } from './lookup.ts';
import type { Settings } from './settings.ts';
import type { Organization, Person, WorldState } from './state.ts';
import type { Wire } from './wire.ts';

/** Who signs in by single sign-on: somebody of a directory, or an address that no directory knows. */
export interface SsoUser {
  organization: Organization;
  email: string;
  person: Person | null;
}

/** The one connection of an organization. WorkOS has no endpoint that the simulator would need it for. */
export function connectionId(organization: Organization): string {
  return `conn_${organization.id.replace(/^org_/, '')}`;
}

/** Everybody of an organization's directories who has an address to sign in with, leavers too. */
export function signInPeople(state: WorldState, organization: Organization): Person[] {
  return state.people.filter(
    ({ user }) => user.organizationId === organization.id && user.email !== null,
  );
}

/**
 * The person with that address. One who stands in several directories signs in with the identity provider's
 * account, not with the record of the human resources system.
 */
export function personByEmail(
  state: WorldState,
  organization: Organization,
  email: string,
): Person | null {
  const wanted = email.toLowerCase();
  const found = signInPeople(state, organization).filter(
    ({ user }) => user.email?.toLowerCase() === wanted,
  );
  return found.find((person) => isIdentityProvider(state, person)) ?? found[0] ?? null;
}

function isIdentityProvider(state: WorldState, person: Person): boolean {
  return /scim|gsuite|azure|okta/.test(directoryOf(state, person).type);
}

/** The profile as `POST /sso/token` and `GET /sso/profile` answer it. */
export function profileOnWire(
  state: WorldState,
  settings: Settings,
  { organization, email, person }: SsoUser,
): Wire {
  const connection = connectionId(organization);
  const idpId = idpIdOf(settings, email, person);
  const user = person?.user ?? null;
  const name = [user?.firstName, user?.lastName].filter((part) => typeof part === 'string');
  return {
    object: 'profile',
    id: `prof_${digest(`${connection}/${idpId}`)}`,
    organization_id: organization.id,
    connection_id: connection,
    connection_type: connectionType(person === null ? '' : directoryOf(state, person).type),
    idp_id: idpId,
    email,
    first_name: user?.firstName ?? null,
    last_name: user?.lastName ?? null,
    name: name.length === 0 ? null : name.join(' '),
    role: null,
    roles: null,
    groups: [],
    custom_attributes: {},
    raw_attributes: { id: idpId, email },
  };
}

/** The same as in the directory, or, as with many SAML connections, another one that no directory ever told. */
function idpIdOf(settings: Settings, email: string, person: Person | null): string {
  if (person !== null && settings.ssoIdpIds === 'directory') return person.idpId;
  return `sso_${digest(person?.idpId ?? email.toLowerCase())}`;
}

function connectionType(directoryType: string): string {
  if (directoryType.startsWith('okta')) return 'OktaSAML';
  if (directoryType.startsWith('azure')) return 'AzureSAML';
  return 'GenericSAML';
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 26).toUpperCase();
}
