import { Refusal } from '../../domain/errors.ts';
import { isCommitted, type Membership } from '../../domain/membership.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { changeMembership, type Note } from '../membership/change-membership.ts';
import { keepReason } from '../reasons.ts';

/** Who gives a command, and why. `actor`: `admin:<key name>` or `temporal:<operator id>`. */
export interface CommandBy {
  membershipId: string;
  actor: string;
  /** Free text: kept apart, erased with the person. */
  reason: string | null;
}

/** What a command edits, under the membership's lock. Throws a Refusal to change nothing. */
export type CommandEdit = (
  tx: Transaction,
  membership: Membership,
  note: Note,
  reasonId: string | null,
) => void | Promise<void>;

/**
 * The frame of every command: a standing fact, written in one transaction, whatever Temporal does. A later
 * directory event does not undo it. Returns the membership as written.
 *
 * @throws Refusal `notFound`, `erasureStarted` after the commit point, or what the command itself refuses.
 */
export async function runCommand(
  store: Store,
  by: CommandBy,
  edit: CommandEdit,
): Promise<Membership> {
  return inTransaction(store, async (tx) => {
    const membership = await changeMembership(
      tx,
      by.membershipId,
      { actor: by.actor },
      async (draft, note) => {
        if (isCommitted(draft)) {
          throw new Refusal('erasureStarted', 'The erasure has begun and cannot be stopped.');
        }
        const reasonId = await keepReason(tx, by.reason, { membershipId: draft._id });
        draft.urgent = true;
        await edit(tx, draft, note, reasonId);
      },
    );
    if (membership === null) throw new Refusal('notFound', 'There is no such membership.');
    return membership;
  });
}
