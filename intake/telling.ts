import type { ZodType } from 'zod';

import type { DirectoryProfile, DirectoryRecord } from '../domain/directory-user.ts';
import { parseWorkosTime, type Version } from '../domain/versions.ts';
import type { EventEnvelope } from '../platform/workos/wire.ts';

/** What WorkOS tells, whichever way it comes, in the words of the mirror. */

/** Where a telling is from: every one names its directory, and the organization where WorkOS knows it. */
export interface Origin {
  directoryId: string;
  workosOrganizationId: string | null;
}

/** A directory user as one event or listing tells of it. */
export interface UserTelling extends Origin {
  idpId: string | null;
  record: DirectoryRecord & { profile: DirectoryProfile };
}

/** A group as one event or listing tells of it. */
export interface GroupTelling extends Origin {
  groupId: string;
  name: string | null;
  state: 'active' | 'deleted';
  version: Version;
}

/** One person's membership of one group: ids only. */
export interface EdgeTelling extends Origin {
  groupId: string;
  directoryUserId: string;
  present: boolean;
  version: Version;
}

/** Paths and codes of what is wrong with an event, never values. */
export type Problem = { path: string; code: string };

/** What does not fit, and goes to quarantine. */
export interface Unexpected {
  kind: 'unexpected';
  problems: Problem[];
}

export function unexpected(problems: Problem[]): Unexpected {
  return { kind: 'unexpected', problems };
}

/**
 * Reads one event: when it happened and, by the shape of its type, what it is about. Never throws: what does
 * not fit is `unexpected`, an event without a time among it, whose order could not be known.
 */
export function readEvent<Data, Understood>(
  envelope: EventEnvelope,
  shape: ZodType<Data>,
  understand: (data: Data, eventAtMs: number) => Understood,
): Understood | Unexpected {
  const eventAtMs = eventTime(envelope);
  if (eventAtMs === null) return unexpected([{ path: 'created_at', code: 'invalid_time' }]);
  const parsed = shape.safeParse(envelope.data);
  if (parsed.success) return understand(parsed.data, eventAtMs);
  const problems = parsed.error.issues.map(({ path, code }) => ({
    path: ['data', ...path].map(String).join('.'),
    code,
  }));
  return unexpected(problems);
}

/** When the event happened, milliseconds; null where `created_at` is missing or unreadable. */
export function eventTime(envelope: EventEnvelope): number | null {
  return envelope.created_at === undefined ? null : parseWorkosTime(envelope.created_at);
}

/** A time of WorkOS that may be missing. */
export function optionalTime(text: string | null | undefined): number | null {
  return text === undefined || text === null ? null : parseWorkosTime(text);
}
