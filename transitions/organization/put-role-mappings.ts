import { isDeepStrictEqual } from 'node:util';

import type { RoleMapping } from '../../domain/grants.ts';
import type { HostFile } from '../../domain/host-file.ts';
import type { OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { openGuard } from '../guards/open-guard.ts';
import { ensureOrganization, policyOf } from './organization.ts';
import { raiseOrganization } from './raise-organization.ts';
import { keepReason } from '../reasons.ts';

/** The whole list of an organization's mappings, and who sets it. No group is in it twice. */
export interface RoleMappingsPut {
  mappings: readonly RoleMapping[];
  /** `admin:<key name>`. */
  by: string;
  /** Free text: nobody's, so it stays. */
  reason: string | null;
}

/**
 * Replaces what the groups of an organization give. Its people are judged by it afterwards, in small
 * transactions (`spread-facts.ts`): nobody waits for ten thousand of them. Where it may take the last group
 * from somebody that lets them in, their leaving waits at a guard, which a rejection undoes with the list.
 * The same list once more changes nothing and judges nobody.
 */
export async function putRoleMappings(
  store: Store,
  file: Pick<HostFile, 'defaults'>,
  organizationId: string,
  put: RoleMappingsPut,
): Promise<void> {
  const mappings = put.mappings.map(withoutRepeats);
  await inTransaction(store, async (tx) => {
    await tx.store.fences.organization(tx, organizationId);
    const organization = await ensureOrganization(tx, organizationId);
    const before = await mappingsBefore(tx, organizationId);
    if (isDeepStrictEqual(before, mappings)) return;
    const reasonId = await keepReason(tx, put.reason, null);
    await writeRoleMappings(tx, organizationId, mappings, { by: put.by, reasonId });
    if (!mayEndAccess(organization, file, before, mappings)) return;
    await openGuard(tx, {
      organizationId,
      kind: 'configuration',
      directoryId: null,
      restores: { what: 'mappings', before, after: mappings },
    });
  });
}

/** Writes the list, and makes everybody be judged by it. */
async function writeRoleMappings(
  tx: Transaction,
  organizationId: string,
  mappings: RoleMapping[],
  set: { by: string; reasonId: string | null },
): Promise<void> {
  await raiseOrganization(tx, organizationId, set.by);
  await tx.collections.roleMappings.replaceOne(
    { _id: organizationId },
    { mappings, set: { ...set, at: tx.at } },
    { session: tx.session, upsert: true },
  );
  await tx.collections.organizations.updateOne(
    { _id: organizationId },
    { $set: { mapped: mappings.length > 0 } },
    { session: tx.session },
  );
}

async function mappingsBefore(tx: Transaction, organizationId: string): Promise<RoleMapping[]> {
  const found = await tx.collections.roleMappings.findOne(
    { _id: organizationId },
    { session: tx.session },
  );
  return found?.mappings ?? [];
}

/** Under access by group, a group that let people in and does not any more may have been somebody's last. */
function mayEndAccess(
  organization: OrganizationDocument,
  file: Pick<HostFile, 'defaults'>,
  before: readonly RoleMapping[],
  after: readonly RoleMapping[],
): boolean {
  if (!policyOf(organization, file).accessByGroup) return false;
  const still = letIn(after);
  return letIn(before).some((groupId) => !still.includes(groupId));
}

function letIn(mappings: readonly RoleMapping[]): string[] {
  return mappings
    .filter(({ grantsAccess }) => grantsAccess)
    .map(({ directoryGroupId }) => directoryGroupId);
}

/** Field by field, so that equal lists are equal documents. */
function withoutRepeats(mapping: RoleMapping): RoleMapping {
  return {
    directoryGroupId: mapping.directoryGroupId,
    grantsAccess: mapping.grantsAccess,
    roles: [...new Set(mapping.roles)],
    permissions: [...new Set(mapping.permissions)],
    features: [...new Set(mapping.features)],
  };
}
