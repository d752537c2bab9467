import type { HandOverTime, Membership, TransferProgress } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { observedOf } from '../membership/observed.ts';
import { recordStep } from './record-step.ts';

export interface HandOver {
  generation: number;
  time: HandOverTime | 'reassignment';
  /** For a reassignment: to whom. A newer one, given meanwhile, still waits. */
  toUserId?: string;
  moved: number;
  /** Nothing was moved: it would have been. */
  observed?: boolean;
}

/** The resources of one time of the policy, or of an admin's word, were handed over. */
export async function recordTransferred(
  store: Store,
  membershipId: string,
  handOver: HandOver,
): Promise<Membership | null> {
  return recordStep(store, membershipId, (membership, note, at) => {
    if (membership.generation !== handOver.generation) return;
    // What was found before the hand-over says nothing any more of what is left.
    membership.conditions = null;
    const { time, moved } = handOver;
    if (time === 'reassignment') {
      const current = membership.reassign?.toUserId === handOver.toUserId;
      if (membership.reassign === null || !current) return;
      membership.reassign.done = true;
    } else {
      const before = progressOf(membership);
      if (before.done.includes(time)) return;
      membership.transfer = {
        ...before,
        done: [...before.done, time],
        moved: before.moved + moved,
      };
    }
    const observed = handOver.observed === true;
    if (observed) observedOf(membership, at).handedOver += moved;
    note(observed ? 'wouldTransfer' : 'ownershipTransferred', { time, moved });
  });
}

function progressOf({ transfer, generation }: Membership): TransferProgress {
  return transfer?.generation === generation ? transfer : { generation, done: [], moved: 0 };
}
