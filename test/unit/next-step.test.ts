import { describe, expect, it } from '@jest/globals';

import type { ConditionsFound, Membership } from '../../domain/membership.ts';
import { lastLookValidMs, nextStep, type LifecycleFacts } from '../../domain/next-step.ts';
import { LifecycleWorld } from '../support/lifecycle-world.ts';

const dueMs = Date.UTC(2026, 5, 1);

const gone: ConditionsFound = {
  generation: 2,
  at: new Date(dueMs),
  lastLook: 'gone',
  ownedLeft: 0,
  resourceHolds: { checked: [], covering: [] },
};

/** A leaver of the second leaving, whose due time has come and whose conditions all hold. */
function leaver(
  changes: Partial<Membership> = {},
  facts: Partial<LifecycleFacts> = {},
): LifecycleFacts {
  const { membership } = new LifecycleWorld(nextStep, []);
  return {
    membership: {
      ...membership,
      backed: false,
      generation: 2,
      projection: { wanted: 1, done: 1 },
      dueAt: new Date(dueMs),
      conditions: gone,
      guard: { generation: 2, state: 'passed', id: null },
      ...changes,
    },
    holdIds: [],
    resourceHoldIds: [],
    contract: 'allowed',
    transferTimes: [],
    returnOwnership: true,
    answersRoleLoss: false,
    remindMs: 0,
    ...facts,
  };
}

describe('the next step of a leaver at the due time', () => {
  it('is the commit, to the millisecond', () => {
    expect(nextStep(leaver(), dueMs).step).toEqual({ do: 'commit' });
    expect(nextStep(leaver(), dueMs - 1).step).toEqual({ do: 'coolOff', untilMs: dueMs });
  });

  it('is a reminder some time before it, where somebody asked for one', () => {
    const day = 86_400_000;
    const asked = { remindMs: 7 * day };
    const waits = { do: 'coolOff', untilMs: dueMs, remindAtMs: dueMs - 7 * day };
    expect(nextStep(leaver({}, asked), dueMs - 8 * day).step).toEqual(waits);
    expect(nextStep(leaver({}, asked), dueMs - 7 * day - 1).step).toEqual(waits);
    expect(nextStep(leaver({}, asked), dueMs - 7 * day).step).toEqual({ do: 'remind' });
    expect(nextStep(leaver({}, asked), dueMs - 1).step).toEqual({ do: 'remind' });
    // Too late for one: what was to be announced happens.
    expect(nextStep(leaver({}, asked), dueMs).step).toEqual({ do: 'commit' });
    expect(nextStep(leaver(), dueMs - 1).step).toEqual({ do: 'coolOff', untilMs: dueMs });
  });

  it('is one reminder for each leaving', () => {
    const asked = { remindMs: 86_400_000 };
    expect(nextStep(leaver({ reminded: 2 }, asked), dueMs - 1).step).toEqual({
      do: 'coolOff',
      untilMs: dueMs,
    });
    expect(nextStep(leaver({ reminded: 1 }, asked), dueMs - 1).step).toEqual({ do: 'remind' });
  });

  it('is another look once the last one is older than five minutes', () => {
    expect(nextStep(leaver(), dueMs + lastLookValidMs).step.do).toBe('commit');
    expect(nextStep(leaver(), dueMs + lastLookValidMs + 1).step.do).toBe('checkConditions');
  });

  it('is another look where the last one was of an earlier leaving', () => {
    const earlier = leaver({ conditions: { ...gone, generation: 1 } });
    expect(nextStep(earlier, dueMs).step.do).toBe('checkConditions');
  });

  it('is another look where a hold on a resource came since', () => {
    const facts = leaver({}, { resourceHoldIds: ['hold_a'] });
    expect(nextStep(facts, dueMs).step.do).toBe('checkConditions');
  });

  it('is not the commit without a due time', () => {
    expect(nextStep(leaver({ dueAt: null }), dueMs).step.do).toBe('coolOff');
  });

  it('is rest, with every reason at once', () => {
    const found = { ...gone, ownedLeft: 3, lastLook: 'directoryGone' as const };
    const facts = leaver(
      { conditions: found },
      { holdIds: ['hold_a', 'hold_b'], contract: 'unknown' },
    );
    expect(nextStep(facts, dueMs)).toEqual({
      step: { do: 'rest' },
      phase: 'blocked',
      blockedBy: [
        { code: 'hold', detail: 'hold_a' },
        { code: 'hold', detail: 'hold_b' },
        { code: 'contractUnknown', detail: '' },
        { code: 'ownership', detail: '3' },
        { code: 'directoryGone', detail: '' },
      ],
    });
  });

  it('hands over again what was handed over in an earlier leaving only', () => {
    const transfer = { generation: 1, done: ['onDeprovision' as const], moved: 1 };
    const facts = leaver({ transfer }, { transferTimes: ['onDeprovision'] });
    expect(nextStep(facts, dueMs).step).toEqual({ do: 'transfer', time: 'onDeprovision' });
  });
});

describe('the next step of a leaver at the guard', () => {
  const waits = { generation: 2, state: 'waits', id: 'guard_a' } as const;
  const retained = { generation: 2, by: 'admin:a', at: new Date(0), reasonId: null };
  const owning: Partial<LifecycleFacts> = { transferTimes: ['onDeprovision'] };

  it('is to be counted, once', () => {
    expect(nextStep(leaver({ guard: null }), 0).step.do).toBe('checkGuard');
    const earlier = { ...waits, generation: 1 };
    expect(nextStep(leaver({ guard: earlier }), 0).step.do).toBe('checkGuard');
  });

  it('is rest until somebody decides, whatever else there is to do', () => {
    expect(nextStep(leaver({ guard: waits, retained }, owning), dueMs)).toEqual({
      step: { do: 'rest' },
      phase: 'blocked',
      blockedBy: [{ code: 'guard', detail: 'guard_a' }],
    });
  });

  it('goes on after an approval', () => {
    const approved = { ...waits, state: 'approved' as const };
    expect(nextStep(leaver({ guard: approved }, owning), 0).step.do).toBe('transfer');
    expect(nextStep(leaver({ guard: approved }), dueMs).step.do).toBe('commit');
  });

  it('keeps everything after a rejection, until an admin resumes the deletion', () => {
    const rejected = { ...waits, state: 'rejected' as const };
    const kept = nextStep(leaver({ guard: rejected, retained }, owning), dueMs);
    expect(kept).toMatchObject({ step: { do: 'rest' }, phase: 'retained' });
    expect(nextStep(leaver({ guard: rejected }, owning), dueMs).step.do).toBe('transfer');
    expect(nextStep(leaver({ guard: rejected }), dueMs).step.do).toBe('commit');
  });
});

it('of somebody who stays and lost a role is the answer to that, before WorkOS is asked anything', () => {
  const { membership } = new LifecycleWorld(nextStep, []);
  const stays = leaver(
    {
      ...membership,
      backed: true,
      generation: 0,
      projection: { wanted: 1, done: 1 },
      access: { state: 'open', reason: 'open' },
      readAfresh: { wanted: 1, done: 0 },
      narrowings: 1,
      answeredNarrowings: 0,
    },
    { answersRoleLoss: true },
  );
  expect(nextStep(stays, dueMs).step.do).toBe('answerRoleLoss');
  stays.membership.answeredNarrowings = 1;
  expect(nextStep(stays, dueMs).step.do).toBe('readAfresh');
});
