import type { DirectoryProfile } from '../domain/directory-user.ts';
import type { Version } from '../domain/versions.ts';
import type { DirectoryUserState } from '../domain/words.ts';
import {
  directoryUserData,
  type DirectoryUserData,
  type EventEnvelope,
} from '../platform/workos/wire.ts';
import { optionalTime, readEvent, type Unexpected, type UserTelling } from './telling.ts';

/** Understands `dsync.user.created`, `dsync.user.updated` and `dsync.user.deleted`. */
export function parseUserEvent(
  envelope: EventEnvelope,
): { kind: 'user'; telling: UserTelling } | Unexpected {
  return readEvent(envelope, directoryUserData, (data, eventAtMs) => {
    const version = {
      eventAtMs,
      eventId: envelope.id,
      updatedAtMs: optionalTime(data.updated_at),
    };
    const telling = tellingOf(data, version, envelope.event === 'dsync.user.deleted');
    // Nobody is told of before they are there: without `created_at` the earliest event bounds it.
    telling.record.bornAtMs ??= eventAtMs;
    return { kind: 'user' as const, telling };
  });
}

/** A directory user of WorkOS as a telling of this version. */
export function tellingOf(
  data: DirectoryUserData,
  version: Version,
  deleted: boolean,
): UserTelling {
  return {
    directoryId: data.directory_id,
    workosOrganizationId: data.organization_id ?? null,
    idpId: data.idp_id,
    record: {
      id: data.id,
      // On a deletion WorkOS repeats the state from before it, often `active`: it must not be believed.
      state: deleted ? 'deleted' : stateOf(data.state),
      version,
      bornAtMs: optionalTime(data.created_at),
      roles: rolesOf(data),
      groupsFloor: null,
      profile: profileFrom(data),
    },
  };
}

/** Everything that is neither active nor suspended counts as inactive. */
function stateOf(state: string): DirectoryUserState {
  return state === 'active' || state === 'suspended' ? state : 'inactive';
}

/** WorkOS names one role in `role`, and where several may be held all of them in `roles`. */
function rolesOf({ role, roles }: DirectoryUserData): string[] {
  const slugs = [...roles, ...(role === null ? [] : [role])].map(({ slug }) => slug);
  return [...new Set(slugs)].toSorted();
}

function profileFrom(data: DirectoryUserData): DirectoryProfile {
  const attributes = plainAttributes(data.custom_attributes);
  const managerEmail = attributes['manager_email'];
  return {
    email: data.email,
    username: data.username,
    firstName: data.first_name,
    lastName: data.last_name,
    name: data.name,
    managerEmail: typeof managerEmail === 'string' ? managerEmail : null,
    attributes,
  };
}

/**
 * Custom attributes as plain scalars. Objects are dropped: nobody maps them, and an attribute named like an
 * operator or `__proto__` must not become anything else than a name.
 */
function plainAttributes(raw: Record<string, unknown>): Record<string, string | number | boolean> {
  const entries: [string, string | number | boolean][] = [];
  for (const [name, value] of Object.entries(raw).slice(0, 200)) {
    if (!/^[\w -]{1,128}$/.test(name) || name === '__proto__') continue;
    if (typeof value === 'string') {
      // Made well-formed after the cut, which may go through the middle of a pair.
      entries.push([name, value.replaceAll('\u0000', '').slice(0, 1024).toWellFormed()]);
    } else if (
      typeof value === 'boolean' ||
      (typeof value === 'number' && Number.isFinite(value))
    ) {
      entries.push([name, value]);
    }
  }
  return Object.fromEntries(entries);
}
