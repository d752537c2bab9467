import type { Membership } from '../../domain/membership.ts';
import type { Transaction } from '../../platform/mongo/store.ts';

/** What links replaced is the person's profile: it goes with them. Returns how many links changed. */
export async function forgetLinks(
  tx: Transaction,
  { _id }: Pick<Membership, '_id'>,
): Promise<number> {
  const { modifiedCount } = await tx.collections.links.updateMany(
    { membershipId: _id, replaced: { $ne: null } },
    { $set: { replaced: null } },
    { session: tx.session },
  );
  return modifiedCount;
}
