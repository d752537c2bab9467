import { Refusal } from '../../domain/errors.ts';
import { guardOf, hasLeft, type Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { runCommand, type CommandBy } from './command.ts';

/**
 * Makes the cooling-off of this generation longer, never shorter.
 *
 * @throws Refusal `notLeaving` if nothing counts down, `untilNotLater` unless `until` is later than the due time.
 */
export async function extendCoolingOff(
  store: Store,
  by: CommandBy & { until: Date },
): Promise<Membership> {
  return runCommand(store, by, (_tx, membership, note, reasonId) => {
    if (!hasLeft(membership) || membership.dueAt === null) {
      throw new Refusal('notLeaving', 'There is no cooling-off to extend.');
    }
    if (by.until.getTime() <= membership.dueAt.getTime()) {
      throw new Refusal('untilNotLater', '`until` must be later than the due time.');
    }
    membership.dueAt = by.until;
    membership.conditions = null;
    if (membership.phase === 'blocked' && guardOf(membership)?.state !== 'waits') {
      membership.phase = 'coolingOff';
      membership.blockedBy = [];
    }
    note('coolingOffExtended', { dueAt: by.until.toISOString() }, reasonId);
  });
}
