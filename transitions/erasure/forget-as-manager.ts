import type { FindCursor } from 'mongodb';

import type { DirectoryRecord, DirectoryUser } from '../../domain/directory-user.ts';
import { linkKey } from '../../domain/link-keys.ts';
import { addressCollation } from '../../platform/mongo/address-collation.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';

/**
 * Others name the person as their manager. The address goes there too, unless somebody who is in the
 * organization now has it: a recycled address is the newcomer's. Returns how many records named it.
 */
export async function forgetAsManager(
  tx: Transaction,
  { _id, organizationId }: { _id: string; organizationId: string },
  emails: string[],
): Promise<number> {
  const { session } = tx;
  const inUse = await tx.collections.gate
    .find({ organizationId, emails: { $in: emails }, _id: { $ne: _id } }, { session })
    .toArray();
  const gone = emails.filter((email) => !inUse.some((entry) => entry.emails.includes(email)));
  if (gone.length === 0) return 0;
  let changed = 0;
  for await (const mirror of possibleReports(tx.store, organizationId, gone, tx)) {
    if (mirror.organizationId !== organizationId) continue;
    const records = mirror.records.map((record) => withoutManager(record, gone));
    if (records.every((record, index) => record === mirror.records[index])) continue;
    await tx.collections.directoryUsers.updateOne(
      { _id: mirror._id },
      { $set: { records } },
      { session },
    );
    changed += 1;
  }
  return changed;
}

const plain = /^[\u0021-\u007e]*$/;

/**
 * Everybody whose manager may have one of these addresses (link keys): an organization has thousands of
 * mirrors, a manager some tens of reports. By an index that takes a few more texts for the same than
 * `linkKey` does, never fewer, so whoever asks compares again. Only where an address is not plain ASCII,
 * which is rare, everybody in the organization who has a manager is read.
 */
export function possibleReports(
  { collections }: Pick<Store, 'collections'>,
  organizationId: string,
  emails: string[],
  tx?: Pick<Transaction, 'session'>,
): FindCursor<DirectoryUser> {
  const options = tx === undefined ? {} : { session: tx.session };
  const byIndex = emails.every((email) => plain.test(email));
  const managerEmail = byIndex ? { $in: emails } : { $type: 'string' as const };
  return collections.directoryUsers.find(
    { organizationId, 'records.profile.managerEmail': managerEmail },
    { ...options, ...(byIndex ? { collation: addressCollation } : {}) },
  );
}

function withoutManager(record: DirectoryRecord, gone: string[]): DirectoryRecord {
  const { profile } = record;
  const manager = linkKey(profile?.managerEmail);
  if (profile === null || manager === null || !gone.includes(manager)) return record;
  const attributes = Object.fromEntries(
    Object.entries(profile.attributes).filter(
      ([, value]) => typeof value !== 'string' || linkKey(value) !== manager,
    ),
  );
  return { ...record, profile: { ...profile, managerEmail: null, attributes } };
}
