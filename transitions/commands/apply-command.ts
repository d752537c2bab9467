import { assertNever, Refusal } from '../../domain/errors.ts';
import type { Membership } from '../../domain/membership.ts';
import type { Command } from '../../domain/messages.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { cancelDeletion } from './cancel-deletion.ts';
import type { CommandBy } from './command.ts';
import { disableMembership } from './disable-membership.ts';
import { extendCoolingOff } from './extend-cooling-off.ts';
import { reactivateMembership } from './reactivate-membership.ts';
import { reassignOwnership } from './reassign-ownership.ts';
import { resumeDeletion } from './resume-deletion.ts';

/**
 * Applies a command, whichever way it came: HTTP, Temporal signal or Temporal Update end in the same
 * transition.
 *
 * @throws Refusal as the command's own transition does; `untilNotLater` for a time that cannot be read.
 */
export async function applyCommand(
  store: Store,
  by: CommandBy,
  command: Command,
): Promise<Membership> {
  const { name, message } = command;
  switch (name) {
    case 'cancelDeletion':
      return cancelDeletion(store, by);
    case 'resumeDeletion':
      return resumeDeletion(store, by);
    case 'disable':
      return disableMembership(store, by);
    case 'reactivate':
      return reactivateMembership(store, by);
    case 'extendCoolingOff': {
      const until = new Date(message.until ?? '');
      if (Number.isNaN(until.getTime())) {
        throw new Refusal('untilNotLater', '`until` must be an ISO 8601 time.');
      }
      return extendCoolingOff(store, { ...by, until });
    }
    case 'reassignOwnership':
      return reassignOwnership(store, {
        ...by,
        toUserId: message.toUserId ?? '',
        kinds: message.kinds ?? null,
      });
    default:
      return assertNever(name);
  }
}
