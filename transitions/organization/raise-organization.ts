import type { Transaction } from '../../platform/mongo/store.ts';
import { ensureOrganization } from './organization.ts';

/**
 * Records that a fact about a whole organization changed. Its people are judged by it afterwards, in small
 * transactions (`spread-facts.ts`); the answer does not wait for ten thousand people.
 *
 * @param by who changed it, which stands on the timelines of all whom that touches: `directory`,
 *   `admin:<key name>`, or `hostFile`. Absent: nothing changed that anybody's access is judged by
 */
export async function raiseOrganization(
  tx: Transaction,
  organizationId: string,
  by?: string,
): Promise<void> {
  await ensureOrganization(tx, organizationId);
  // A commit of an erasure writes it too: it sees what changes here, or comes before it.
  await tx.store.fences.organization(tx, organizationId);
  await tx.collections.organizations.updateOne(
    { _id: organizationId },
    {
      $inc: { revision: 1 },
      $set: { revisedAt: tx.at, spreading: true, ...(by === undefined ? {} : { revisedBy: by }) },
    },
    { session: tx.session },
  );
}
