import { randomBytes } from 'node:crypto';

import type { HostFile } from '../../domain/host-file.ts';
import { hasLeft, isCommitted, isRetained, type Membership } from '../../domain/membership.ts';
import { nextStep } from '../../domain/next-step.ts';
import { resourceHoldsFence } from '../../platform/mongo/fences.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { changeMembership } from '../membership/change-membership.ts';
import { lifecycleFacts } from '../lifecycle/lifecycle-facts.ts';
import { judgeAgain } from '../organization/spread-facts.ts';

/** The commit as the lifecycle asks for it: the state it decided on, and the workflow's time. */
export interface CommitRequest {
  membershipId: string;
  revision: number;
  generation: number;
  nowMs: number;
}

/**
 * The one commit point: `coolingOff, generation g -> anonymizing`, a compare-and-set on generation,
 * revision, not backed, due time passed by the workflow's time, last look not older than five minutes and
 * everything else that the next step is decided from. Before it a reactivation or a hold always wins;
 * after it the erasure finishes and the returning person is a new user.
 *
 * It writes the fences of the user, the organization and of resource holds: a hold placed at the same
 * moment writes one of them too, so one of the two transactions is repeated and sees the other.
 *
 * Returns whether it was committed; false means: look again.
 */
export async function commitErasure(
  store: Store,
  file: HostFile,
  request: CommitRequest,
): Promise<boolean> {
  const done = await inTransaction(store, async (tx) => {
    let committed = false;
    let behind: string | null = null;
    await changeMembership(
      tx,
      request.membershipId,
      { actor: 'lifecycle', atRevision: request.revision, own: true },
      async (membership, note) => {
        await writeFences(tx, membership);
        if (await isBehind(tx, membership)) {
          behind = membership.organizationId;
          return;
        }
        if (!(await mayCommit(tx, file, membership, request))) return;
        committed = true;
        membership.erasure = {
          committedAt: tx.at,
          pseudonym: `former-user-${randomBytes(8).toString('hex')}`,
          wholeUser: await isLastMembership(tx, membership),
          completedAt: null,
          counts: {},
        };
        membership.phase = 'anonymizing';
        note('erasureCommitted', { wholeUser: membership.erasure.wholeUser });
      },
    );
    return { committed, behind };
  });
  // Who may be let in again by it is not erased before; nor waited for, until the spreading comes to them.
  if (done.behind !== null) await judgeAgain(store, done.behind, request.membershipId, { file });
  return done.committed;
}

/** A fact about everybody (a directory that is back, a policy) has not reached the person yet. */
async function isBehind(
  tx: Transaction,
  { organizationId, factsRevision }: Membership,
): Promise<boolean> {
  const organization = await tx.collections.organizations.findOne(
    { _id: organizationId },
    { session: tx.session, projection: { revision: 1 } },
  );
  return organization !== null && factsRevision < organization.revision;
}

async function writeFences(tx: Transaction, membership: Membership): Promise<void> {
  await tx.store.fences.user(tx, membership.userId);
  await tx.store.fences.organization(tx, membership.organizationId);
  await tx.store.fences.keys(tx, [resourceHoldsFence]);
}

/** Decides everything once more inside the transaction, from what its snapshot shows. */
async function mayCommit(
  tx: Transaction,
  file: HostFile,
  membership: Membership,
  request: CommitRequest,
): Promise<boolean> {
  const stillLeaving =
    membership.generation === request.generation &&
    hasLeft(membership) &&
    !isRetained(membership) &&
    !isCommitted(membership);
  if (!stillLeaving) return false;
  const facts = await lifecycleFacts(tx.store, file, membership, tx.session);
  return nextStep(facts, request.nowMs).step.do === 'commit';
}

/** Whether no other membership of the user is still there: then user-wide data goes too. Decided under the user's fence. */
async function isLastMembership(tx: Transaction, membership: Membership): Promise<boolean> {
  const other = await tx.collections.memberships.findOne(
    { userId: membership.userId, _id: { $ne: membership._id }, erasure: null },
    { session: tx.session, projection: { _id: 1 } },
  );
  return other === null;
}
