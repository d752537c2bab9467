import type { HostFile } from '../../domain/host-file.ts';
import { hasLeft, isCommitted, type Membership } from '../../domain/membership.ts';
import { coolingOffEnds, type Policy } from '../../domain/policy.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { inTurns, throwAll } from '../in-turns.ts';
import { demandRevocation } from '../membership/access-facts.ts';
import { changeMembership, type Note } from '../membership/change-membership.ts';
import { ensureOrganization, policyOf } from './organization.ts';

/** How many people one batch takes up. */
const batchSize = 200;

/**
 * Takes up in earnest what an observing Tenure left undone, one batch a call: sessions are revoked, the host
 * application is told, resources change hands. Only a live worker calls it. Each person is one transaction
 * and says by itself whether they were taken up, so it goes on after a crash where it stood, and what an
 * observing worker that still runs writes meanwhile is taken up as well.
 *
 * Those who are out come first: their sessions are alive until then. Returns whether there may be more to do.
 */
export async function goLive(store: Store, file: Pick<HostFile, 'defaults'>): Promise<boolean> {
  const out = await observedOnes(store, 'closed');
  // Not only once nobody is out: one of those who cannot be taken up is found at every call.
  const others = out.length < batchSize ? await observedOnes(store, 'open') : [];
  const found = [...out, ...others];
  throwAll(await inTurns(found, async ({ _id }) => takeUp(store, file, _id)));
  return found.length > 0;
}

async function observedOnes(
  store: Store,
  state: Membership['access']['state'],
): Promise<Pick<Membership, '_id'>[]> {
  return store.collections.memberships
    .find({ observed: { $exists: true }, 'access.state': state })
    .limit(batchSize)
    .project<Pick<Membership, '_id'>>({ _id: 1 })
    .toArray();
}

async function takeUp(
  store: Store,
  file: Pick<HostFile, 'defaults'>,
  membershipId: string,
): Promise<void> {
  await inTransaction(store, async (tx) => {
    await changeMembership(tx, membershipId, { actor: 'lifecycle' }, async (membership, note) => {
      if (membership.observed === undefined) return;
      delete membership.observed;
      if (isCommitted(membership)) return;
      const organization = await ensureOrganization(tx, membership.organizationId);
      startAnew(membership, policyOf(organization, file), tx.at, note);
    });
    await tx.collections.ownershipMoves.deleteMany(
      { membershipId, observed: true },
      { session: tx.session },
    );
  });
}

/** Everything that calls out is done once more: nothing says what of it was done in earnest before. */
export function startAnew(membership: Membership, policy: Policy, at: Date, note: Note): void {
  membership.projection.wanted += 1;
  membership.conditions = null;
  membership.answeredNarrowings = Math.min(
    membership.answeredNarrowings,
    Math.max(0, membership.narrowings - 1),
  );
  if (membership.access.state === 'closed') {
    // What was only observed is done in earnest now, and for the same reason.
    demandRevocation(membership, membership.closingReason ?? 'wentLive', at, at);
  }
  if (!hasLeft(membership)) {
    membership.giveBack = true;
    note('wentLive');
    return;
  }
  beginToCount(membership, policy, at);
  note('wentLive', { dueAt: membership.dueAt?.toISOString() ?? null });
}

/**
 * The cooling-off counts from the closing of access, and only now anybody is denied: whoever would have been
 * due for weeks must not be anonymized a minute after Tenure went live.
 */
function beginToCount(membership: Membership, policy: Policy, at: Date): void {
  membership.disabledAt = at;
  const ends = coolingOffEnds(policy, at.getTime(), 0);
  membership.dueAt = new Date(Math.max(membership.dueAt?.getTime() ?? 0, ends));
  membership.phase = 'closingAccess';
  membership.blockedBy = [];
  membership.transfer = null;
  if (membership.reassign !== null) membership.reassign.done = false;
}
