import type { HostFile } from '../../domain/host-file.ts';
import type { Membership } from '../../domain/membership.ts';
import { nextStep, type Decision } from '../../domain/next-step.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { changeMembership, type Note } from '../membership/change-membership.ts';
import { lifecycleFacts } from './lifecycle-facts.ts';

/** What a look came to: the decision, and the revision it was made from. */
export interface Look extends Decision {
  revision: number;
  organizationId: string;
  generation: number;
  dueAtMs: number | null;
  closedAtMs: number | null;
}

/**
 * Looks at everything, decides the next step and writes the decision down, in one compare-and-set on the
 * revision that was read: `lookedRevision` moves only if nothing changed meanwhile, otherwise it looks
 * again. Returns null for an unknown membership.
 */
export async function recordLook(
  store: Store,
  file: HostFile,
  membershipId: string,
  nowMs: number,
): Promise<Look | null> {
  for (;;) {
    const membership = await store.collections.memberships.findOne({ _id: membershipId });
    if (membership === null) return null;
    const decision = nextStep(await lifecycleFacts(store, file, membership), nowMs);
    const revision = await writeDecision(store, membership, decision);
    if (revision === null) continue;
    return {
      ...decision,
      revision,
      organizationId: membership.organizationId,
      generation: membership.generation,
      dueAtMs: membership.dueAt?.getTime() ?? null,
      closedAtMs: membership.disabledAt?.getTime() ?? null,
    };
  }
}

/** Returns the revision that the decision stands on, or null if the membership changed meanwhile. */
async function writeDecision(
  store: Store,
  membership: Membership,
  decision: Decision,
): Promise<number | null> {
  const rests = decision.step.do === 'rest';
  const shown =
    membership.phase === decision.phase &&
    JSON.stringify(membership.blockedBy) === JSON.stringify(decision.blockedBy);
  if (shown) return writeLooked(store, membership, rests);
  const written = await inTransaction(store, async (tx) =>
    changeMembership(
      tx,
      membership._id,
      { actor: 'lifecycle', atRevision: membership.revision },
      (draft, note) => {
        draft.phase = decision.phase;
        draft.blockedBy = decision.blockedBy;
        noteObservation(draft, decision, note);
        note('phase', {
          phase: decision.phase,
          ...(decision.blockedBy.length > 0
            ? { blockedBy: decision.blockedBy.map(({ code }) => code).join(',') }
            : {}),
        });
      },
    ),
  );
  return written === null ? null : writeLooked(store, written, rests);
}

/** Tenure only observes, and nothing else stands in the way of the commit: that is what it reports. */
function noteObservation(membership: Membership, { blockedBy }: Decision, note: Note): void {
  const { observed } = membership;
  const isDue = blockedBy.some(({ code }) => code === 'observing');
  if (!isDue || observed === undefined || observed.anonymization !== null) return;
  observed.anonymization = new Date();
  note('wouldAnonymize');
}

async function writeLooked(
  store: Store,
  { _id, revision, lookedRevision, resting }: Membership,
  rests: boolean,
): Promise<number | null> {
  if (lookedRevision === revision && resting === rests) return revision;
  const { matchedCount } = await store.collections.memberships.updateOne(
    { _id, revision },
    {
      $set: { lookedRevision: revision, resting: rests, urgent: false },
      $unset: { pendingSince: '' },
    },
  );
  return matchedCount === 1 ? revision : null;
}
