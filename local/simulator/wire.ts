import type {
  Account,
  Directory,
  DirectoryState,
  DirectoryUser,
  Group,
  Organization,
  OrganizationMembership,
  Session,
} from './state.ts';

/**
 * The shapes that WorkOS puts on the wire, in snake case, from the official OpenAPI document. What an event
 * payload and a REST answer word differently has two functions here, so that neither leaks into the other.
 */
export type Wire = Record<string, unknown>;

const eventStates: Record<DirectoryState, string> = {
  linked: 'active',
  unlinked: 'inactive',
  validating: 'validating',
  invalid_credentials: 'invalid_credentials',
  deleting: 'deleting',
};

/** A directory as in `dsync.deleted`; `dsync.activated` adds `external_key` and `domains`. */
export function directoryInEvent(directory: Directory): Wire {
  return {
    object: 'directory',
    id: directory.id,
    ...(directory.organizationId === null ? {} : { organization_id: directory.organizationId }),
    type: directory.type,
    state: eventStates[directory.state],
    name: directory.name,
    created_at: directory.createdAt,
    updated_at: directory.updatedAt,
  };
}

/** A directory as in `dsync.activated`. */
export function activatedDirectory(
  directory: Directory,
  organization: Organization | undefined,
): Wire {
  return {
    ...directoryInEvent(directory),
    external_key: directory.externalKey,
    domains: (organization?.domains ?? []).map((domain) => ({
      object: 'organization_domain',
      id: domainId(organization, domain),
      domain,
    })),
  };
}

/** How many people and groups a directory has: the REST API tells it, the SDK drops it. */
export interface DirectoryCounts {
  active: number;
  inactive: number;
  groups: number;
}

/** A directory as the REST API answers it. */
export function directoryInAnswer(directory: Directory, counts: DirectoryCounts): Wire {
  return {
    object: 'directory',
    id: directory.id,
    organization_id: directory.organizationId,
    external_key: directory.externalKey,
    type: directory.type,
    state: directory.state,
    name: directory.name,
    metadata: {
      users: { active: counts.active, inactive: counts.inactive },
      groups: counts.groups,
    },
    created_at: directory.createdAt,
    updated_at: directory.updatedAt,
  };
}

/**
 * A directory user as in an event: without `groups`, which WorkOS leaves out for size.
 * @param deprecated fills `emails`, `job_title`, `username` and `raw_attributes`, documented as empty since 2026-04-15
 */
export function userInEvent(user: DirectoryUser, deprecated: boolean): Wire {
  const name = [user.firstName, user.lastName].filter((part) => part !== null).join(' ');
  return {
    object: 'directory_user',
    id: user.id,
    directory_id: user.directoryId,
    organization_id: user.organizationId,
    idp_id: user.idpId,
    email: user.email,
    first_name: user.firstName,
    last_name: user.lastName,
    name: name === '' ? null : name,
    emails:
      deprecated && user.email !== null ? [{ primary: true, type: 'work', value: user.email }] : [],
    username: deprecated ? user.username : null,
    job_title: deprecated ? user.jobTitle : null,
    state: user.state,
    raw_attributes: deprecated ? { id: user.idpId, userName: user.username ?? user.email } : {},
    custom_attributes: customAttributes(user),
    ...rolesOf(user),
    created_at: user.createdAt,
    updated_at: user.updatedAt,
  };
}

/** Absent for somebody without a role. */
function rolesOf({ role, roles }: DirectoryUser): Wire {
  if (role === null) return {};
  const slugs = roles.length === 0 ? [role] : roles;
  return { role: { slug: role }, roles: slugs.map((slug) => ({ slug })) };
}

/** `username` and `job_title` are predefined attributes of an environment: they arrive beside the customer's own. */
function customAttributes(user: DirectoryUser): Wire {
  return {
    ...user.customAttributes,
    ...(user.username === null ? {} : { username: user.username }),
    ...(user.jobTitle === null ? {} : { job_title: user.jobTitle }),
  };
}

/** A directory user as the REST API answers it. `groups` is empty for newer teams, but the SDK fails where it is absent. */
export function userInAnswer(user: DirectoryUser, deprecated: boolean): Wire {
  return { ...userInEvent(user, deprecated), groups: [] };
}

/** A directory group, alike in events and answers. */
export function groupOnWire(group: Group): Wire {
  return {
    object: 'directory_group',
    id: group.id,
    idp_id: group.idpId,
    directory_id: group.directoryId,
    organization_id: group.organizationId,
    name: group.name,
    raw_attributes: {},
    created_at: group.createdAt,
    updated_at: group.updatedAt,
  };
}

/** An organization, alike in events and answers. */
export function organizationOnWire(organization: Organization): Wire {
  return {
    object: 'organization',
    id: organization.id,
    name: organization.name,
    domains: organization.domains.map((domain) => ({
      object: 'organization_domain',
      id: domainId(organization, domain),
      organization_id: organization.id,
      domain,
      state: 'verified',
      created_at: organization.createdAt,
      updated_at: organization.updatedAt,
    })),
    metadata: {},
    external_id: null,
    created_at: organization.createdAt,
    updated_at: organization.updatedAt,
  };
}

function domainId(organization: Organization | undefined, domain: string): string {
  const index = organization?.domains.indexOf(domain) ?? 0;
  return `org_domain_${(organization?.id ?? '').replace(/^org_/, '')}${index}`;
}

/** A user-management user, alike in events and answers. */
export function accountOnWire(account: Account): Wire {
  return {
    object: 'user',
    id: account.id,
    email: account.email,
    email_verified: true,
    first_name: account.firstName,
    last_name: account.lastName,
    profile_picture_url: null,
    external_id: account.externalId,
    metadata: {},
    last_sign_in_at: account.lastSignInAt,
    locale: null,
    created_at: account.createdAt,
    updated_at: account.updatedAt,
  };
}

/** A user-management session, alike in events and answers. */
export function sessionOnWire(session: Session): Wire {
  return {
    object: 'session',
    id: session.id,
    user_id: session.userId,
    ...(session.organizationId === null ? {} : { organization_id: session.organizationId }),
    auth_method: 'sso',
    status: session.status,
    expires_at: session.expiresAt,
    ended_at: session.endedAt,
    ip_address: '192.0.2.10',
    user_agent: 'tenure-simulator',
    created_at: session.createdAt,
    updated_at: session.updatedAt,
  };
}

/** An organization membership as in an event; the REST API adds `organization_name` and `user`. */
export function membershipInEvent(membership: OrganizationMembership): Wire {
  return {
    object: 'organization_membership',
    id: membership.id,
    user_id: membership.userId,
    organization_id: membership.organizationId,
    status: membership.status,
    role: { slug: membership.role },
    roles: [{ slug: membership.role }],
    custom_attributes: {},
    directory_managed: false,
    created_at: membership.createdAt,
    updated_at: membership.updatedAt,
  };
}

/** An organization membership as the REST API answers it. */
export function membershipInAnswer(
  membership: OrganizationMembership,
  account: Account | undefined,
  organization: Organization | undefined,
): Wire {
  return {
    ...membershipInEvent(membership),
    organization_name: organization?.name ?? '',
    ...(account === undefined ? {} : { user: accountOnWire(account) }),
  };
}
