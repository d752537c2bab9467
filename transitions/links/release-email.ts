import { Refusal } from '../../domain/errors.ts';
import { linkKey } from '../../domain/link-keys.ts';
import { hasLeft } from '../../domain/membership.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { changeMembership } from '../membership/change-membership.ts';
import { usersHaving } from './link-candidates.ts';

/**
 * Takes an e-mail address from everybody who left with it, by an admin's word that somebody else has it now:
 * where the host's users must have unique e-mails, its copy of them gets a placeholder. Should they come
 * back, their directory says which address they have then.
 *
 * @throws Refusal `emailInUse` where somebody who is in has the address: two people cannot.
 */
export async function releaseEmail(
  tx: Transaction,
  email: string | null,
  actor: string,
): Promise<void> {
  const emailKey = linkKey(email);
  if (emailKey === null) return;
  const { session } = tx;
  for (const userId of await usersHaving(tx, emailKey)) {
    const memberships = await tx.collections.memberships
      .find({ userId, erasure: null }, { session })
      .project<{ _id: string }>({ _id: 1 })
      .toArray();
    for (const { _id } of memberships) {
      await changeMembership(tx, _id, { actor }, (draft, note) => {
        if (!hasLeft(draft)) {
          throw new Refusal('emailInUse', 'Somebody who is in has this e-mail address.');
        }
        draft.projection.wanted += 1;
        note('emailReleased');
      });
    }
    await tx.collections.users.updateOne(
      { _id: userId },
      { $set: { emailReleased: true }, $inc: { revision: 1 } },
      { session },
    );
  }
}
