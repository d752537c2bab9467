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

/** The id of a telling without an event begins so: the answer to a question that Tenure asked. */
const listingPrefix = 'listing_';

/** The version of an answer of WorkOS. `askedAtMs`: the start of the request, minus a margin. */
export function listingVersion(askedAtMs: number, uniqueId: string): Version {
  return { eventAtMs: askedAtMs, eventId: `${listingPrefix}${uniqueId}`, updatedAtMs: null };
}

/**
 * Whether nothing says which of two tellings is the newer one: the same moment, and not two events, whose
 * ids order them. Then the one that takes something away counts: closed can be opened again.
 */
export function areEqual(a: Version, b: Version): boolean {
  if (a.eventAtMs !== b.eventAtMs) return false;
  return a.eventId === b.eventId || [a, b].some(({ eventId }) => eventId.startsWith(listingPrefix));
}

/** How a telling of a person stands to the one that is held. */
export interface Verdict {
  /** It replaces what is held. */
  takes: boolean;
  /** Neither of the two is to be believed alone: WorkOS is asked afresh. */
  doubtful: boolean;
}

/**
 * Judges a telling of a person whose content `differs` from the one held, or not, and which `closes` more
 * than that one, or not.
 *
 * The order of the events decides, whatever the order of arrival. Where `updated_at` of the two snapshots
 * says the opposite, one of both was made of something outdated, and a fresh read decides which.
 */
export function judgeTelling(
  candidate: Version,
  held: Version | null,
  { differs, closes }: { differs: boolean; closes: boolean },
): Verdict {
  if (held === null) return { takes: true, doubtful: false };
  if (candidate.eventId === held.eventId) return { takes: false, doubtful: false };
  if (areEqual(candidate, held)) return { takes: closes, doubtful: differs };
  const order = compareVersions(candidate, held);
  const snapshots = compareSnapshots(candidate, held);
  return { takes: order > 0, doubtful: differs && order * snapshots < 0 };
}

/** By `updated_at`; zero where one of the two says nothing about it. */
function compareSnapshots(a: Version, b: Version): number {
  if (a.updatedAtMs === null || b.updatedAtMs === null) return 0;
  return Math.sign(a.updatedAtMs - b.updatedAtMs);
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
