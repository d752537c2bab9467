/** The longest patience that is believed: a header from a broken proxy must not stop Tenure for a year. */
const longestMs = 15 * 60 * 1000;

/** What `Retry-After` asks for, milliseconds (RFC 9110 section 10.2.3: seconds, or a date); null: nothing. */
export function readRetryAfter(header: string | null, nowMs: number): number | null {
  const text = header?.trim() ?? '';
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), longestMs);
}
