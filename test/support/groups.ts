import type { Store } from '../../platform/mongo/store.ts';
import type { RoleMapping } from '../../domain/grants.ts';
import type { HostFile } from '../../domain/host-file.ts';
import { putRoleMappings } from '../../transitions/organization/put-role-mappings.ts';
import type { EventEnvelope } from '../../platform/workos/wire.ts';
import { spread } from './by-hand.ts';
import { edgeEvent, type DirectoryUserSketch } from './events.ts';

/** A mapping of which only what matters to a test is written. */
export function mapped(directoryGroupId: string, parts: Partial<RoleMapping> = {}): RoleMapping {
  return {
    directoryGroupId,
    grantsAccess: true,
    roles: [],
    permissions: [],
    features: [],
    ...parts,
  };
}

/** Sets the mappings of an organization as an admin does, and judges everybody by them. */
export async function mapGroups(
  { store, file }: { store: Store; file: HostFile },
  organizationId: string,
  mappings: RoleMapping[],
): Promise<void> {
  await putRoleMappings(store, file, organizationId, { mappings, by: 'admin:test', reason: null });
  await spread({ store, file });
}

/** Somebody comes into a group of their directory, or is taken out of it. */
export function edge(
  type: 'added' | 'removed',
  person: DirectoryUserSketch & { id: string },
  groupId: string,
): EventEnvelope {
  const { directoryId, organizationId } = person;
  return edgeEvent(`user_${type}`, person, { id: groupId, directoryId, organizationId });
}
