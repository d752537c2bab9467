import { Refusal } from '../../domain/errors.ts';
import { guardOf, hasLeft, isRetained, type Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { runCommand, type CommandBy } from './command.ts';

/**
 * Cancels the deletion of somebody who left, for this generation: they stay disabled and retained. Should
 * they return and leave again, the countdown begins anew.
 *
 * @throws Refusal `notLeaving` if the person did not leave.
 */
export async function cancelDeletion(store: Store, by: CommandBy): Promise<Membership> {
  return runCommand(store, by, (tx, membership, note, reasonId) => {
    if (!hasLeft(membership)) throw new Refusal('notLeaving', 'There is no deletion to cancel.');
    if (isRetained(membership)) return;
    membership.retained = {
      generation: membership.generation,
      by: by.actor,
      at: tx.at,
      reasonId,
    };
    note('deletionCancelled', {}, reasonId);
    // Shown at once: revocation and hand-over go on, but nothing is counted down any more.
    const counting = membership.phase === 'coolingOff' || membership.phase === 'blocked';
    if (counting && guardOf(membership)?.state !== 'waits') {
      membership.phase = 'retained';
      membership.blockedBy = [];
    }
  });
}
