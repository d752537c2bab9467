import { Refusal } from '../../domain/errors.ts';
import type { DirectorySync } from '../../domain/policy.ts';
import type { OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { dryRunId, firstListing, whoLosesAccess } from './dry-run.ts';
import { lockImports } from './import-locks.ts';

/**
 * Whether an admin may change the state of Directory Sync. Turning it on ends the access of everybody whom
 * no directory knows: only once the directories were read as a whole, and by an admin who has read exactly
 * whom it puts out. While a directory is connected it decides, so it is not turned off: people whom it
 * removed would come back by SSO.
 *
 * Takes the locks of all imports: whoever comes in at this moment is named by the dry run, or comes in after
 * the turning on and is refused.
 *
 * @throws Refusal `dryRunNeeded`, `listingNotFinished`, `directoryConnected`
 */
export async function allowDirectorySync(
  tx: Transaction,
  organization: OrganizationDocument,
  to: DirectorySync,
  by: string,
): Promise<void> {
  const from = organization.directorySync;
  if (to === from) return;
  if (to === 'enabled') return allowTurningOn(tx, organization, by);
  if (from === 'disabled') return;
  const { directories } = await firstListing(tx.store, organization._id, tx.session);
  if (directories.length === 0) return;
  throw new Refusal(
    'directoryConnected',
    'A directory is connected and decides who is in. Disconnect it first.',
  );
}

async function allowTurningOn(
  tx: Transaction,
  { _id: organizationId }: OrganizationDocument,
  by: string,
): Promise<void> {
  await lockImports(tx, organizationId);
  const { count, digest } = await whoLosesAccess(tx.store, organizationId, tx.session);
  if (count === 0) return;
  const read = await tx.collections.dryRuns.findOne(
    { _id: dryRunId(organizationId, by) },
    { session: tx.session },
  );
  if (read?.digest !== digest) {
    throw new Refusal(
      'dryRunNeeded',
      `${count} users of the organization are in no directory and would lose access. ` +
        'Read GET /v1/organizations/{id}/dry-run as it is now, then say it again.',
    );
  }
  const { finished } = await firstListing(tx.store, organizationId, tx.session);
  if (!finished) {
    throw new Refusal(
      'listingNotFinished',
      'Not every directory was read as a whole yet: more of the users may be in one.',
    );
  }
  // Good for once: whoever rejects it and tries again has read it again.
  await tx.collections.dryRuns.deleteMany({ organizationId }, { session: tx.session });
}
