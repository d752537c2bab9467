/**
 * The version of a mirrored object: which of two tellings of it is the newer one.
 * Webhooks come late, twice and in any order (WorkOS itself saw a deletion delivered 31 s late), so the
 * mirror keeps the newest telling, whatever the order of arrival.
 */
export interface Version {
  /** `created_at` of the event, milliseconds since the epoch. */
  eventAtMs: number;
  /** The event's id: the tie-break between events of one millisecond (WorkOS ids sort by time). */
  eventId: string;
  /** `updated_at` of the snapshot in the event, where it has one. */
  updatedAtMs: number | null;
}

/** Below zero when `a` is older than `b`, zero when they are the same telling, above zero when newer. */
export function compareVersions(a: Version, b: Version): number {
  if (a.eventAtMs !== b.eventAtMs) return a.eventAtMs - b.eventAtMs;
  if (a.eventId === b.eventId) return 0;
  return a.eventId < b.eventId ? -1 : 1;
}

/** Whether a telling replaces what the mirror holds. */
export function isNewer(candidate: Version, held: Version | null): boolean {
  return held === null || compareVersions(candidate, held) > 0;
}

/** The higher of two versions: what the mirror must not fall below again. */
export function laterVersion(a: Version, b: Version): Version {
  return compareVersions(a, b) >= 0 ? a : b;
}

/**
 * Parses a WorkOS time: ISO 8601 with `Z`, or `2023-04-28 20:05:31.093` (space, no zone), which the
 * documentation's samples show and which is read as UTC. Returns milliseconds, or null if it is neither.
 */
export function parseWorkosTime(text: string): number | null {
  const match =
    /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)(Z|[+-]\d{2}:\d{2})?$/.exec(text);
  if (match === null) return null;
  const ms = Date.parse(`${match[1]}T${match[2]}${match[3] ?? 'Z'}`);
  return Number.isNaN(ms) ? null : ms;
}
