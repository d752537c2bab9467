import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { noticeOnce } from '../notice.ts';

/**
 * The host application's database refuses the profile of a user for good, such as an e-mail that another
 * record has. Trying again changes nothing until a person changes the data, so an admin is told: once, not at
 * every try.
 */
export async function recordHostRefusal(
  store: Store,
  { _id, organizationId }: Pick<Membership, '_id' | 'organizationId'>,
): Promise<void> {
  await inTransaction(store, async (tx) =>
    noticeOnce(tx, 'hostRefused', { organizationId, subjectId: _id }),
  );
}
