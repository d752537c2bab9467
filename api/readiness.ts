import { within } from '../platform/mongo/deadline.ts';
import type { HeartbeatDocument } from '../platform/mongo/documents.ts';
import type { Store } from '../platform/mongo/store.ts';

/** What must be there before this process takes traffic. */
export type ReadinessPart = 'mongodb' | 'migrations' | 'worker' | 'shuttingDown';

export interface Readiness {
  /** Which parts are missing; none means ready. */
  missing(): Promise<ReadinessPart[]>;
  /** What of the host file a worker did not find in the host application's database when it looked last, by code. */
  hostFindings(): Promise<Record<string, number>>;
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
    async missing() {
      if (shuttingDown) return ['shuttingDown'];
      const store = sources.connected();
      const polls = store === null ? null : await workerPolls(store);
      if (polls === null) return ['mongodb', 'migrations', 'worker'];
      const missing: ReadinessPart[] = [];
      if (!sources.migrated()) missing.push('migrations');
      if (!polls) missing.push('worker');
      return missing;
    },
    async hostFindings() {
      const store = sources.connected();
      const worker = store === null ? null : await freshWorker(store).catch(() => null);
      return worker?.hostFindings ?? {};
    },
    shutDown() {
      shuttingDown = true;
    },
  };
}

/** Whether a worker polls; null where MongoDB does not answer. Times are compared by MongoDB's own clock. */
async function workerPolls(store: Store): Promise<boolean | null> {
  try {
    return (await freshWorker(store)) !== null;
  } catch {
    return null;
  }
}

async function freshWorker({ collections }: Store): Promise<HeartbeatDocument | null> {
  const fresh = collections.heartbeats.findOne({
    role: 'worker',
    $expr: { $gt: ['$at', { $subtract: ['$$NOW', heartbeatMaxAgeMs] }] },
  });
  return within(1_000, fresh);
}
