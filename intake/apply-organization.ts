import type { HostFile } from '../domain/host-file.ts';
import type { Transaction } from '../platform/mongo/store.ts';
import { tenantOf } from '../platform/tenant.ts';
import { deleteOrganization } from '../transitions/organization/delete-organization.ts';
import type { Applied } from './applied.ts';

/** Applies `organization.deleted`: the guarded path for everybody in it. Of an unknown one nothing is made. */
export async function applyOrganizationDeleted(
  tx: Transaction,
  workosOrganizationId: string,
  file: Pick<HostFile, 'organizations'>,
): Promise<Applied> {
  const organizationId = tenantOf(file, workosOrganizationId, workosOrganizationId);
  const known = await deleteOrganization(tx, organizationId);
  return {
    organizationId: known ? organizationId : '',
    urgent: [],
    touched: [],
    outcome: known ? 'applied' : 'recorded',
  };
}
