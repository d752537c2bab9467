import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { allowedLeavers, countLeaving, graceMsOf } from '../../domain/guard-rule.ts';
import { defaultPolicy } from '../../domain/policy.ts';

const { guard } = defaultPolicy;
const windowMs = 1000;

/** By the words of the rule: every stretch of one window's length that begins at a closing and holds `own`. */
function slowly(closings: number[], own: number, allowed: number) {
  const windows = closings
    .map((first) => closings.filter((at) => at >= first && at - first <= windowMs))
    .filter((held) => held.includes(own));
  const tooMany = windows.filter((held) => held.length > allowed).flat();
  return {
    most: Math.max(...windows.map((held) => held.length)),
    tooMany:
      tooMany.length === 0 ? null : { fromMs: Math.min(...tooMany), untilMs: Math.max(...tooMany) },
  };
}

describe('how many may leave', () => {
  it('is the larger of a number and a share of the people', () => {
    expect(allowedLeavers(guard, 0)).toBe(20);
    expect(allowedLeavers(guard, 200)).toBe(20);
    expect(allowedLeavers(guard, 201)).toBeGreaterThan(20);
    expect(allowedLeavers(guard, 10_000)).toBe(1000);
    expect(allowedLeavers({ ...guard, maxUsers: 0, maxPercent: 0 }, 10_000)).toBe(0);
  });

  it('is exceeded by one more and not by as many', () => {
    const twenty = Array.from({ length: 20 }, (_, n) => n);
    expect(countLeaving(twenty, 19, windowMs, 20).tooMany).toBeNull();
    expect(countLeaving([...twenty, 20], 20, windowMs, 20)).toEqual({
      most: 21,
      tooMany: { fromMs: 0, untilMs: 20 },
    });
  });
});

describe('the window', () => {
  it('holds two closings that are exactly its length apart, and not one millisecond more', () => {
    expect(countLeaving([0, windowMs], windowMs, windowMs, 1).tooMany).not.toBeNull();
    expect(countLeaving([0, windowMs + 1], windowMs + 1, windowMs, 1).tooMany).toBeNull();
  });

  it('may begin anywhere: who left before counts those who followed', () => {
    expect(countLeaving([0, 600, 1200], 0, windowMs, 1).tooMany).toEqual({
      fromMs: 0,
      untilMs: 600,
    });
    expect(countLeaving([0, 600, 1200], 600, windowMs, 1).tooMany).toEqual({
      fromMs: 0,
      untilMs: 1200,
    });
  });

  it('is one window: few before and few after are not many together', () => {
    const around = [0, 1, 900, 1799, 1800];
    expect(countLeaving(around, 900, windowMs, 3)).toEqual({ most: 3, tooMany: null });
  });

  it('does not hold who left apart from a mass', () => {
    const mass = Array.from({ length: 30 }, (_, n) => n);
    expect(countLeaving([...mass, 5000], 5000, windowMs, 20)).toEqual({ most: 1, tooMany: null });
  });

  it('counts as the words of the rule say, whoever left when', () => {
    const times = fc.array(fc.nat(4000), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(times, fc.nat(), fc.integer({ min: 0, max: 12 }), (found, pick, allowed) => {
        const closings = found.toSorted((a, b) => a - b);
        const own = closings[pick % closings.length]!;
        expect(countLeaving(closings, own, windowMs, allowed)).toEqual(
          slowly(closings, own, allowed),
        );
      }),
      { numRuns: 5000 },
    );
  });

  it('is the same for everybody in it: whom one finds too many with, finds too many too', () => {
    const times = fc.array(fc.nat(4000), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(times, fc.nat(), (found, pick) => {
        const closings = found.toSorted((a, b) => a - b);
        const own = closings[pick % closings.length]!;
        const { tooMany } = countLeaving(closings, own, windowMs, 5);
        if (tooMany === null) return;
        for (const other of closings) {
          if (other < tooMany.fromMs || other > tooMany.untilMs) continue;
          expect(countLeaving(closings, other, windowMs, 5).tooMany).not.toBeNull();
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the grace after an approval', () => {
  it('is days by the policy, and nothing in a sandbox', () => {
    expect(graceMsOf(defaultPolicy)).toBe(7 * 86_400_000);
    expect(graceMsOf({ ...defaultPolicy, sandbox: true })).toBe(0);
  });
});
