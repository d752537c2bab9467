import { isCommitted } from '../../domain/membership.ts';
import type { HoldDocument } from '../../platform/mongo/documents.ts';
import { resourceHoldsFence } from '../../platform/mongo/fences.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { changeMembership } from '../membership/change-membership.ts';
import { raiseOrganization } from '../organization/raise-organization.ts';

/** A reason for holding a person's data is about the person, and goes with them. */
export function personOf(scope: HoldDocument['scope']): { userId: string } | null {
  return 'userId' in scope ? { userId: scope.userId } : null;
}

/** The fence of what a hold covers: every commit of an erasure writes it too, so that one of the two waits. */
export async function lockScope(tx: Transaction, scope: HoldDocument['scope']): Promise<void> {
  if ('userId' in scope) await tx.store.fences.user(tx, scope.userId);
  else if ('organizationId' in scope) await tx.store.fences.organization(tx, scope.organizationId);
  else await tx.store.fences.keys(tx, [resourceHoldsFence]);
}

/**
 * The lifecycles that the hold concerns look again: a user's at once, a whole organization in batches. A
 * hold on a resource is seen by whoever comes to commit; its release reaches those that it blocked.
 */
export async function letConcernedLook(
  tx: Transaction,
  hold: HoldDocument,
  line: { type: 'holdPlaced' | 'holdReleased'; by: string; reasonId: string | null },
): Promise<void> {
  if ('organizationId' in hold.scope) {
    await raiseOrganization(tx, hold.scope.organizationId);
    return;
  }
  const concerned =
    'userId' in hold.scope
      ? { userId: hold.scope.userId }
      : { phase: 'blocked' as const, 'blockedBy.detail': hold._id };
  const memberships = await tx.collections.memberships
    .find(concerned, { session: tx.session })
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
  for (const { _id } of memberships) {
    await changeMembership(tx, _id, { actor: line.by }, (membership, note) => {
      if (isCommitted(membership)) return;
      note(line.type, { holdId: hold._id, kind: hold.kind }, line.reasonId);
    });
  }
}
