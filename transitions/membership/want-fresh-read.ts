import { isCommitted } from '../../domain/membership.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { changeMembership } from './change-membership.ts';

/** Writes down that WorkOS is to be asked afresh about a person: what it told contradicts itself. */
export async function wantFreshRead(tx: Transaction, membershipId: string): Promise<void> {
  await changeMembership(tx, membershipId, { actor: 'directory' }, (membership, note) => {
    if (isCommitted(membership)) return;
    membership.readAfresh.wanted += 1;
    note('toldDoubtfully');
  });
}
