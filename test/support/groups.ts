import type { Store } from '../../platform/mongo/store.ts';
import type { RoleMapping } from '../../domain/grants.ts';
import type { HostFile } from '../../domain/host-file.ts';
import { newId } from '../../platform/ids.ts';
import { putRoleMappings } from '../../transitions/put-role-mappings.ts';
import { spreadFacts } from '../../transitions/spread-facts.ts';
import type { EventEnvelope } from '../../platform/workos/wire.ts';
import { laterTime, workosId } from './events.ts';

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
  await spreadToAll({ store, file });
}

/** Judges everybody whom a changed fact has not reached, as the workers' chore does. */
export async function spreadToAll({
  store,
  file,
}: {
  store: Store;
  file: HostFile;
}): Promise<void> {
  const rules = { file, newUserId: () => newId('user') };
  while (await spreadFacts(store, rules)) {
    // Until nobody is left.
  }
}

/** A `dsync.group.user_added` or `dsync.group.user_removed` event as WorkOS sends it. */
export function edgeEvent(
  type: 'added' | 'removed',
  person: { id: string; directoryId: string; organizationId: string },
  groupId: string,
  at: string = laterTime(),
): EventEnvelope {
  const { id, directoryId, organizationId } = person;
  return {
    id: workosId('event'),
    event: `dsync.group.user_${type}`,
    created_at: at,
    data: {
      directory_id: directoryId,
      user: {
        object: 'directory_user',
        id,
        directory_id: directoryId,
        organization_id: organizationId,
      },
      group: groupData({ id: groupId, directoryId, organizationId }, at),
    },
  };
}

/** A `dsync.group.*` event about the group itself. */
export function groupEvent(
  type: 'created' | 'updated' | 'deleted',
  group: { id: string; directoryId: string; organizationId: string; name?: string },
  at: string = laterTime(),
): EventEnvelope {
  return {
    id: workosId('event'),
    event: `dsync.group.${type}`,
    created_at: at,
    data: groupData(group, at),
  };
}

function groupData(
  group: { id: string; directoryId: string; organizationId: string; name?: string },
  at: string,
): Record<string, unknown> {
  return {
    object: 'directory_group',
    id: group.id,
    idp_id: `idp-${group.id}`,
    directory_id: group.directoryId,
    organization_id: group.organizationId,
    name: group.name ?? 'Engineering',
    raw_attributes: {},
    created_at: at,
    updated_at: at,
  };
}
