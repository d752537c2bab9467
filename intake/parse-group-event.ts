import type { Version } from '../domain/versions.ts';
import {
  directoryEdgeData,
  directoryGroupData,
  type DirectoryEdgeData,
  type DirectoryGroupData,
  type EventEnvelope,
} from '../platform/workos/wire.ts';
import {
  readEvent,
  unexpected,
  type EdgeTelling,
  type GroupTelling,
  type Problem,
  type Unexpected,
} from './telling.ts';

/** Understands `dsync.group.created`, `dsync.group.updated` and `dsync.group.deleted`. */
export function parseGroupEvent(
  envelope: EventEnvelope,
): { kind: 'group'; telling: GroupTelling } | Unexpected {
  const deleted = envelope.event === 'dsync.group.deleted';
  return readEvent(envelope, directoryGroupData, (data, eventAtMs) => ({
    kind: 'group' as const,
    telling: groupTellingOf(data, versionOf(envelope, eventAtMs), deleted),
  }));
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
  const present = envelope.event === 'dsync.group.user_added';
  return readEvent(envelope, directoryEdgeData, (data, eventAtMs) =>
    edgeOf(data, { present, version: versionOf(envelope, eventAtMs) }),
  );
}

function edgeOf(
  { user, group, directory_id }: DirectoryEdgeData,
  told: Pick<EdgeTelling, 'present' | 'version'>,
): { kind: 'edge'; telling: EdgeTelling } | Unexpected {
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
      ...told,
    },
  };
}

/** A person of one directory in a group of another one: no directory says that, so nobody may profit from it. */
export const acrossDirectories: Problem = {
  path: 'data.group.directory_id',
  code: 'edgeAcrossDirectories',
};

/** The `updated_at` of a group or of its people does not move when somebody joins it. */
function versionOf({ id }: EventEnvelope, eventAtMs: number): Version {
  return { eventAtMs, eventId: id, updatedAtMs: null };
}
