import { graceMsOf } from '../../domain/guard-rule.ts';
import { assertNever } from '../../domain/errors.ts';
import type { IdentityRules } from '../../domain/host-file.ts';
import { hasLeft, isCommitted, isRetained, type Membership } from '../../domain/membership.ts';
import type { Policy } from '../../domain/policy.ts';
import type { GuardDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { changeMembership, type Note } from '../membership/change-membership.ts';
import { judgeMembership } from '../membership/judge-membership.ts';
import { ensureOrganization, policyOf } from '../organization/organization.ts';

export interface GuardRules {
  file: IdentityRules;
}

/**
 * Carries the decision on a guard to one person who waits at it, and no further: whoever came back meanwhile
 * is none of its business, and an admin's own word on that person stands.
 */
export async function carryDecision(
  store: Store,
  guard: GuardDocument,
  membershipId: string,
  { file }: GuardRules,
): Promise<void> {
  await inTransaction(store, async (tx) => {
    const organization = await ensureOrganization(tx, guard.organizationId);
    const by = { actor: guard.decidedBy ?? 'lifecycle' };
    const membership = await changeMembership(tx, membershipId, by, (draft, note) => {
      apply(draft, guard, policyOf(organization, file), note);
    });
    if (membership === null || guard.restores === null || guard.state !== 'rejected') return;
    // What the guard restored may let the person in again: nobody has to wait for the spreading of it.
    await judgeMembership(tx, {
      membershipId,
      organization,
      file,
      receivedAt: tx.at,
      cause: 'configuration',
    });
  });
}

function apply(membership: Membership, guard: GuardDocument, policy: Policy, note: Note): void {
  const { guard: fact } = membership;
  if (fact?.id !== guard._id || fact.state !== 'waits') return;
  const waits = hasLeft(membership) && !isCommitted(membership);
  if (fact.generation !== membership.generation || !waits) {
    membership.guard = null;
    return;
  }
  switch (guard.state) {
    case 'approved':
      approve(membership, guard, policy, note);
      return;
    case 'rejected':
      reject(membership, guard, note);
      return;
    case 'withdrawn':
      // Joined while the guard was found empty: counted afresh, as if it had never been there.
      membership.guard = null;
      return;
    case 'open':
      return;
    default:
      assertNever(guard.state);
  }
}

/** Goes on where the guard held it up, but nothing is due before there was time to notice a mistake. */
function approve(membership: Membership, guard: GuardDocument, policy: Policy, note: Note): void {
  membership.guard = { generation: membership.generation, state: 'approved', id: guard._id };
  const graceEnds = (guard.decidedAt?.getTime() ?? 0) + graceMsOf(policy);
  const dueMs = Math.max(membership.dueAt?.getTime() ?? 0, graceEnds);
  membership.dueAt = new Date(dueMs);
  const approvedBy = guard.approvals.map(({ by }) => by).join(',');
  note(
    'guardApproved',
    { guardId: guard._id, dueAt: membership.dueAt.toISOString(), approvedBy },
    guard.reasonId,
  );
  showDecided(membership, note);
}

/** Stays closed and is kept, unless the directory still knows them: a return is a return. */
function reject(membership: Membership, guard: GuardDocument, note: Note): void {
  const { generation } = membership;
  membership.guard = { generation, state: 'rejected', id: guard._id };
  if (!isRetained(membership)) {
    membership.retained = {
      generation,
      by: guard.decidedBy ?? 'lifecycle',
      at: guard.decidedAt ?? guard.openedAt,
      reasonId: guard.reasonId,
    };
  }
  note('guardRejected', { guardId: guard._id }, guard.reasonId);
  showDecided(membership, note);
}

/**
 * Shown at once, also while Temporal is down. What access is still open to close goes on before. The lifecycle
 * tells of a phase that it finds another one: this one it finds there.
 */
function showDecided(membership: Membership, note: Note): void {
  membership.conditions = null;
  if (membership.phase !== 'blocked') return;
  membership.blockedBy = [];
  membership.phase = isRetained(membership) ? 'retained' : 'coolingOff';
  note('phase', { phase: membership.phase });
}
