import { compareVersions, type Version } from './versions.ts';

/** One person's membership of a group, as far as it decides whether it counts. */
export interface EdgeFacts {
  directoryId: string;
  present: boolean;
  version: Version;
}

/** The group, as far as it decides whether its edges count. */
export interface GroupState {
  directoryId: string;
  state: 'active' | 'deleted';
  /** Of the newest deletion. */
  deletedVersion: Version | null;
}

/**
 * Whether an edge counts. A deleted group gives nothing, and one that was made again gives nothing to those
 * who were in it before: WorkOS announces no removals when it deletes a group. A person of one directory
 * in a group of another one is nobody's word.
 */
export function edgeCounts(edge: EdgeFacts | null, group: GroupState | null): boolean {
  if (edge === null || !edge.present) return false;
  if (group === null) return true;
  if (group.state === 'deleted' || group.directoryId !== edge.directoryId) return false;
  return group.deletedVersion === null || compareVersions(edge.version, group.deletedVersion) > 0;
}
