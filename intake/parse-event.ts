import type { DirectoryProfile, DirectoryRecord } from '../domain/directory-user.ts';
import { parseWorkosTime, type Version } from '../domain/versions.ts';
import type { DirectoryUserState } from '../domain/words.ts';
import {
  directoryData,
  directoryUserData,
  type DirectoryData,
  type DirectoryUserData,
  type EventEnvelope,
} from '../platform/workos/wire.ts';

/** Paths and codes of what is wrong with an event, never values. */
export type Problem = { path: string; code: string };

/** A directory user as one event tells of it. */
export interface UserTelling {
  directoryId: string;
  workosOrganizationId: string | null;
  idpId: string | null;
  record: DirectoryRecord & { profile: DirectoryProfile };
}

/** An event, understood as far as Tenure applies it. */
export type ParsedEvent =
  | { kind: 'user'; telling: UserTelling }
  | { kind: 'directoryActivated'; directory: DirectoryData; eventAtMs: number }
  | { kind: 'directoryDeleted'; directory: DirectoryData; eventAtMs: number }
  /** A type that this version does not apply: stored whole, nothing is lost. */
  | { kind: 'stored' }
  | { kind: 'unexpected'; problems: Problem[] };

/** Understands one event. Never throws: what does not fit is `unexpected` and goes to quarantine. */
export function parseEvent(envelope: EventEnvelope): ParsedEvent {
  switch (envelope.event) {
    case 'dsync.user.created':
    case 'dsync.user.updated':
    case 'dsync.user.deleted':
      return parseUserEvent(envelope);
    case 'dsync.activated':
    case 'dsync.deleted':
      return parseDirectoryEvent(envelope);
    default:
      return { kind: 'stored' };
  }
}

/** When the event happened, milliseconds; null where `created_at` is missing or unreadable. */
export function eventTime(envelope: EventEnvelope): number | null {
  return envelope.created_at === undefined ? null : parseWorkosTime(envelope.created_at);
}

function parseUserEvent(envelope: EventEnvelope): ParsedEvent {
  const eventAtMs = eventTime(envelope);
  if (eventAtMs === null) return unexpected([{ path: 'created_at', code: 'invalid_time' }]);
  const parsed = directoryUserData.safeParse(envelope.data);
  if (!parsed.success) return unexpected(problemsOf(parsed.error.issues));
  const version = {
    eventAtMs,
    eventId: envelope.id,
    updatedAtMs:
      parsed.data.updated_at === undefined ? null : parseWorkosTime(parsed.data.updated_at),
  };
  const deleted = envelope.event === 'dsync.user.deleted';
  return { kind: 'user', telling: tellingOf(parsed.data, version, deleted) };
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
      profile: profileFrom(data),
    },
  };
}

/** Everything that is neither active nor suspended counts as inactive. */
function stateOf(state: string): DirectoryUserState {
  return state === 'active' || state === 'suspended' ? state : 'inactive';
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

function parseDirectoryEvent(envelope: EventEnvelope): ParsedEvent {
  const eventAtMs = eventTime(envelope);
  if (eventAtMs === null) return unexpected([{ path: 'created_at', code: 'invalid_time' }]);
  const parsed = directoryData.safeParse(envelope.data);
  if (!parsed.success) return unexpected(problemsOf(parsed.error.issues));
  const kind = envelope.event === 'dsync.activated' ? 'directoryActivated' : 'directoryDeleted';
  return { kind, directory: parsed.data, eventAtMs };
}

function unexpected(problems: Problem[]): ParsedEvent {
  return { kind: 'unexpected', problems };
}

function problemsOf(issues: { path: PropertyKey[]; code: string }[]): Problem[] {
  return issues.map(({ path, code }) => ({ path: ['data', ...path].map(String).join('.'), code }));
}
