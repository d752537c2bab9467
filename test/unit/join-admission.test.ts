import { describe, expect, it } from '@jest/globals';

import { createJoinAdmission, type JoinAdmission } from '../../workers/join-admission.ts';

/** A Temporal whose looks come the later the more of them are under way. */
function rounds(admission: JoinAdmission, count: number, waitedMs: (limit: number) => number) {
  const limits: number[] = [];
  for (let round = 0; round < count; round += 1) {
    const waited = waitedMs(admission.limit);
    admission.learn({ waitedMs: [waited], full: true, nowMs: round * 200 });
    limits.push(admission.limit);
  }
  return limits;
}

describe('the admission of joins', () => {
  it('grows while looks come at once, never past what is configured', () => {
    const limits = rounds(createJoinAdmission(30), 100, () => 20);
    expect(limits[0]).toBe(11);
    expect(Math.max(...limits)).toBe(30);
    expect(limits.at(-1)).toBe(30);
  });

  it('does not grow while nobody stands in line', () => {
    const admission = createJoinAdmission(100);
    admission.learn({ waitedMs: [20], full: false, nowMs: 0 });
    expect(admission.limit).toBe(10);
  });

  it('settles around what Temporal takes before looks are late', () => {
    const limits = rounds(createJoinAdmission(1000), 500, (limit) => limit * 10).slice(50);
    expect(Math.max(...limits)).toBeLessThanOrEqual(31);
    expect(Math.min(...limits)).toBeGreaterThanOrEqual(20);
  });

  it('falls to a few where everything is late, and never to nobody', () => {
    expect(rounds(createJoinAdmission(100), 100, () => 5000).at(-1)).toBe(4);
    expect(rounds(createJoinAdmission(1), 100, () => 5000).at(-1)).toBe(1);
  });

  it('is cut once for those who were let in together', () => {
    const admission = createJoinAdmission(100);
    for (const nowMs of [0, 100, 200, 300]) admission.learn({ waitedMs: [400], full: true, nowMs });
    expect(admission.limit).toBe(6);
  });
});
