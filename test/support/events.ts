import type { EventEnvelope } from '../../platform/workos/wire.ts';

let counter = 0;

/** A new id of this kind, unique in the process and sorted by time as WorkOS's are. */
export function workosId(kind: string): string {
  counter += 1;
  return `${kind}_01${Date.now().toString(36)}${process.pid.toString(36)}${String(counter).padStart(6, '0')}`;
}

/** What a test says of a directory user; the rest is made up. */
export interface DirectoryUserSketch {
  id?: string;
  directoryId: string;
  organizationId: string;
  idpId?: string | null;
  email?: string | null;
  username?: string;
  firstName?: string;
  lastName?: string;
  state?: string;
  customAttributes?: Record<string, unknown>;
  /** The slugs of roles that WorkOS itself assigned. */
  roles?: string[];
  /** When WorkOS created the record; the time of the event where absent. */
  createdAt?: string;
}

/** What a test says of a group. */
export interface GroupSketch {
  id: string;
  directoryId: string;
  organizationId: string;
  name?: string;
}

type UserEvent = 'created' | 'updated' | 'deleted';

let lastMs = 0;

/** A later time at each call, so that events are ordered as they are made. */
export function laterTime(): string {
  lastMs = Math.max(lastMs + 1, Date.now());
  return new Date(lastMs).toISOString();
}

/** A `dsync.user.*` event as WorkOS sends it. */
export function userEvent(
  type: UserEvent,
  user: DirectoryUserSketch & { id: string },
  at: string = laterTime(),
): EventEnvelope {
  return {
    id: workosId('event'),
    event: `dsync.user.${type}`,
    created_at: at,
    data: userOnWire(user, at),
  };
}

/** A directory user as WorkOS puts it into events and answers. */
export function userOnWire(user: DirectoryUserSketch & { id: string }, at: string): object {
  const roles = (user.roles ?? []).map((slug) => ({ slug }));
  return {
    object: 'directory_user',
    id: user.id,
    directory_id: user.directoryId,
    organization_id: user.organizationId,
    idp_id: user.idpId === undefined ? `idp-${user.id}` : user.idpId,
    email: user.email === undefined ? `${user.id}@example.com` : user.email,
    first_name: user.firstName ?? 'Ada',
    last_name: user.lastName ?? 'Lovelace',
    ...(user.username === undefined ? {} : { username: user.username }),
    state: user.state ?? 'active',
    custom_attributes: user.customAttributes ?? {},
    raw_attributes: {},
    ...(roles.length === 0 ? {} : { role: roles[0], roles }),
    created_at: user.createdAt ?? at,
    updated_at: at,
  };
}

/** A directory group as WorkOS puts it into events and answers. */
export function groupOnWire(group: GroupSketch, at: string): object {
  return {
    object: 'directory_group',
    id: group.id,
    idp_id: `idp-${group.id}`,
    directory_id: group.directoryId,
    organization_id: group.organizationId,
    name: group.name ?? group.id,
    raw_attributes: {},
    created_at: at,
    updated_at: at,
  };
}

/** A `dsync.group.created`, `updated` or `deleted` event. */
export function groupEvent(
  type: 'created' | 'updated' | 'deleted',
  group: GroupSketch,
  at: string = laterTime(),
): EventEnvelope {
  return {
    id: workosId('event'),
    event: `dsync.group.${type}`,
    created_at: at,
    data: groupOnWire(group, at),
  };
}

/** A `dsync.group.user_added` or `user_removed` event: both sides as they are at that time. */
export function edgeEvent(
  type: 'user_added' | 'user_removed',
  user: DirectoryUserSketch & { id: string },
  group: GroupSketch,
  at: string = laterTime(),
): EventEnvelope {
  return {
    id: workosId('event'),
    event: `dsync.group.${type}`,
    created_at: at,
    data: {
      directory_id: user.directoryId,
      user: userOnWire(user, at),
      group: groupOnWire(group, at),
    },
  };
}

/** A `dsync.activated` or `dsync.deleted` event. */
export function directoryEvent(
  type: 'activated' | 'deleted',
  directory: { id: string; organizationId: string },
  at: string = laterTime(),
): EventEnvelope {
  return {
    id: workosId('event'),
    event: `dsync.${type}`,
    created_at: at,
    data: {
      object: 'directory',
      id: directory.id,
      organization_id: directory.organizationId,
      type: 'okta scim v2.0',
      state: 'active',
      name: 'Okta',
      created_at: at,
      updated_at: at,
    },
  };
}
