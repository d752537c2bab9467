import { Refusal } from '../../domain/errors.ts';
import type { GuardDocument, OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { openGuard } from './open-guard.ts';
import { ensureOrganization } from '../organization/organization.ts';
import { raiseOrganization } from '../organization/raise-organization.ts';
import { sameValue } from '../same-value.ts';

/** Who writes something back, when and why. */
type Setting = NonNullable<OrganizationDocument['policySet']>;
type Restores = Exclude<NonNullable<GuardDocument['restores']>, { what: 'deletion' }>;

/**
 * Writes back what a rejected change of configuration replaced, or takes back the deletion of an
 * organization: WorkOS never does, and nobody could ever come in there again. What the change let in, its
 * undoing may put out again, so the undoing has a guard of its own.
 *
 * @throws Refusal `changedSince` where something else stands now than what the change had set: what an
 * admin has set since is not thrown away without asking.
 */
export async function restoreConfiguration(
  tx: Transaction,
  { organizationId, restores }: GuardDocument,
  setting: Setting,
): Promise<void> {
  if (restores === null) return;
  await tx.store.fences.organization(tx, organizationId);
  if (restores.what === 'deletion') {
    // It only lets people in, so there is nothing to guard.
    await writeOrganization(tx, organizationId, { deletedAt: null });
    await raiseOrganization(tx, organizationId, setting.by);
    return;
  }
  const undone = await writeBack(tx, organizationId, restores, setting);
  await raiseOrganization(tx, organizationId, setting.by);
  await openGuard(tx, {
    organizationId,
    kind: 'configuration',
    directoryId: null,
    restores: undone,
  });
}

/** Returns what would undo the undoing. */
async function writeBack(
  tx: Transaction,
  organizationId: string,
  restores: Restores,
  setting: Setting,
): Promise<Restores> {
  const { what, before, after } = restores;
  if (what === 'policy') {
    const { policy, directorySync } = await ensureOrganization(tx, organizationId);
    refuseIfChanged({ policy, directorySync }, after);
    await writeOrganization(tx, organizationId, { ...before, policySet: setting });
    return { what, before: after, after: before };
  }
  const { session } = tx;
  const found = await tx.collections.roleMappings.findOne({ _id: organizationId }, { session });
  refuseIfChanged(found?.mappings ?? [], after);
  await tx.collections.roleMappings.replaceOne(
    { _id: organizationId },
    { mappings: before, set: setting },
    { session, upsert: true },
  );
  await writeOrganization(tx, organizationId, { mapped: before.length > 0 });
  return { what, before: after, after: before };
}

function refuseIfChanged(standing: unknown, after: unknown): void {
  if (sameValue(standing, after)) return;
  throw new Refusal(
    'changedSince',
    'The configuration was changed again since. Decide on the newer change first, or set what should stand.',
  );
}

async function writeOrganization(
  tx: Transaction,
  organizationId: string,
  fields: Partial<OrganizationDocument>,
): Promise<void> {
  await tx.collections.organizations.updateOne(
    { _id: organizationId },
    { $set: fields },
    { session: tx.session },
  );
}
