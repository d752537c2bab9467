import { Refusal } from '../../domain/errors.ts';
import { isRetained, type Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { runCommand, type CommandBy } from './command.ts';

/**
 * Takes back a cancelled deletion: the countdown goes on towards the due time it had, counted from the
 * closing of access. Where that has passed, the conditions are checked at once.
 *
 * @throws Refusal `notRetained` if the deletion of this generation was not cancelled.
 */
export async function resumeDeletion(store: Store, by: CommandBy): Promise<Membership> {
  return runCommand(store, by, (_tx, membership, note, reasonId) => {
    if (!isRetained(membership)) {
      throw new Refusal('notRetained', 'The deletion was not cancelled.');
    }
    membership.retained = null;
    if (membership.phase === 'retained') membership.phase = 'coolingOff';
    note('deletionResumed', { dueAt: membership.dueAt?.toISOString() ?? null }, reasonId);
  });
}
