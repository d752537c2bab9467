import { guardOf, type Membership, type HandOverTime } from '../../domain/membership.ts';
import {
  lastLookValidMs,
  type Decision,
  type LifecycleFacts,
  type Step,
} from '../../domain/next-step.ts';
import { defaultPolicy, type Policy } from '../../domain/policy.ts';
import { deriveAccess, deriveStatus } from '../../domain/status.ts';
import type { Phase } from '../../domain/words.ts';
import {
  comeIn,
  demandRevocation,
  forgetClosing,
  leave,
  narrow,
  widen,
} from '../../transitions/membership/access-facts.ts';
import { startAnew } from '../../transitions/organization/go-live.ts';

/** The function under test, or one that is blind to something. */
export type Decide = (facts: LifecycleFacts, nowMs: number) => Decision;

/** Thrown when a trace breaks a promise. */
export class Broken extends Error {}

const minute = 60_000;
const day = 24 * 60 * minute;
const coolingOffMs = day;
const remindMs = 6 * 60 * minute;
const policy: Policy = { ...defaultPolicy, sandbox: true, sandboxCoolingOffSeconds: 86_400 };
const ignore = (): void => undefined;

type Answer = 'gone' | 'active' | 'uncertain' | 'directoryGone';

/**
 * What is really so, kept in a book of its own: the promises are stated over this and never over the
 * membership that the decisions are made from.
 */
interface Truth {
  inDirectory: boolean;
  leavings: number;
  leftAtMs: number;
  dueMs: number;
  /** Something that was open before a closing may still be alive. */
  sessionsOwed: boolean;
  disabled: boolean;
  suspended: boolean;
  retained: boolean;
  guard: boolean;
  /** An admin rejected the mass change that they left with, and has not taken that back. */
  rejected: boolean;
  look: { atMs: number; answer: Answer; owned: number } | null;
  /** What of the leaver's is still theirs, by the time of the policy that moves it. */
  owned: Set<HandOverTime>;
  taken: boolean;
  /** The leaving of which it was said that its deletion comes soon. */
  reminded: number;
  reassign: boolean;
  untold: boolean;
  /** Something was only observed, and not taken up in earnest since. */
  observed: boolean;
  /** Nobody asked WorkOS since the person came back. */
  unread: boolean;
  /** Sessions may still carry a role that was lost. */
  roleLossOwed: boolean;
  open: boolean;
  committed: boolean;
  erased: boolean;
}

/**
 * A pure world of one membership: events change its facts as the transitions do, steps have effects and
 * are then recorded, and either may be lost in between.
 */
export class LifecycleWorld {
  readonly decide: Decide;
  nowMs = Date.UTC(2026, 0, 1);
  revision = 1;
  steps = 0;
  answer: Answer = 'gone';
  holds = new Set<string>();
  /** Holds on resources, and whether the resource is this person's: only a look tells. */
  resourceHolds = new Map<string, boolean>();
  /** The ids of holds are never used again, as those of the database are not. */
  holdsSoFar = 0;
  contract: LifecycleFacts['contract'] = 'allowed';
  transferTimes: HandOverTime[];
  membership: Membership;
  truth: Truth;

  constructor(decide: Decide, transferTimes: HandOverTime[]) {
    this.decide = decide;
    this.transferTimes = transferTimes;
    this.membership = newMembership(this.nowMs);
    this.truth = {
      inDirectory: true,
      leavings: 0,
      leftAtMs: 0,
      dueMs: 0,
      sessionsOwed: false,
      disabled: false,
      suspended: false,
      retained: false,
      guard: false,
      rejected: false,
      look: null,
      owned: new Set(),
      taken: false,
      reminded: 0,
      reassign: false,
      observed: false,
      untold: true,
      unread: false,
      roleLossOwed: false,
      open: false,
      committed: false,
      erased: false,
    };
  }

  get left(): boolean {
    return !this.truth.inDirectory && this.truth.leavings > 0;
  }

  /** Runs one schedule: each byte is an event or a step. Then everything that blocks is lifted. */
  run(schedule: ArrayLike<number>): void {
    for (let at = 0; at < schedule.length; at += 1) {
      const byte = schedule[at] ?? 0;
      const event = events[byte % 56];
      if (event !== undefined) this.happen(event);
      else if (byte % 56 < 48) this.stepOnce('recorded');
      else if (byte % 56 < 52) this.stepOnce('crashes');
      else {
        at += 1;
        this.stepOnce('raced', events[(schedule[at] ?? 0) % events.length]);
      }
    }
    this.settle();
    this.concludeEverything();
  }

  happen(event: (world: LifecycleWorld) => void): void {
    event(this);
    // Nobody knows whose the resource of a hold is, so it raises no membership.
    if (!quiet.has(event)) this.revision += 1;
    this.derive();
  }

  derive(): void {
    const { membership } = this;
    const before = membership.status;
    membership.access = deriveAccess(membership);
    membership.status = deriveStatus(membership);
    if (membership.status !== before && membership.erasure === null) this.tellHost();
    if (membership.access.state === 'closed') this.truth.open = false;
  }

  tellHost(): void {
    this.membership.projection.wanted += 1;
    this.truth.untold = true;
  }

  close(): void {
    demandRevocation(this.membership, 'leaving', new Date(this.nowMs), new Date(this.nowMs));
    this.truth.sessionsOwed = true;
  }

  /** One look and one step. Returns whether the run goes on at once. */
  stepOnce(
    how: 'recorded' | 'crashes' | 'raced' = 'recorded',
    meanwhile?: (world: LifecycleWorld) => void,
  ): boolean {
    const seenRevision = this.revision;
    const decision = this.decide(this.facts(), this.nowMs);
    checkDecision(this, decision);
    this.membership.phase = decision.phase;
    this.membership.blockedBy = decision.blockedBy;
    if (how === 'raced' && meanwhile !== undefined) this.happen(meanwhile);
    return this.perform(decision, seenRevision, how === 'crashes');
  }

  facts(): LifecycleFacts {
    return {
      membership: this.membership,
      holdIds: [...this.holds],
      resourceHoldIds: [...this.resourceHolds.keys()],
      contract: this.contract,
      transferTimes: this.transferTimes,
      returnOwnership: true,
      answersRoleLoss: true,
      remindMs,
    };
  }

  private perform({ step }: Decision, seenRevision: number, crashes: boolean): boolean {
    const { membership, truth } = this;
    switch (step.do) {
      case 'rest':
      case 'coolOff':
        return false;
      case 'revoke':
        truth.sessionsOwed = false;
        if (!crashes) {
          membership.revokedClosings = Math.max(membership.revokedClosings, step.closing);
        }
        return true;
      case 'project':
        truth.untold = false;
        if (!crashes) membership.projection.done = membership.projection.wanted;
        return true;
      case 'readAfresh':
        truth.unread = false;
        if (!crashes) membership.readAfresh.done = membership.readAfresh.wanted;
        return true;
      case 'answerRoleLoss':
        truth.roleLossOwed = false;
        if (!crashes) membership.answeredNarrowings = membership.narrowings;
        return true;
      case 'widen':
        if (!crashes) widen(membership, ignore);
        return true;
      case 'checkGuard':
        if (!crashes && guardOf(membership) === null) {
          membership.guard = { generation: membership.generation, state: 'passed', id: null };
        }
        return true;
      case 'giveBack':
        truth.taken = false;
        if (!crashes) membership.giveBack = false;
        return true;
      case 'transfer':
        this.handOver(step.time, crashes);
        return true;
      case 'checkConditions':
        return this.look(crashes);
      case 'open':
        this.open(seenRevision, crashes);
        return true;
      case 'remind':
        if (crashes) return true;
        promise(truth.reminded !== truth.leavings, 'reminds twice of one leaving');
        membership.reminded = membership.generation;
        truth.reminded = truth.leavings;
        return true;
      case 'commit':
        this.commit(seenRevision);
        return true;
      case 'erase':
        truth.erased = true;
        if (!crashes && membership.erasure !== null) {
          membership.erasure.completedAt = new Date(this.nowMs);
        }
        return true;
    }
  }

  private handOver(time: HandOverTime | 'reassignment', crashes: boolean): void {
    const { membership, truth } = this;
    if (!this.left) return;
    truth.taken = true;
    if (time === 'reassignment') truth.owned.clear();
    else truth.owned.delete(time);
    if (crashes) return;
    membership.conditions = null;
    truth.look = null;
    if (time === 'reassignment') {
      if (membership.reassign !== null) membership.reassign.done = true;
      truth.reassign = false;
      return;
    }
    const { generation, transfer } = membership;
    const done = transfer?.generation === generation ? transfer.done : [];
    membership.transfer = { generation, done: [...done, time], moved: 0 };
  }

  private look(crashes: boolean): boolean {
    if (crashes) return true;
    const { membership, truth, nowMs } = this;
    const owned = truth.owned.size;
    membership.conditions = {
      generation: membership.generation,
      at: new Date(nowMs),
      lastLook: this.answer,
      ownedLeft: owned,
      resourceHolds: {
        checked: [...this.resourceHolds.keys()],
        covering: [...this.resourceHolds].filter(([, theirs]) => theirs).map(([id]) => id),
      },
    };
    truth.look = { atMs: nowMs, answer: this.answer, owned };
    return this.answer === 'gone' || this.answer === 'directoryGone';
  }

  private open(seenRevision: number, crashes: boolean): void {
    if (crashes || seenRevision !== this.revision) return;
    const { membership, truth } = this;
    promise(truth.inDirectory, 'opens somebody who is not in');
    promise(!truth.disabled && !truth.suspended, 'opens against a closed fact');
    promise(!truth.sessionsOwed, 'opens before the sessions of the closing are verified gone');
    promise(!truth.taken, 'opens before what was taken is given back');
    promise(!truth.untold, 'opens before the host application knows');
    promise(!truth.committed, 'opens after the commit');
    membership.access = { state: 'open', reason: 'open' };
    forgetClosing(membership);
    this.derive();
    truth.open = true;
  }

  private commit(seenRevision: number): void {
    if (seenRevision !== this.revision) return;
    const { membership, truth, nowMs } = this;
    // As in the transition: everything is decided once more, under the lock.
    if (this.decide(this.facts(), nowMs).step.do !== 'commit') return;
    promise(!truth.committed, 'commits twice');
    promise(this.left, 'commits somebody who is in');
    promise(nowMs >= truth.leftAtMs + coolingOffMs, 'commits before the cooling-off of the policy');
    promise(nowMs >= truth.dueMs, 'commits before due');
    promise(this.holds.size === 0, 'commits against a hold');
    promise(![...this.resourceHolds.values()].includes(true), 'commits against a resource hold');
    promise(this.contract === 'allowed', 'commits against the contract');
    promise(!truth.retained, 'commits somebody who is retained');
    promise(!truth.guard, 'commits while the guard waits');
    promise(!truth.observed, 'commits what was only observed');
    promise(!truth.sessionsOwed, 'commits before revocation');
    promise(truth.look?.answer === 'gone', 'commits without a last look that says gone');
    promise(nowMs - (truth.look?.atMs ?? 0) <= lastLookValidMs, 'commits on an old last look');
    promise(truth.look?.owned === 0, 'commits with resources left');
    promise(!truth.reassign, 'commits before an ordered reassignment');
    membership.erasure = {
      committedAt: new Date(nowMs),
      pseudonym: 'former-user-x',
      wholeUser: true,
      completedAt: null,
      counts: {},
    };
    truth.committed = true;
    this.derive();
  }

  /** Looks until it rests or waits; a run that does neither within a few steps is a live lock. */
  settle(): void {
    for (let steps = 0; steps < 20; steps += 1) {
      if (!this.stepOnce()) return;
    }
    throw new Broken('neither rests nor waits');
  }

  /** Whoever has nothing in their way any more must get there: opened, or committed and erased. */
  private concludeEverything(): void {
    for (const lift of [goesLive, releaseAll, allow, approve, resume, enable, lookGone])
      this.happen(lift);
    this.settle();
    if (this.left && !this.truth.committed) {
      // At the latest the daily sweep looks again at what was found before the obstacles went.
      this.nowMs = Math.max(this.nowMs + day, this.truth.dueMs);
      this.settle();
      const forgotten =
        this.transferTimes.includes('beforeAnonymization') &&
        this.truth.owned.has('beforeAnonymization');
      promise(!forgotten, 'what the policy hands over at last was not handed over');
      // What nobody's policy moves must be handed over by an admin's word.
      if (this.truth.owned.size > 0) {
        this.happen(reassign);
        this.settle();
      }
      promise(this.truth.committed, 'a leaver without anything in the way is not committed');
    }
    if (this.truth.committed) promise(this.truth.erased, 'a committed person is not erased');
    else if (this.truth.inDirectory && !this.truth.suspended) {
      promise(this.truth.open, 'somebody who is in stays closed');
    }
  }
}

function promise(holds: boolean, otherwise: string): void {
  if (!holds) throw new Broken(otherwise);
}

/** What people may be shown while a step is done. */
const shownDuring: Record<Step['do'], readonly Phase[]> = {
  rest: ['settled', 'retained', 'blocked', 'anonymized'],
  revoke: ['joining', 'settled', 'closingAccess'],
  project: ['joining', 'settled', 'closingAccess'],
  readAfresh: ['joining', 'settled', 'closingAccess'],
  answerRoleLoss: ['joining', 'settled'],
  widen: ['settled'],
  checkGuard: ['closingAccess'],
  giveBack: ['joining'],
  open: ['joining'],
  transfer: ['transferring'],
  coolOff: ['coolingOff'],
  remind: ['coolingOff'],
  checkConditions: ['coolingOff'],
  commit: ['coolingOff'],
  erase: ['anonymizing'],
};

/** What a decision shows must be what it does, whatever the facts. */
function checkDecision(world: LifecycleWorld, { step, phase, blockedBy }: Decision): void {
  const { truth } = world;
  // Not by `promise`: it would make the text each time, whether it is needed or not.
  if (!shownDuring[step.do].includes(phase)) {
    throw new Broken(`shows ${phase} while it does ${step.do}`);
  }
  promise(blockedBy.length > 0 === (phase === 'blocked'), 'blocked without or with reasons');
  if (truth.committed) {
    promise(step.do === (truth.erased ? step.do : 'erase'), 'does something else than erase');
    promise(step.do === 'erase' || step.do === 'rest', 'does something else after the commit');
    promise(step.do === 'erase' || phase === 'anonymized', 'rests before it is anonymized');
    return;
  }
  promise(phase !== 'anonymizing' && phase !== 'anonymized', 'shows an erasure that was not begun');
  if (step.do === 'coolOff') {
    promise(step.untilMs > world.nowMs, 'cools off until a time that has passed');
    const wakesAtMs = Math.min(step.remindAtMs ?? Number.POSITIVE_INFINITY, step.untilMs);
    promise(wakesAtMs > world.nowMs, 'wakes at a time that has passed');
    const isReminded = truth.reminded === truth.leavings;
    promise(isReminded || wakesAtMs <= truth.dueMs - remindMs, 'sleeps past the reminder');
  }
  if (step.do === 'remind') {
    promise(!truth.retained && !truth.guard, 'reminds of a deletion that does not come');
    promise(world.nowMs >= truth.dueMs - remindMs, 'reminds too early');
    promise(world.nowMs < truth.dueMs, 'reminds when it is too late');
  }
  const leaver = phase !== 'joining' && phase !== 'settled';
  if (leaver !== world.left) {
    throw new Broken(`shows ${phase} for somebody who ${world.left ? 'left' : 'is in'}`);
  }
  if (step.do === 'rest') {
    promise(!truth.sessionsOwed, 'rests while sessions are owed');
    promise(!truth.untold, 'rests before the host application knows');
    if (phase === 'settled')
      promise(!truth.roleLossOwed, 'rests while a role lives on in sessions');
  }
  if (step.do === 'open') promise(!truth.unread, 'opens before WorkOS was asked afresh');
  if (phase === 'retained') promise(truth.retained, 'shows retained');
  if (phase === 'blocked' && truth.guard) {
    promise(
      blockedBy.some(({ code }) => code === 'guard'),
      'does not name the guard',
    );
  } else if (phase === 'blocked') {
    const named = new Set(blockedBy.map(({ code, detail }) => `${code} ${detail}`.trim()));
    for (const id of world.holds) promise(named.has(`hold ${id}`), 'does not name a hold');
    const contract = named.has('contractRefused') || named.has('contractUnknown');
    promise(contract === (world.contract !== 'allowed'), 'names the contract wrongly');
    promise(!named.has('guard'), 'names a guard that does not wait');
  }
  if (step.do === 'transfer' && step.time === 'beforeAnonymization') {
    promise(world.nowMs >= truth.dueMs, 'hands over the rest before due');
    promise(world.holds.size === 0, 'hands over the rest against a hold');
  }
  if (step.do === 'transfer') promise(!truth.guard, 'hands over while the guard waits');
  if (step.do === 'transfer' && step.time !== 'reassignment') {
    promise(!truth.rejected, 'hands over what a rejection keeps');
  }
}

type Event = (world: LifecycleWorld) => void;

const goes: Event = (world) => {
  const { membership, truth, nowMs } = world;
  if (truth.committed || world.left) return;
  const now = new Date(nowMs);
  leave(
    membership,
    { policy, at: now, receivedAt: now, leftFrom: 'directory_a', guardId: null },
    ignore,
  );
  truth.guard = false;
  truth.rejected = false;
  truth.inDirectory = false;
  truth.suspended = false;
  truth.leavings += 1;
  truth.leftAtMs = nowMs;
  truth.dueMs = nowMs + coolingOffMs;
  truth.sessionsOwed = true;
  truth.look = null;
  truth.retained = false;
  truth.reassign = false;
  truth.owned = new Set(['onDeprovision', 'beforeAnonymization']);
};

const comesBack: Event = (world) => {
  const { membership, truth } = world;
  if (truth.committed || (truth.inDirectory && !truth.suspended)) return;
  if (world.left) truth.unread = true;
  comeIn(membership, { undone: false }, ignore);
  truth.inDirectory = true;
  truth.suspended = false;
  truth.look = null;
  truth.retained = false;
  truth.guard = false;
  truth.rejected = false;
  truth.reassign = false;
};

const isSuspended: Event = (world) => {
  const { membership, truth } = world;
  if (truth.committed || world.left || truth.suspended) return;
  membership.suspended = true;
  membership.backed = true;
  truth.suspended = true;
  world.close();
};

const disable: Event = (world) => {
  const { membership, truth, nowMs } = world;
  if (truth.committed || truth.disabled) return;
  membership.disabled = { by: 'admin:x', at: new Date(nowMs), reasonId: null };
  truth.disabled = true;
  world.close();
};

const enable: Event = (world) => {
  const { membership, truth } = world;
  if (truth.committed || !truth.inDirectory || truth.suspended) return;
  membership.disabled = null;
  truth.disabled = false;
};

const hold: Event = (world) => {
  if (!world.truth.committed) world.holds.add(`hold_${world.holds.size}`);
};
const holdResource =
  (theirs: boolean): Event =>
  (world) => {
    if (!world.truth.committed) world.resourceHolds.set(`held_${(world.holdsSoFar += 1)}`, theirs);
  };
const holdTheirs = holdResource(true);
const holdAnother = holdResource(false);
const quiet = new Set([holdTheirs, holdAnother]);
const releaseAll: Event = (world) => {
  world.holds.clear();
  world.resourceHolds.clear();
};

const cancel: Event = (world) => {
  const { membership, truth, nowMs } = world;
  if (truth.committed || !world.left) return;
  const { generation } = membership;
  membership.retained = { generation, by: 'admin:x', at: new Date(nowMs), reasonId: null };
  truth.retained = true;
};

const resume: Event = (world) => {
  const { membership, truth } = world;
  if (truth.committed || !truth.retained) return;
  membership.retained = null;
  truth.retained = false;
  truth.rejected = false;
};

const extend: Event = (world) => {
  const { membership, truth } = world;
  if (truth.committed || !world.left) return;
  truth.dueMs += day;
  truth.look = null;
  membership.dueAt = new Date(truth.dueMs);
  membership.conditions = null;
};

const reassign: Event = (world) => {
  const { membership, truth } = world;
  if (truth.committed || !world.left) return;
  const { generation } = membership;
  membership.reassign = { generation, toUserId: 'user_b', kinds: null, done: false };
  truth.reassign = true;
};

const getsRole: Event = ({ membership, truth }) => {
  if (truth.committed || !truth.inDirectory) return;
  narrow(
    membership,
    { roles: ['role_a'], permissions: [], features: [] },
    { urgent: true },
    ignore,
  );
};
const losesRole: Event = ({ membership, truth }) => {
  if (truth.committed || !truth.inDirectory) return;
  const before = membership.narrowings;
  narrow(membership, { roles: [], permissions: [], features: [] }, { urgent: true }, ignore);
  if (membership.narrowings > before) truth.roleLossOwed = true;
};

const waitForGuard: Event = (world) => {
  if (world.truth.committed || !world.left) return;
  // What was decided is decided.
  if (guardOf(world.membership)?.state === 'rejected') return;
  const { generation } = world.membership;
  world.membership.guard = { generation, state: 'waits', id: 'guard_a' };
  world.truth.guard = true;
};
const approve: Event = (world) => {
  if (!world.truth.guard || !world.left) return;
  const { generation } = world.membership;
  world.membership.guard = { generation, state: 'approved', id: 'guard_a' };
  world.truth.guard = false;
};

const rejects: Event = (world) => {
  if (!world.truth.guard || !world.left) return;
  const { generation } = world.membership;
  world.membership.guard = { generation, state: 'rejected', id: 'guard_a' };
  world.membership.retained = {
    generation,
    by: 'admin:x',
    at: new Date(world.nowMs),
    reasonId: null,
  };
  world.truth.guard = false;
  world.truth.retained = true;
  world.truth.rejected = true;
};

const observes: Event = ({ membership, truth, nowMs }) => {
  if (truth.committed) return;
  const since = new Date(nowMs);
  membership.observed ??= {
    since,
    revocations: {},
    projections: 0,
    handedOver: 0,
    anonymization: null,
  };
  truth.observed = true;
};

const goesLive: Event = (world) => {
  const { membership, truth, nowMs } = world;
  if (truth.committed || !truth.observed) return;
  // Not deleted: that would make every later reading of this object slow, and nobody can tell the difference.
  Object.assign(membership, { observed: undefined });
  truth.observed = false;
  if (membership.access.state === 'closed') truth.sessionsOwed = true;
  if (membership.narrowings > 0) truth.roleLossOwed = true;
  startAnew(membership, policy, new Date(nowMs), ignore);
  truth.untold = true;
  truth.look = null;
  if (!world.left) {
    truth.taken = true;
    return;
  }
  truth.leftAtMs = nowMs;
  truth.dueMs = Math.max(truth.dueMs, nowMs + coolingOffMs);
  truth.owned = new Set(['onDeprovision', 'beforeAnonymization']);
  truth.reassign = membership.reassign?.generation === membership.generation;
};

const allow: Event = (world) => void (world.contract = 'allowed');
const lookGone: Event = (world) => void (world.answer = 'gone');
const answers =
  (answer: Answer): Event =>
  (world) =>
    void (world.answer = answer);
const passes =
  (ms: number): Event =>
  (world) =>
    void (world.nowMs += ms);

const events: Event[] = [
  goes,
  goes,
  goes,
  comesBack,
  comesBack,
  isSuspended,
  disable,
  enable,
  hold,
  holdTheirs,
  holdAnother,
  releaseAll,
  cancel,
  resume,
  extend,
  reassign,
  waitForGuard,
  approve,
  rejects,
  getsRole,
  losesRole,
  observes,
  goesLive,
  allow,
  (world) => void (world.contract = 'refused'),
  (world) => void (world.contract = 'unknown'),
  lookGone,
  lookGone,
  answers('active'),
  answers('uncertain'),
  answers('directoryGone'),
  passes(minute),
  passes(lastLookValidMs + 1),
  passes(day),
  passes(day + 1),
  (world) => {
    if (world.left) world.truth.owned.add('onDeprovision');
  },
  (world) => world.tellHost(),
  (world) => {
    world.nowMs = Math.max(world.nowMs, world.truth.dueMs - 1);
  },
];

function newMembership(nowMs: number): Membership {
  const at = new Date(nowMs);
  return {
    _id: 'membership_a',
    userId: 'user_a',
    organizationId: 'org_a',
    revision: 1,
    lookedRevision: 0,
    urgent: false,
    resting: false,
    phase: 'joining',
    status: 'active',
    access: { state: 'closed', reason: 'opening' },
    backed: true,
    everBacked: true,
    withoutDirectory: false,
    suspended: false,
    generation: 0,
    readmitted: 0,
    closings: 0,
    revokedClosings: 0,
    projection: { wanted: 1, done: 0 },
    invited: false,
    roles: [],
    permissions: [],
    features: [],
    wanted: { roles: [], permissions: [], features: [] },
    suspendedRoles: [],
    narrowings: 0,
    answeredNarrowings: 0,
    readAfresh: { wanted: 0, done: 0 },
    factsRevision: 0,
    disabled: null,
    retained: null,
    reassign: null,
    leftFrom: null,
    guard: null,
    disabledAt: null,
    dueAt: null,
    blockedBy: [],
    transfer: null,
    giveBack: false,
    conditions: null,
    erasure: null,
    outcome: null,
    closedReceivedAt: null,
    createdAt: at,
    updatedAt: at,
  };
}
