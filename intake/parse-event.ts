import {
  directoryData,
  organizationData,
  type DirectoryData,
  type EventEnvelope,
} from '../platform/workos/wire.ts';
import { parseEdgeEvent, parseGroupEvent } from './parse-group-event.ts';
import { parseUserEvent } from './parse-user-event.ts';
import {
  readEvent,
  type EdgeTelling,
  type GroupTelling,
  type Unexpected,
  type UserTelling,
} from './telling.ts';

/** An event, understood as far as Tenure applies it. */
export type ParsedEvent =
  | { kind: 'user'; telling: UserTelling }
  | { kind: 'group'; telling: GroupTelling }
  | { kind: 'edge'; telling: EdgeTelling }
  | { kind: 'directoryActivated'; directory: DirectoryData; eventAtMs: number; eventId: string }
  | { kind: 'directoryDeleted'; directory: DirectoryData; eventAtMs: number; eventId: string }
  | { kind: 'organizationDeleted'; workosOrganizationId: string }
  /** A type that this version does not apply: stored whole, nothing is lost. */
  | { kind: 'stored' }
  | Unexpected;

/** Understands one event. Never throws: what does not fit is `unexpected` and goes to quarantine. */
export function parseEvent(envelope: EventEnvelope): ParsedEvent {
  switch (envelope.event) {
    case 'dsync.user.created':
    case 'dsync.user.updated':
    case 'dsync.user.deleted':
      return parseUserEvent(envelope);
    case 'dsync.group.created':
    case 'dsync.group.updated':
    case 'dsync.group.deleted':
      return parseGroupEvent(envelope);
    case 'dsync.group.user_added':
    case 'dsync.group.user_removed':
      return parseEdgeEvent(envelope);
    case 'dsync.activated':
    case 'dsync.deleted':
      return parseDirectoryEvent(envelope);
    case 'organization.deleted':
      return parseOrganizationEvent(envelope);
    default:
      return { kind: 'stored' };
  }
}

function parseOrganizationEvent(envelope: EventEnvelope): ParsedEvent {
  return readEvent(envelope, organizationData, ({ id }) => ({
    kind: 'organizationDeleted' as const,
    workosOrganizationId: id,
  }));
}

function parseDirectoryEvent(envelope: EventEnvelope): ParsedEvent {
  const kind = envelope.event === 'dsync.activated' ? 'directoryActivated' : 'directoryDeleted';
  return readEvent(envelope, directoryData, (directory, eventAtMs) => ({
    kind,
    directory,
    eventAtMs,
    eventId: envelope.id,
  }));
}
