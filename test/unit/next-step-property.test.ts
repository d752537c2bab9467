import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { HandOverTime, Membership } from '../../domain/membership.ts';
import { nextStep, type LifecycleFacts } from '../../domain/next-step.ts';
import { Broken, LifecycleWorld, type Decide } from '../support/lifecycle-world.ts';

const schedules = Number(process.env['TENURE_TEST_SCHEDULES'] ?? 1_500_000);
const seed = Number(process.env['TENURE_TEST_SEED'] ?? Date.now() % 0x7fffffff);

const handOvers: HandOverTime[][] = [
  ['onDeprovision', 'beforeAnonymization'],
  ['beforeAnonymization'],
  ['onDeprovision'],
  [],
];

/** What a schedule breaks, or null. The first byte chooses when resources change hands. */
function brokenBy(decide: Decide, schedule: Uint8Array): string | null {
  const world = new LifecycleWorld(decide, handOvers[(schedule[0] ?? 0) % 4] ?? []);
  try {
    world.run(schedule.subarray(1));
    return null;
  } catch (error) {
    if (error instanceof Broken) return error.message;
    throw error;
  }
}

/** Many random schedules, cheaply: fast-check chooses the seeds, a xorshift makes the bytes. */
function firstBroken(decide: Decide, from: number, count: number): [string, Uint8Array] | null {
  let state = from | 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 8) & 0xff;
  };
  const bytes = new Uint8Array(48);
  for (let nth = 0; nth < count; nth += 1) {
    const length = 6 + (next() % 42);
    for (let at = 0; at < length; at += 1) bytes[at] = next();
    const broken = brokenBy(decide, bytes.subarray(0, length));
    if (broken !== null) return [broken, bytes.slice(0, length)];
  }
  return null;
}

/** Leaves out what is not needed to break it, so that a person can read the schedule. */
function shortest(decide: Decide, schedule: Uint8Array): number[] {
  let short = [...schedule];
  for (let at = short.length - 1; at > 0; at -= 1) {
    const without = short.toSpliced(at, 1);
    if (brokenBy(decide, Uint8Array.from(without)) !== null) short = without;
  }
  return short;
}

describe('the next step, over schedules of events, steps, crashes and races', () => {
  it('keeps every promise in schedules that fast-check makes and shrinks', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (schedule) => {
        expect(brokenBy(nextStep, schedule)).toBeNull();
      }),
      { seed, numRuns: 10_000 },
    );
  });

  it(`keeps every promise in ${schedules} random schedules, seed ${seed}`, () => {
    process.stdout.write(`next-step: ${schedules} schedules, seed ${seed}\n`);
    const batch = 2_000;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0x7fffffff }), (from) => {
        const found = firstBroken(nextStep, from, batch);
        const broken = found && `${found[0]}, by [${shortest(nextStep, found[1]).join(', ')}]`;
        expect(broken).toBeNull();
      }),
      { seed, numRuns: Math.ceil(schedules / batch), endOnFailure: true },
    );
  }, 600_000);
});

/** Decisions that do not see one fact: each guard of the next step taken away once. */
const blind: Record<string, (facts: LifecycleFacts, nowMs: number) => LifecycleFacts> = {
  'the due time': over(() => ({ dueAt: new Date(0) })),
  'that the person is backed': over((m) => ({ backed: m.generation === 0 && m.backed })),
  'that it was only observed': (facts) => {
    const membership = { ...facts.membership };
    delete membership.observed;
    return { ...facts, membership };
  },
  'a hold': (facts) => ({ ...facts, holdIds: [] }),
  'a hold on a resource': (facts) => ({ ...facts, resourceHoldIds: [] }),
  'what the contract says': (facts) => ({ ...facts, contract: 'allowed' }),
  'an unknown contract': (facts) => ({
    ...facts,
    contract: facts.contract === 'unknown' ? 'allowed' : facts.contract,
  }),
  'the waiting guard': over((m) => ({ guard: m.guard && { ...m.guard, state: 'passed' } })),
  'that an admin rejected it': over((m) => ({
    guard: m.guard?.state === 'rejected' ? { ...m.guard, state: 'approved' } : m.guard,
  })),
  'that nobody was asked afresh': over((m) => ({
    readAfresh: { wanted: 0, done: m.readAfresh.done },
  })),
  'that a role was lost': over(() => ({ narrowings: 0 })),
  'a cancelled deletion': over(() => ({ retained: null })),
  'that a cancellation was of an earlier leaving': over((m) => ({
    retained: m.retained && { ...m.retained, generation: m.generation },
  })),
  'the age of the last look': over((m, nowMs) => ({
    conditions: m.conditions && { ...m.conditions, at: new Date(nowMs) },
  })),
  'the answer of the last look': over((m) => ({
    conditions: m.conditions && { ...m.conditions, lastLook: 'gone' },
  })),
  'an uncertain answer of the last look': over((m) => ({
    conditions:
      m.conditions?.lastLook === 'uncertain' ? { ...m.conditions, lastLook: 'gone' } : m.conditions,
  })),
  'a directory that is gone': over((m) => ({
    conditions:
      m.conditions?.lastLook === 'directoryGone'
        ? { ...m.conditions, lastLook: 'gone' }
        : m.conditions,
  })),
  'resources without an owner': over((m) => ({
    conditions: m.conditions && { ...m.conditions, ownedLeft: 0 },
  })),
  'a pending revocation': over((m) => ({ revokedClosings: m.closings })),
  'what the host application was not told': over((m) => ({
    projection: { ...m.projection, done: m.projection.wanted },
  })),
  'a disable or a suspension': over((m) => ({
    access: m.backed && m.access.state === 'closed' ? opening : m.access,
  })),
  'the commit': over(() => ({ erasure: null })),
  'that the erasure is not completed': over((m) => ({
    erasure: m.erasure && { ...m.erasure, completedAt: new Date(0) },
  })),
  'that nobody was reminded yet': over((m) => ({ reminded: m.generation })),
  'that somebody was reminded': over(() => ({ reminded: -1 })),
  'an ordered reassignment': over(() => ({ reassign: null })),
  'what has to be given back': over(() => ({ giveBack: false })),
  'when resources change hands': (facts) => ({ ...facts, transferTimes: [] }),
  'that a hold was released': (facts) => ({ ...facts, holdIds: ['hold_x', ...facts.holdIds] }),
};
const opening = { state: 'closed', reason: 'opening' } as const;

function over(change: (membership: Membership, nowMs: number) => Partial<Membership>) {
  return (facts: LifecycleFacts, nowMs: number): LifecycleFacts => ({
    ...facts,
    membership: { ...facts.membership, ...change(facts.membership, nowMs) },
  });
}

/** Decisions that go wrong in what they do with the facts. */
const wrong: Record<string, Decide> = {
  'never stops cooling off': (facts, nowMs) => {
    const decision = nextStep(facts, nowMs);
    return decision.step.do === 'commit'
      ? { ...decision, step: { do: 'coolOff', untilMs: nowMs + 1 } }
      : decision;
  },
  'checks its conditions for ever': (facts, nowMs) => {
    const decision = nextStep(facts, nowMs);
    return decision.step.do === 'commit'
      ? { ...decision, step: { do: 'checkConditions' } }
      : decision;
  },
  'rests instead of waiting': (facts, nowMs) => {
    const decision = nextStep(facts, nowMs);
    return decision.step.do === 'coolOff'
      ? { step: { do: 'rest' }, phase: 'settled', blockedBy: [] }
      : decision;
  },
  'names only the first reason': (facts, nowMs) => {
    const decision = nextStep(facts, nowMs);
    return { ...decision, blockedBy: decision.blockedBy.slice(0, 1) };
  },
  'skips the opening': (facts, nowMs) => {
    const decision = nextStep(facts, nowMs);
    return decision.step.do === 'open'
      ? { step: { do: 'rest' }, phase: 'settled', blockedBy: [] }
      : decision;
  },
};

describe('the search for broken promises', () => {
  it.each(Object.entries(blind))('catches a decision that does not see %s', (_what, mask) => {
    const decide: Decide = (facts, nowMs) => nextStep(mask(facts, nowMs), nowMs);
    expect(firstBroken(decide, 4711, 200_000)).not.toBeNull();
  });

  it.each(Object.entries(wrong))('catches a decision that %s', (_what, decide) => {
    expect(firstBroken(decide, 4711, 200_000)).not.toBeNull();
  });
});
