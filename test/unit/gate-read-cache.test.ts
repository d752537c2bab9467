import { describe, expect, it } from '@jest/globals';

import { denied } from '../../domain/decide-access.ts';
import type { GateAnswer } from '../../gate/answer.ts';
import { createReadCache } from '../../gate/read-cache.ts';

function cacheAt(clock: { nowMs: number }, maxEntries = 3) {
  return createReadCache({ maxAgeMs: 100, maxEntries, nowMs: () => clock.nowMs });
}

function answerOf(userId: string): GateAnswer {
  return { ...denied('unknown'), userId, roles: ['editor'] };
}

describe('the memory of the gate', () => {
  it('counts the age of an answer from when it was asked for, not from when it came', () => {
    const clock = { nowMs: 0 };
    const cache = cacheAt(clock);
    clock.nowMs = 80;
    cache.put('a', answerOf('ada'), 0);
    clock.nowMs = 99;
    expect(cache.get('a')).toEqual(answerOf('ada'));
    clock.nowMs = 100;
    expect(cache.get('a')).toBeUndefined();
    clock.nowMs = 50;
    expect(cache.get('a')).toBeUndefined();
  });

  it('keeps what was asked later when an earlier answer arrives after it', () => {
    const cache = cacheAt({ nowMs: 20 });
    cache.put('a', answerOf('now'), 10);
    cache.put('a', answerOf('before'), 5);
    expect(cache.get('a')?.userId).toBe('now');
    cache.put('a', answerOf('after'), 15);
    expect(cache.get('a')?.userId).toBe('after');
  });

  it('forgets what was not needed for longest, once it is full', () => {
    const cache = cacheAt({ nowMs: 0 });
    for (const key of ['a', 'b', 'c']) cache.put(key, answerOf(key), 0);
    cache.get('a');
    cache.put('d', answerOf('d'), 0);
    expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key)?.userId)).toEqual([
      'a',
      undefined,
      'c',
      'd',
    ]);
    // Putting a key once more takes no other one's place.
    cache.put('d', answerOf('d'), 0);
    expect(cache.get('a')?.userId).toBe('a');
  });

  it('is not changed by whoever changes what they got', () => {
    const cache = cacheAt({ nowMs: 0 });
    const given = answerOf('ada');
    cache.put('a', given, 0);
    given.roles.push('admin');
    const got = cache.get('a');
    got?.roles.push('admin');
    if (got !== undefined) got.allowed = true;
    expect(cache.get('a')).toEqual(answerOf('ada'));
  });
});
