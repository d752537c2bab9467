import { Refusal } from '../../domain/errors.ts';
import { hasLeft, type Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { runCommand, type CommandBy } from './command.ts';

/**
 * An admin says who receives the resources of somebody who left, for this generation: what the person still
 * owns, and what was handed to somebody else before.
 *
 * @throws Refusal `notLeaving`, or `recipientNotActive` unless the recipient has open access in the same organization.
 */
export async function reassignOwnership(
  store: Store,
  by: CommandBy & { toUserId: string; kinds: string[] | null },
): Promise<Membership> {
  return runCommand(store, by, async (tx, membership, note, reasonId) => {
    if (!hasLeft(membership)) {
      throw new Refusal('notLeaving', 'Only the resources of somebody who left are reassigned.');
    }
    const recipient = await tx.collections.memberships.findOne(
      { userId: by.toUserId, organizationId: membership.organizationId, 'access.state': 'open' },
      { session: tx.session, projection: { _id: 1 } },
    );
    if (recipient === null || by.toUserId === membership.userId) {
      throw new Refusal(
        'recipientNotActive',
        'The recipient must be an active user of the same organization.',
      );
    }
    membership.reassign = {
      generation: membership.generation,
      toUserId: by.toUserId,
      kinds: by.kinds,
      done: false,
    };
    note('ownershipReassigned', { toUserId: by.toUserId }, reasonId);
  });
}
