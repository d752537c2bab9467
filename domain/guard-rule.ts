import type { Policy } from './policy.ts';

/** The part of a policy that the guard against mass changes goes by. */
export type GuardPolicy = Policy['guard'];

/** Everybody who left within one stretch of time, by their closings of access in milliseconds. */
export interface MassLeaving {
  /** The most closings that any one window around the asked-for closing holds. */
  most: number;
  /** The first and the last closing of all windows that hold too many; null: none of them does. */
  tooMany: { fromMs: number; untilMs: number } | null;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

export function windowMsOf({ windowMinutes }: GuardPolicy): number {
  return windowMinutes * minuteMs;
}

/** How many may leave a directory of so many people within a window before the guard holds them up. */
export function allowedLeavers({ maxUsers, maxPercent }: GuardPolicy, people: number): number {
  return Math.max(maxUsers, (people * maxPercent) / 100);
}

/**
 * Counts a closing among the others of its directory: every window of the policy's length that holds it,
 * wherever it begins. A lifecycle that counts late, after an outage say, so comes to the same as one that
 * counts at once. Two closings that are exactly a window apart are in one window.
 *
 * @param closings sorted, at least those one window before and after `own`, and `own` itself
 */
export function countLeaving(
  closings: readonly number[],
  own: number,
  windowMs: number,
  allowed: number,
): MassLeaving {
  let most = 0;
  let fromMs: number | null = null;
  let untilMs = own;
  let end = 0;
  for (const [begin, first] of closings.entries()) {
    if (first > own) break;
    while (end < closings.length && (closings[end] ?? 0) - first <= windowMs) end += 1;
    const last = closings[end - 1] ?? first;
    if (last < own) continue;
    most = Math.max(most, end - begin);
    if (end - begin <= allowed) continue;
    fromMs ??= first;
    untilMs = last;
  }
  return { most, tooMany: fromMs === null ? null : { fromMs, untilMs } };
}

/** Nothing is due sooner than this after an approval, in milliseconds. A sandbox does not wait. */
export function graceMsOf({ guard, sandbox }: Pick<Policy, 'guard' | 'sandbox'>): number {
  return sandbox ? 0 : guard.graceDays * dayMs;
}

/** Whether something happens so soon after a decision that it can only be about the same mistake. */
export function isSoonAfter({ graceDays }: GuardPolicy, decidedAt: Date, at: Date): boolean {
  return at.getTime() - decidedAt.getTime() <= graceDays * dayMs;
}
