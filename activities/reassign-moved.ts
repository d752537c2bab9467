import { heartbeat } from '@temporalio/activity';

import type { HostApplication } from '../connectors/host-application.ts';
import type { Membership } from '../domain/membership.ts';
import type { Store } from '../platform/mongo/store.ts';

/**
 * Hands on what was handed over before: an admin says that somebody else shall have it. Only what its
 * receiver still has; what they gave away since is theirs to give.
 */
export async function reassignMoved(
  store: Store,
  host: HostApplication,
  membership: Membership,
  kinds: string[],
  to: string,
): Promise<number> {
  const moves = store.collections.ownershipMoves.find({
    membershipId: membership._id,
    generation: membership.generation,
    kind: { $in: kinds },
    toOwner: { $ne: to },
  });
  let moved = 0;
  for await (const move of moves) {
    const changed = await host.changeOwner({
      resources: [{ kind: move.kind, resourceId: move.resourceId }],
      from: move.toOwner,
      to,
    });
    moved += changed;
    if (changed > 0 && !host.observes) {
      await store.collections.ownershipMoves.updateOne(
        { _id: move._id },
        { $set: { toOwner: to } },
      );
    }
    heartbeat({ moved });
  }
  return moved;
}
