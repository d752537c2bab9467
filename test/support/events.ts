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
    data: {
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
      created_at: at,
      updated_at: at,
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
