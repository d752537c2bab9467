import type { HostFile } from '../domain/host-file.ts';

/**
 * The organization (tenant) of what WorkOS calls `organization_id`: the host application's own id where
 * the host file maps it, else the WorkOS id. A directory without an organization is its own tenant.
 */
export function tenantOf(
  file: Pick<HostFile, 'organizations'>,
  workosOrganizationId: string | null | undefined,
  directoryId: string,
): string {
  const id = workosOrganizationId ?? directoryId;
  return Object.hasOwn(file.organizations, id) ? (file.organizations[id] ?? id) : id;
}
