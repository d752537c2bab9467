import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { describe, expect, it } from '@jest/globals';

import { parseEvent } from '../../intake/parse-event.ts';
import { readRetryAfter } from '../../platform/retry-after.ts';
import { refusalIn, HttpRefusal } from '../../platform/workos/http-refusal.ts';
import { polledEvents } from '../../platform/workos/events-api.ts';

/** Every event name of the official description. */
function officialNames(): string[] {
  const file = createRequire(import.meta.url).resolve('@workos/openapi-spec');
  const found = readFileSync(file, 'utf8').matchAll(/^ +const: ([a-z_]+(?:\.[a-z_]+)+)$/gm);
  return [...new Set([...found].map(([, name = '']) => name))];
}

describe('the events that are polled', () => {
  const applied = officialNames().filter(
    (event) => parseEvent({ id: 'event_1', event, data: {} }).kind !== 'stored',
  );

  it('are exactly those that Tenure applies', () => {
    expect(applied.length).toBeGreaterThan(5);
    expect(applied.toSorted()).toEqual([...polledEvents].toSorted());
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-11-23T03:00:00.000Z');

  it.each<[string | null, number | null]>([
    ['0', 0],
    ['7', 7000],
    [' 7 ', 7000],
    ['3600', 900_000],
    ['Mon, 23 Nov 2026 03:00:20 GMT', 20_000],
    ['Mon, 23 Nov 2026 02:00:00 GMT', 0],
    ['soon', null],
    ['', null],
    [null, null],
  ])('%j means %j ms', (header, ms) => {
    expect(readRetryAfter(header, now)).toBe(ms);
  });
});

describe('a refusal', () => {
  it('is found inside what a client wraps it in', () => {
    const refusal = new HttpRefusal(503, 1000);
    const wrapped = new Error('Unexpected error', { cause: new Error('x', { cause: refusal }) });
    expect(refusalIn(wrapped)).toBe(refusal);
    expect(refusalIn(new Error('another'))).toBeNull();
    expect(refusalIn('text')).toBeNull();
  });
});
