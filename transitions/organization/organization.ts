import type { HostFile } from '../../domain/host-file.ts';
import type { Policy } from '../../domain/policy.ts';
import type { OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { resolvePolicy } from '../../platform/policy-schema.ts';
import { announcedRules } from './announce-file-rules.ts';
import { lockImports } from './import-locks.ts';
import { withoutDirectoryIn } from '../membership/without-directory.ts';

/** The organization's document, made at its first mention. */
export async function ensureOrganization(
  tx: Transaction,
  organizationId: string,
): Promise<OrganizationDocument> {
  const found = await tx.collections.organizations.findOne(
    { _id: organizationId },
    { session: tx.session },
  );
  if (found !== null) return found;
  const fileRules = await announcedRules(tx);
  const organization: OrganizationDocument = {
    _id: organizationId,
    revision: 0,
    spreadRevision: 0,
    revisedAt: tx.at,
    directorySync: 'disabled',
    policy: null,
    ...(fileRules === null ? {} : { fileRules }),
    mapped: false,
    guardId: null,
    deletedAt: null,
    switchUntil: null,
    createdAt: tx.at,
  };
  await tx.collections.organizations.insertOne(organization, { session: tx.session });
  return organization;
}

/**
 * The policy in force: what an admin set, then the host file's defaults, then the built-in ones. Of the
 * defaults, those that decide who is in are the ones written down with the organization: a file that was
 * changed must put nobody out before the change has its guard (`spread-file-rules.ts`).
 */
export function policyOf(
  organization: Pick<OrganizationDocument, 'policy' | 'fileRules'> | null,
  file: Pick<HostFile, 'defaults'>,
): Policy {
  const defaults = { ...file.defaults.policy, ...organization?.fileRules };
  return resolvePolicy(organization?.policy ?? null, defaults);
}

/**
 * The first directory of an organization turns Directory Sync on. Where it finds people who were there
 * before, it is only `syncing`: they keep their access until an admin, having read the dry run, says
 * `enabled`; otherwise switching on Directory Sync would lock out a company.
 */
export async function turnOnDirectorySync(
  tx: Transaction,
  organization: OrganizationDocument,
): Promise<void> {
  if (organization.directorySync !== 'disabled') return;
  await lockImports(tx, organization._id);
  const existing = await tx.collections.memberships.findOne(withoutDirectoryIn(organization._id), {
    session: tx.session,
    projection: { _id: 1 },
  });
  organization.directorySync = existing === null ? 'enabled' : 'syncing';
  await tx.collections.organizations.updateOne(
    { _id: organization._id },
    { $set: { directorySync: organization.directorySync } },
    { session: tx.session },
  );
}
