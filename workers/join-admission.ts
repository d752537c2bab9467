/** A first look that comes later than this says that Temporal has enough to do, milliseconds. */
const lateMs = 300;
const fewest = 4;
const atFirst = 10;

/** How many joins and updates may wait in Temporal for their first look. */
export interface JoinAdmission {
  readonly limit: number;
  /** What a round saw: how long each one waited that was looked at or still waits, and whether there was no room. */
  learn(seen: { waitedMs: readonly number[]; full: boolean; nowMs: number }): void;
}

/**
 * Finds out how many joins Temporal takes before they wait for each other. A leaver's lifecycle goes the same
 * way as those of a first sync: each of its dozen steps would queue behind every join that is under way, so
 * what waits must wait in MongoDB, where leavers pass it. One more with every round that was full and not
 * late, a third fewer once a look is late: by additive increase and multiplicative decrease, as TCP finds out
 * what a network carries.
 *
 * @param most never more than these, whatever Temporal takes
 */
export function createJoinAdmission(most: number): JoinAdmission {
  const least = Math.min(fewest, most);
  let limit = Math.min(atFirst, most);
  let reducedAtMs = Number.NEGATIVE_INFINITY;
  return {
    get limit() {
      return limit;
    },
    learn({ waitedMs, full, nowMs }) {
      if (!waitedMs.some((ms) => ms > lateMs)) {
        if (full) limit = Math.min(limit + 1, most);
      } else if (nowMs - reducedAtMs > lateMs) {
        // What was let in before the cut is late too: it says nothing about the limit since.
        limit = Math.max(Math.floor((limit * 2) / 3), least);
        reducedAtMs = nowMs;
      }
    },
  };
}
