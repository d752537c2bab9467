import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { demandRevocation } from '../membership/access-facts.ts';
import { runCommand, type CommandBy } from './command.ts';

/**
 * An admin's emergency suspension: closes access in this transaction and has every session revoked. No
 * transfer, no countdown; it stands until `reactivateMembership` lifts it, whatever the directory says.
 */
export async function disableMembership(store: Store, by: CommandBy): Promise<Membership> {
  return runCommand(store, by, (tx, membership, note, reasonId) => {
    if (membership.disabled !== null) return;
    membership.disabled = { by: by.actor, at: tx.at, reasonId };
    demandRevocation(membership, 'disabled', tx.at, tx.at);
    note('disabled', {}, reasonId);
  });
}
