import { accessRulesOf, type AccessRules } from '../../domain/policy.ts';
import type { OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { resolvePolicy } from '../../platform/policy-schema.ts';
import { announcedNow, announcedRules } from './announce-file-rules.ts';
import { inTurns, throwAll } from '../in-turns.ts';
import { openGuard } from '../guards/open-guard.ts';
import { ensureOrganization } from './organization.ts';
import { raiseOrganization } from './raise-organization.ts';
import { sameValue } from '../same-value.ts';

/** How many organizations one batch reaches. */
const batchSize = 200;

/**
 * Brings a changed host file to the organizations, one batch a call: each takes over what the file says of
 * who is in, in one small transaction that also makes its people be judged anew and opens the guard at which
 * whoever that ends waits. Until its transaction an organization is judged by what the file said before, by
 * every process, and after it nobody can be ended by the change without the guard.
 *
 * Each organization says by itself what it has, so it goes on after a crash where it stood. Returns whether
 * there may be more to do.
 */
export async function spreadFileRules(store: Store): Promise<boolean> {
  const announced = await announcedNow(store);
  if (announced === null) return false;
  const behind = await store.collections.organizations
    .find({ fileRules: { $ne: announced } })
    .limit(batchSize)
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
  throwAll(await inTurns(behind, async ({ _id }) => takeOver(store, _id)));
  return behind.length > 0;
}

async function takeOver(store: Store, organizationId: string): Promise<void> {
  await inTransaction(store, async (tx) => {
    await tx.store.fences.organization(tx, organizationId);
    const organization = await ensureOrganization(tx, organizationId);
    const fileRules = await announcedRules(tx);
    if (fileRules === null) return;
    if (mayEndAccess(organization, fileRules)) {
      await raiseOrganization(tx, organizationId, 'hostFile');
      // The file is the operator's: a rejection cannot write it back.
      await openGuard(tx, {
        organizationId,
        kind: 'configuration',
        directoryId: null,
        restores: null,
      });
    }
    await tx.collections.organizations.updateOne(
      { _id: organizationId },
      { $set: { fileRules } },
      { session: tx.session },
    );
  });
}

/** Whether somebody may be judged otherwise: a policy of the organization's own leaves the file nothing to say. */
function mayEndAccess({ policy, fileRules }: OrganizationDocument, after: AccessRules): boolean {
  // By what its people were judged is not known.
  if (fileRules === null || fileRules === undefined) return policy === null;
  return !sameValue(rulesUnder(policy, fileRules), rulesUnder(policy, after));
}

function rulesUnder(policy: OrganizationDocument['policy'], rules: AccessRules): AccessRules {
  return accessRulesOf(resolvePolicy(policy, rules));
}
