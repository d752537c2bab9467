import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Membership } from '../../domain/membership.ts';
import { nextStep, type LifecycleFacts } from '../../domain/next-step.ts';
import { dependsOnSurroundings } from '../../transitions/lifecycle/lifecycle-facts.ts';
import { LifecycleWorld } from '../support/lifecycle-world.ts';

const nowMs = Date.UTC(2026, 5, 1);

const anyMembership = fc
  .record({
    backed: fc.boolean(),
    everBacked: fc.boolean(),
    withoutDirectory: fc.boolean(),
    generation: fc.nat(2),
    closings: fc.nat(2),
    revokedClosings: fc.nat(2),
    giveBack: fc.boolean(),
    readmitted: fc.nat(2),
    guard: fc.constantFrom<Membership['guard'][]>(null, {
      generation: 1,
      state: 'waits',
      id: 'guard_a',
    }),
    projection: fc.record({ wanted: fc.nat(2), done: fc.nat(2) }),
    dueAt: fc.constantFrom(null, new Date(nowMs - 1), new Date(nowMs + 1)),
    access: fc.constantFrom<Membership['access'][]>(
      { state: 'open', reason: 'open' },
      { state: 'closed', reason: 'opening' },
      { state: 'closed', reason: 'notBacked' },
    ),
    erasure: fc.constantFrom<Membership['erasure'][]>(null, {
      committedAt: new Date(nowMs),
      pseudonym: 'former-user',
      wholeUser: true,
      completedAt: null,
      counts: {},
    }),
  })
  .map((changes) => ({ ...new LifecycleWorld(nextStep, []).membership, ...changes }));

const anySurroundings: fc.Arbitrary<Omit<LifecycleFacts, 'membership'>> = fc.record({
  holdIds: fc.constantFrom<string[][]>([], ['hold_1']),
  resourceHoldIds: fc.constantFrom<string[][]>([], ['hold_2']),
  contract: fc.constantFrom<LifecycleFacts['contract'][]>('allowed', 'refused', 'unknown'),
  transferTimes: fc.constantFrom<LifecycleFacts['transferTimes'][]>([], ['onDeprovision']),
  returnOwnership: fc.boolean(),
  answersRoleLoss: fc.constant(true),
  remindMs: fc.constantFrom(0, 1000),
});

describe('the facts of a look', () => {
  it('are not read where the membership alone decides, whatever they would be', () => {
    fc.assert(
      fc.property(anyMembership, anySurroundings, anySurroundings, (membership, some, others) => {
        fc.pre(!dependsOnSurroundings(membership));
        expect(nextStep({ membership, ...some }, nowMs)).toEqual(
          nextStep({ membership, ...others }, nowMs),
        );
      }),
      { numRuns: 5000 },
    );
  });

  it('are read for somebody who left, or who comes back to what was transferred', () => {
    const { membership } = new LifecycleWorld(nextStep, []);
    expect(dependsOnSurroundings({ ...membership, backed: false, generation: 1 })).toBe(true);
    expect(dependsOnSurroundings({ ...membership, backed: true, giveBack: true })).toBe(true);
    expect(dependsOnSurroundings({ ...membership, backed: true, giveBack: false })).toBe(false);
  });
});
