import { Refusal } from '../../domain/errors.ts';
import { isEntitled, type Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { runCommand, type CommandBy } from './command.ts';

/**
 * Lifts an admin's disable; the lifecycle opens access again.
 *
 * @throws Refusal `directoryInactive` while the directory says that the person is not in: only the
 * customer's directory takes somebody back whom it removed.
 */
export async function reactivateMembership(store: Store, by: CommandBy): Promise<Membership> {
  return runCommand(store, by, (_tx, membership, note, reasonId) => {
    if (!isEntitled(membership) || membership.suspended) {
      throw new Refusal(
        'directoryInactive',
        'The directory does not have this person as active. Reactivate them there.',
      );
    }
    if (membership.disabled === null) return;
    membership.disabled = null;
    membership.phase = 'joining';
    note('reactivated', {}, reasonId);
  });
}
