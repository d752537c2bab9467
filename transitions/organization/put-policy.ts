import type { PolicyDefaults } from '../../domain/host-file.ts';
import { accessRulesOf, type DirectorySync, type Policy } from '../../domain/policy.ts';
import type { OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { resolvePolicy } from '../../platform/policy-schema.ts';
import { allowDirectorySync } from './allow-directory-sync.ts';
import { openGuard } from '../guards/open-guard.ts';
import { ensureOrganization } from './organization.ts';
import { raiseOrganization } from './raise-organization.ts';
import { keepReason } from '../reasons.ts';
import { sameValue } from '../same-value.ts';

/** A whole policy that takes the place of the one before. */
export interface PolicyPut {
  policy: Policy;
  directorySync?: DirectorySync;
  by?: string;
  reason?: string | null;
  /** What stands where nobody has set anything; only to tell what the policy changes. */
  defaults?: PolicyDefaults;
}

/**
 * Replaces the policy of an organization and makes its lifecycles look again, in batches. `directorySync`
 * is a state, not a setting: absent means unchanged. Due times that count down already stay as they are.
 *
 * @throws Refusal `dryRunNeeded`, `listingNotFinished`, `directoryConnected` as `allowDirectorySync` says.
 */
export async function putPolicy(
  store: Store,
  organizationId: string,
  put: PolicyPut,
): Promise<OrganizationDocument> {
  return inTransaction(store, async (tx) => {
    await tx.store.fences.organization(tx, organizationId);
    const organization = await ensureOrganization(tx, organizationId);
    const directorySync = put.directorySync ?? organization.directorySync;
    await allowDirectorySync(tx, organization, directorySync, put.by ?? 'unknown');
    await raiseOrganization(tx, organizationId, put.by ?? 'unknown');
    const { policy, defaults = {} } = put;
    await guardEndings(tx, organization, { policy, directorySync, defaults });
    await tx.collections.organizations.updateOne(
      { _id: organizationId },
      {
        $set: {
          policy: put.policy,
          directorySync,
          policySet: {
            by: put.by ?? 'unknown',
            at: tx.at,
            reasonId: await keepReason(tx, put.reason ?? null, null),
          },
        },
      },
      { session: tx.session },
    );
    return { ...organization, policy: put.policy, directorySync };
  });
}

/** Opens a guard where the change can end somebody's access: whom it ends waits for an admin's word. */
async function guardEndings(
  tx: Transaction,
  { _id, policy, fileRules, directorySync }: OrganizationDocument,
  put: { policy: Policy; directorySync: DirectorySync; defaults: PolicyDefaults },
): Promise<void> {
  const { defaults, ...after } = put;
  const before = { policy, directorySync };
  const changed = !sameValue(
    accessRulesOf(resolvePolicy(policy, { ...defaults, ...fileRules })),
    accessRulesOf(put.policy),
  );
  // Only `enabled` puts anybody out: those whom no directory knows.
  const turnedOn = directorySync !== 'enabled' && after.directorySync === 'enabled';
  if (!changed && !turnedOn) return;
  await openGuard(tx, {
    organizationId: _id,
    kind: 'configuration',
    directoryId: null,
    restores: { what: 'policy', before, after },
  });
}
