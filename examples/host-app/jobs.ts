import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import type { Collection, Db } from 'mongodb';

import type { Gate } from '../../gate/create-gate.ts';
import type { Projects } from './projects.ts';
import type { Actor } from './sessions.ts';

/** Work that goes on after the answer, in the name of whoever asked for it. */
export interface ExportJob {
  _id: string;
  projectId: string;
  userId: string;
  organizationId: string;
  /** `refused`: whoever asked may not act any more. */
  state: 'waiting' | 'running' | 'done' | 'refused';
  /** Titles that were exported. */
  lines: string[];
  createdAt: Date;
  startedAt: Date | null;
}

/** A process that died leaves its job running; after this somebody else takes it. */
const abandonedAfterMs = 5 * 60_000;

export interface Jobs {
  add(actor: Actor, projectId: string): Promise<ExportJob>;
  list(actor: Actor): Promise<ExportJob[]>;
  /** Does one job. False: there is none, or it has to wait. */
  runOne(): Promise<boolean>;
}

/**
 * Exports in the background. A job acts as a person, perhaps minutes after the click, so it asks the gate at
 * its start and again before each document: a queue is not a way around a closed door.
 */
export function createJobs(db: Db, gate: Pick<Gate, 'check'>, projects: Projects): Jobs {
  const jobs: Collection<ExportJob> = db.collection('jobs');
  /** Asks before each line, so also before the first one, and once more before it is called done. */
  const work = async (job: ExportJob): Promise<ExportJob['state']> => {
    const { userId, organizationId, projectId } = job;
    const documents = await projects.documents({ ...job, credentialId: job._id }, projectId);
    for (const document of [...documents, null]) {
      const answer = await gate.check({ userId, organizationId, action: 'write' });
      // While the gate does not answer nobody is judged: the job waits.
      if (!answer.allowed) return answer.reason === 'unavailable' ? 'waiting' : 'refused';
      if (document !== null) {
        await jobs.updateOne({ _id: job._id }, { $push: { lines: document.title } });
      }
    }
    return 'done';
  };
  return {
    async add({ userId, organizationId }, projectId) {
      const job: ExportJob = {
        _id: randomUUID(),
        projectId,
        userId,
        organizationId,
        state: 'waiting',
        lines: [],
        createdAt: new Date(),
        startedAt: null,
      };
      await jobs.insertOne(job);
      return job;
    },
    list: ({ organizationId, userId }) =>
      jobs.find({ organizationId, userId }).sort({ createdAt: -1 }).limit(20).toArray(),
    async runOne() {
      const abandoned = new Date(Date.now() - abandonedAfterMs);
      const job = await jobs.findOneAndUpdate(
        { $or: [{ state: 'waiting' }, { state: 'running', startedAt: { $lt: abandoned } }] },
        { $set: { state: 'running', startedAt: new Date(), lines: [] } },
        { sort: { createdAt: 1 }, returnDocument: 'after' },
      );
      if (job === null) return false;
      const state = await work(job);
      await jobs.updateOne({ _id: job._id }, { $set: { state } });
      return state !== 'waiting';
    },
  };
}

/** Runs jobs until it is stopped. */
export function startJobs(
  jobs: Jobs,
  options: { intervalMs: number; onError: (error: unknown) => void },
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const { signal } = stopping;
  const running = (async () => {
    while (!signal.aborted) {
      const hasMore = await jobs.runOne().catch((error: unknown) => {
        options.onError(error);
        return false;
      });
      if (!hasMore) await pause(options.intervalMs, null, { signal }).catch(() => null);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
