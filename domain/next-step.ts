import {
  guardOf,
  hasLeft,
  isCommitted,
  isEntitled,
  isRetained,
  wantsWidening,
  type ConditionsFound,
  type HandOverTime,
  type Membership,
} from './membership.ts';
import type { Blocker, Phase } from './words.ts';

/** How old the last look may be at the commit. */
export const lastLookValidMs = 5 * 60 * 1000;

/** Everything the next step is decided from: the membership, and what surrounds it. */
export interface LifecycleFacts {
  membership: Membership;
  /** The holds on the user or the organization that are not released. */
  holdIds: string[];
  /** Every hold on a resource that is not released: whose resource it is, the last check of conditions tells. */
  resourceHoldIds: string[];
  /** What the organization's contract says of deletion. */
  contract: 'allowed' | 'refused' | 'unknown';
  /** The policy's transfer times for which the host application has resource kinds. */
  transferTimes: HandOverTime[];
  returnOwnership: boolean;
  /** The host file names sessions that are refreshed or revoked when somebody loses a role. */
  answersRoleLoss: boolean;
  /** How long before the due time the host application is told that it comes; 0: it is not told. */
  remindMs: number;
}

/**
 * What the lifecycle does next. Times are milliseconds since the epoch. `rest` ends the run; whatever
 * removes its reason raises the revision, and the next run begins.
 */
export type Step =
  | { do: 'rest' }
  | { do: 'revoke'; closing: number }
  | { do: 'project' }
  | { do: 'readAfresh' }
  | { do: 'answerRoleLoss' }
  | { do: 'widen' }
  | { do: 'checkGuard' }
  | { do: 'giveBack' }
  | { do: 'open' }
  | { do: 'transfer'; time: HandOverTime | 'reassignment' }
  // `remindAtMs`: something is to be done before the due time. Absent where nothing is.
  | { do: 'coolOff'; untilMs: number; remindAtMs?: number }
  | { do: 'remind' }
  | { do: 'checkConditions' }
  | { do: 'commit' }
  | { do: 'erase' };

/** A step, and what people see of it meanwhile. */
export interface Decision {
  step: Step;
  phase: Phase;
  blockedBy: Blocker[];
}

/**
 * Decides the next step of a lifecycle, purely, from what was looked at and the workflow's time. This one
 * function is the policy; it runs through millions of schedules without a server.
 */
export function nextStep(facts: LifecycleFacts, nowMs: number): Decision {
  const { membership } = facts;
  if (isCommitted(membership)) return afterCommit(membership);
  if (hasLeft(membership)) return leaving(facts, nowMs);
  return staying(facts);
}

function decide(step: Step, phase: Phase, blockedBy: Blocker[] = []): Decision {
  return { step, phase, blockedBy };
}

/** Past the commit point only the erasure is left; nothing stops it any more. */
function afterCommit(membership: Membership): Decision {
  return membership.erasure?.completedAt === null
    ? decide({ do: 'erase' }, 'anonymizing')
    : decide({ do: 'rest' }, 'anonymized');
}

/** Somebody who is in, comes in, or is kept out without having left (disabled, suspended). */
function staying(facts: LifecycleFacts): Decision {
  const { membership } = facts;
  const wantsOpening = isEntitled(membership) && membership.access.reason === 'opening';
  const phase: Phase = wantsOpening ? 'joining' : 'settled';
  // Also before a return is let in: what was open before the closing may be a thief's session.
  const revoking = pendingRevocation(membership);
  if (revoking !== null) return decide(revoking, phase);
  if (needsProjection(membership)) return decide({ do: 'project' }, phase);
  // Before WorkOS is asked anything: while it does not answer, sessions would keep roles that are gone.
  if (facts.answersRoleLoss && membership.answeredNarrowings < membership.narrowings) {
    return decide({ do: 'answerRoleLoss' }, phase);
  }
  // What WorkOS does not announce again (the groups of somebody who comes back) is asked before it counts.
  if (needsFreshRead(membership)) return decide({ do: 'readAfresh' }, phase);
  if (!wantsOpening) {
    const wider = membership.access.state === 'open' && wantsWidening(membership);
    return decide({ do: wider ? 'widen' : 'rest' }, phase);
  }
  if (membership.giveBack && facts.returnOwnership) return decide({ do: 'giveBack' }, phase);
  return decide({ do: 'open' }, phase);
}

/** Somebody who left: close, hand over, cool off, and only then check every condition. */
function leaving(facts: LifecycleFacts, nowMs: number): Decision {
  const { membership } = facts;
  const revoking = pendingRevocation(membership);
  if (revoking !== null) return decide(revoking, 'closingAccess');
  if (needsProjection(membership)) return decide({ do: 'project' }, 'closingAccess');
  if (needsFreshRead(membership)) return decide({ do: 'readAfresh' }, 'closingAccess');
  const guard = guardOf(membership);
  if (guard === null) return decide({ do: 'checkGuard' }, 'closingAccess');
  if (guard.state === 'waits') {
    return decide({ do: 'rest' }, 'blocked', [
      { code: 'guard', detail: guard.id ?? '' },
      ...whatWasMissing(membership),
    ]);
  }
  // A mass change that an admin rejected was a mistake: nobody is given what its people left behind.
  const kept = guard.state === 'rejected' && isRetained(membership);
  if (!kept && needsTransfer(facts, 'onDeprovision')) {
    return decide({ do: 'transfer', time: 'onDeprovision' }, 'transferring');
  }
  if (needsReassignment(membership)) {
    return decide({ do: 'transfer', time: 'reassignment' }, 'transferring');
  }
  if (isRetained(membership)) return decide({ do: 'rest' }, 'retained');
  const dueMs = membership.dueAt?.getTime() ?? Number.POSITIVE_INFINITY;
  if (nowMs < dueMs) return coolingOff(facts, dueMs, nowMs);
  return due(facts, nowMs);
}

/** Waits for the due time, and says some time before it, once for each leaving, that it comes. */
function coolingOff(
  { membership, remindMs }: LifecycleFacts,
  dueMs: number,
  nowMs: number,
): Decision {
  const reminds = remindMs > 0 && membership.reminded !== membership.generation;
  if (!reminds) return decide({ do: 'coolOff', untilMs: dueMs }, 'coolingOff');
  const remindAtMs = dueMs - remindMs;
  if (nowMs >= remindAtMs) return decide({ do: 'remind' }, 'coolingOff');
  return decide({ do: 'coolOff', untilMs: dueMs, remindAtMs }, 'coolingOff');
}

/**
 * The due time has passed: hand over the rest, check every condition, and list every reason at once, so
 * that an admin who removes one does not find the next one behind it.
 */
function due(facts: LifecycleFacts, nowMs: number): Decision {
  const { membership } = facts;
  const standing = standingBlockers(facts);
  const handOver = needsTransfer(facts, 'beforeAnonymization');
  if (handOver && standing.length === 0) {
    return decide({ do: 'transfer', time: 'beforeAnonymization' }, 'transferring');
  }
  const found = membership.conditions;
  const fresh =
    found !== null &&
    found.generation === membership.generation &&
    nowMs - found.at.getTime() <= lastLookValidMs &&
    facts.resourceHoldIds.every((id) => found.resourceHolds.checked.includes(id));
  if (!fresh) return decide({ do: 'checkConditions' }, 'coolingOff');
  // What waits to be handed over is no reason of its own: it is handed over once nothing else blocks.
  const blockers = [...standing, ...foundBlockers(facts, found, handOver)];
  if (blockers.length > 0) return decide({ do: 'rest' }, 'blocked', blockers);
  if (found.lastLook !== 'gone') return decide({ do: 'checkConditions' }, 'coolingOff');
  // What was only observed was not done, so nothing irreversible may follow from it.
  if (membership.observed !== undefined) {
    return decide({ do: 'rest' }, 'blocked', [{ code: 'observing', detail: '' }]);
  }
  return decide({ do: 'commit' }, 'coolingOff');
}

/** What a person or a fact must change first, known without asking anybody. */
function standingBlockers(facts: LifecycleFacts): Blocker[] {
  const blockers: Blocker[] = facts.holdIds.map((id) => ({ code: 'hold', detail: id }));
  if (facts.contract === 'unknown') blockers.push({ code: 'contractUnknown', detail: '' });
  if (facts.contract === 'refused') blockers.push({ code: 'contractRefused', detail: '' });
  return blockers;
}

function foundBlockers(
  { resourceHoldIds }: LifecycleFacts,
  found: ConditionsFound,
  handOver: boolean,
): Blocker[] {
  const blockers: Blocker[] = resourceHoldIds
    .filter((id) => found.resourceHolds.covering.includes(id))
    .map((id) => ({ code: 'hold', detail: id }));
  if (found.ownedLeft > 0 && !handOver) {
    blockers.push({ code: 'ownership', detail: String(found.ownedLeft) });
  }
  if (found.lastLook === 'directoryGone') blockers.push({ code: 'directoryGone', detail: '' });
  return blockers;
}

/** Why it waits at a guard only now: nobody answered at the last look. */
function whatWasMissing({ conditions, generation }: Membership): Blocker[] {
  const missing = conditions?.generation === generation && conditions.lastLook === 'directoryGone';
  return missing ? [{ code: 'directoryGone', detail: '' }] : [];
}

function pendingRevocation(membership: Membership): Step | null {
  return membership.revokedClosings < membership.closings
    ? { do: 'revoke', closing: membership.closings }
    : null;
}

function needsProjection(membership: Membership): boolean {
  return membership.projection.done < membership.projection.wanted;
}

function needsFreshRead({ readAfresh }: Membership): boolean {
  return readAfresh.done < readAfresh.wanted;
}

function needsTransfer(facts: LifecycleFacts, time: HandOverTime): boolean {
  if (!facts.transferTimes.includes(time)) return false;
  const { transfer, generation } = facts.membership;
  return transfer?.generation !== generation || !transfer.done.includes(time);
}

/** An admin said who receives the resources, and it is not done yet. */
function needsReassignment({ reassign, generation }: Membership): boolean {
  return reassign !== null && reassign.generation === generation && !reassign.done;
}
