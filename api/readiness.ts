import { within } from '../platform/mongo/deadline.ts';
import type { HeartbeatDocument } from '../platform/mongo/documents.ts';
import type { Store } from '../platform/mongo/store.ts';

/** What must be there before this process takes traffic. */
export const readinessParts = ['mongodb', 'migrations', 'worker', 'shuttingDown'] as const;
export type ReadinessPart = (typeof readinessParts)[number];

/** What a look found. */
export interface ReadinessReport {
  /** Which parts are missing; none means ready. */
  missing: ReadinessPart[];
  /** What of the host file a worker did not find in the host application's database when it looked last, by code. */
  hostFindings: Record<string, number>;
}

export interface Readiness {
  /** Looks now, with one read. */
  look(): Promise<ReadinessReport>;
  /** From now on the process is not ready, whatever else there is. */
  shutDown(): void;
}

/** A worker that has not written its heartbeat for so long does not poll. */
const heartbeatMaxAgeMs = 15_000;

export interface ReadinessSources {
  /** The store as soon as MongoDB was reached; null before. */
  connected: () => Store | null;
  /** Whether the migrations are done. */
  migrated: () => boolean;
}

/** Asks anew at every call: a readiness that remembers would be wrong when it counts. */
export function createReadiness(sources: ReadinessSources): Readiness {
  let shuttingDown = false;
  return {
    async look() {
      if (shuttingDown) return without('shuttingDown');
      const store = sources.connected();
      const worker = store === null ? undefined : await freshWorker(store);
      if (worker === undefined) return without('mongodb', 'migrations', 'worker');
      const missing: ReadinessPart[] = [];
      if (!sources.migrated()) missing.push('migrations');
      if (worker === null) missing.push('worker');
      return { missing, hostFindings: worker?.hostFindings ?? {} };
    },
    shutDown() {
      shuttingDown = true;
    },
  };
}

function without(...missing: ReadinessPart[]): ReadinessReport {
  return { missing, hostFindings: {} };
}

/**
 * The heartbeat of a worker that polls; null where none does, undefined where MongoDB does not answer. Times are
 * compared by MongoDB's own clock.
 */
async function freshWorker({ collections }: Store): Promise<HeartbeatDocument | null | undefined> {
  const fresh = collections.heartbeats.findOne({
    role: 'worker',
    $expr: { $gt: ['$at', { $subtract: ['$$NOW', heartbeatMaxAgeMs] }] },
  });
  return within(1_000, fresh).catch(() => undefined);
}
