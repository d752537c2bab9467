import type { Version } from '../domain/versions.ts';
import {
  directoryEdgeData,
  directoryGroupData,
  type DirectoryGroupData,
  type EventEnvelope,
} from '../platform/workos/wire.ts';
import {
  eventTime,
  problemsOf,
  unexpected,
  untimed,
  type EdgeTelling,
  type GroupTelling,
  type Problem,
  type Unexpected,
} from './telling.ts';

/** Understands `dsync.group.created`, `dsync.group.updated` and `dsync.group.deleted`. */
export function parseGroupEvent(
  envelope: EventEnvelope,
): { kind: 'group'; telling: GroupTelling } | Unexpected {
  const version = versionOf(envelope);
  if (version === null) return untimed;
  const parsed = directoryGroupData.safeParse(envelope.data);
  if (!parsed.success) return unexpected(problemsOf(parsed.error.issues));
  const deleted = envelope.event === 'dsync.group.deleted';
  return { kind: 'group', telling: groupTellingOf(parsed.data, version, deleted) };
}

/** A group of WorkOS as a telling of this version. */
export function groupTellingOf(
  data: DirectoryGroupData,
  version: Version,
  deleted: boolean,
): GroupTelling {
  return {
    directoryId: data.directory_id,
    workosOrganizationId: data.organization_id ?? null,
    groupId: data.id,
    name: data.name,
    state: deleted ? 'deleted' : 'active',
    version,
  };
}

/**
 * Understands `dsync.group.user_added` and `dsync.group.user_removed`. Of both sides only the ids are read,
 * see `docs/decisions/0020-edges-by-ids.md`.
 */
export function parseEdgeEvent(
  envelope: EventEnvelope,
): { kind: 'edge'; telling: EdgeTelling } | Unexpected {
  const version = versionOf(envelope);
  if (version === null) return untimed;
  const parsed = directoryEdgeData.safeParse(envelope.data);
  if (!parsed.success) return unexpected(problemsOf(parsed.error.issues));
  const { user, group, directory_id } = parsed.data;
  const directories = [directory_id, user.directory_id, group.directory_id];
  const [directoryId, ...others] = new Set(directories.filter((id) => typeof id === 'string'));
  if (directoryId === undefined) {
    return unexpected([{ path: 'data.directory_id', code: 'invalid_type' }]);
  }
  if (others.length > 0) return unexpected([acrossDirectories]);
  return {
    kind: 'edge',
    telling: {
      directoryId,
      workosOrganizationId: user.organization_id ?? group.organization_id ?? null,
      groupId: group.id,
      directoryUserId: user.id,
      present: envelope.event === 'dsync.group.user_added',
      version,
    },
  };
}

/** A person of one directory in a group of another one: no directory says that, so nobody may profit from it. */
export const acrossDirectories: Problem = {
  path: 'data.group.directory_id',
  code: 'edgeAcrossDirectories',
};

function versionOf(envelope: EventEnvelope): Version | null {
  const eventAtMs = eventTime(envelope);
  // The `updated_at` of a group or of its people does not move when somebody joins it.
  return eventAtMs === null ? null : { eventAtMs, eventId: envelope.id, updatedAtMs: null };
}
