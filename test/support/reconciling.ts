import { randomUUID } from 'node:crypto';

import type { ActivityDeps } from '../../activities/deps.ts';
import { createReconcileStep } from '../../activities/reconcile-directory.ts';
import { defaultRevocationPolicy } from '../../connectors/revocation.ts';
import {
  firstPlace,
  type ReconcilePlace,
  type ReconcileStop,
} from '../../domain/reconciliation.ts';
import type { ReconciliationDocument } from '../../platform/mongo/reconciliation-documents.ts';
import {
  createDirectoryListing,
  type DirectoryListing,
} from '../../platform/workos/directory-listing.ts';
import {
  beginReconciliation,
  finishReconciliation,
} from '../../transitions/organization/record-reconciliation.ts';
import type { TestSimulator } from './simulator.ts';
import type { TestTenure } from './tenure.ts';
import { scriptedLookup } from './tenure.ts';

/** Long enough to tell "too new" from "old", short enough to wait for. */
export const testMarginMs = 300;

/** The listing of a simulator, without a limit unless one is given. */
export function listingOf(
  { port, apiKey }: TestSimulator,
  options: { usersPerSecond?: number; marginMs?: number } = {},
): DirectoryListing {
  return createDirectoryListing({
    apiKey,
    apiUrl: `http://127.0.0.1:${port}`,
    timeoutMs: 5000,
    usersPerSecond: options.usersPerSecond ?? 10_000,
    marginMs: options.marginMs ?? testMarginMs,
  });
}

/** Takes in every event of the simulator from this one on, in order. Returns the number of the next one. */
export async function deliverEvents(
  tenure: TestTenure,
  simulator: TestSimulator,
  from = 0,
): Promise<number> {
  const events = simulator.events();
  for (const event of events.slice(from)) await tenure.take(event);
  return events.length;
}

/** Waits until what is known now is older than an answer that is asked for afterwards. */
export async function passMargin(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, testMarginMs + 20));
}

/** What activities work with, around the store of a test. */
export function depsOf(tenure: TestTenure, parts: Partial<ActivityDeps> = {}): ActivityDeps {
  return {
    store: tenure.store,
    file: tenure.file,
    host: tenure.host,
    directoryLookup: scriptedLookup(),
    directoryListing: null,
    polling: null,
    revocation: defaultRevocationPolicy,
    newUserId: tenure.intake.newUserId,
    maxPauseMs: 1000,
    guardSettleMs: 0,
    onVerifiedEmpty: () => undefined,
    ...parts,
  };
}

export interface ReconcileOptions {
  /** Called before each step. */
  before?: (place: ReconcilePlace) => void | Promise<void>;
  /** Does each step twice, as after a crash before its result was known. */
  twice?: boolean;
  /** What differs from the store of the test. */
  deps?: Partial<ActivityDeps>;
  /** Told of what cannot be taken in. */
  failed?: (error: unknown) => void;
}

/** Where a test expects no failure it is to fail by it. */
function rethrow(error: unknown): void {
  throw error;
}

/** Compares a directory as the workflow does, without Temporal. Returns what was written down. */
export async function reconcile(
  tenure: TestTenure,
  listing: DirectoryListing | null,
  directoryId: string,
  { before, twice = false, deps = {}, failed = rethrow }: ReconcileOptions = {},
): Promise<ReconciliationDocument> {
  const runId = randomUUID();
  const of = { runId, directoryId };
  const step = createReconcileStep(depsOf(tenure, { directoryListing: listing, ...deps }), failed);
  if ((await beginReconciliation(tenure.store, of)) === null) throw new Error('Nothing to do.');
  let stopped: ReconcileStop | null = null;
  for (let place: ReconcilePlace | null = firstPlace; place !== null && stopped === null;) {
    await before?.(place);
    if (twice) await step({ ...of, place });
    const done = await step({ ...of, place });
    if ('stopped' in done) {
      stopped = done.stopped;
    } else {
      place = done.place;
      if (done.waitMs > 0) await new Promise((resolve) => setTimeout(resolve, done.waitMs));
    }
  }
  await finishReconciliation(tenure.store, { ...of, stopped });
  const run = await tenure.store.collections.reconciliations.findOne({ _id: runId });
  if (run === null) throw new Error('The run was not written down.');
  return run;
}
