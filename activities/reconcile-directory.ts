import {
  firstPlace,
  longestRunMs,
  nextPhase,
  type ReconcilePlace,
  type ReconcileStop,
} from '../domain/reconciliation.ts';
import { takeInDirectoryState } from '../intake/take-in-directory-state.ts';
import { itemsToConfirm } from '../platform/mongo/reconciled-items.ts';
import { ListingFailed } from '../platform/workos/listing-failed.ts';
import {
  beginReconciliation,
  finishReconciliation,
  type RunOf,
} from '../transitions/organization/record-reconciliation.ts';
import { wantAllReconciliations } from '../transitions/organization/want-reconciliation.ts';
import type { ActivityDeps } from './deps.ts';
import { noteAbsentGroups, noteAbsentMembers, noteAbsentUsers } from './reconcile-absent.ts';
import { confirmItems, DirectoryWentAway, requireConnected } from './reconcile-confirm.ts';
import {
  reconcileGroups,
  reconcileMembers,
  reconcileUsers,
  type Onward,
  type Reconciling,
} from './reconcile-listed.ts';

/** A run that began: where, and the longest pause between two tries of a step. */
export interface Begun {
  place: ReconcilePlace;
  maxPauseMs: number;
}

/** What one step came to. */
export type StepDone =
  /** `place` null: everything was compared. `waitMs`: not before this time has passed. */
  | { place: ReconcilePlace | null; waitMs: number }
  /** For good: trying the same again does not help. */
  | { stopped: ReconcileStop };

/** A listing whose cursor is lost again and again is begun anew so often. */
const mostRestarts = 3;

/** Begins a run; null: there is nothing to compare. */
export function createBeginReconciliation(deps: ActivityDeps) {
  return async (run: RunOf): Promise<Begun | null> => {
    const begun = await beginReconciliation(deps.store, run);
    return begun === null ? null : { place: firstPlace, maxPauseMs: deps.maxPauseMs };
  };
}

/** Ends a run and counts what it found. */
export function createFinishReconciliation(deps: ActivityDeps) {
  return async (run: RunOf & { stopped: ReconcileStop | null }): Promise<void> => {
    const counts = await finishReconciliation(deps.store, run);
    const { directoryId, stopped } = run;
    // null: it was written down before, by a try whose result was lost.
    if (counts !== null) deps.onReconciled?.({ directoryId, stopped, counts });
  };
}

/** What the daily schedule does: every directory that is there is to be compared. Returns how many. */
export function createWantReconciliations(deps: ActivityDeps) {
  return async (): Promise<number> => wantAllReconciliations(deps.store);
}

/**
 * Does the next bit of a run: one page, or some seconds of going through the mirror. Safe to repeat: what was
 * taken in already is found to be the same.
 *
 * Throws where trying again helps; what does not get better by that stops the run. What is wrong with one
 * person or group alone is told to `failed`, and counted.
 */
export function createReconcileStep(deps: ActivityDeps, failed: (error: unknown) => void) {
  return async (input: RunOf & { place: ReconcilePlace }): Promise<StepDone> => {
    const { runId, directoryId, place } = input;
    const { store, file, newUserId, directoryListing: listing } = deps;
    if (listing === null) return { stopped: 'noKey' };
    const run: Reconciling = { store, file, newUserId, listing, runId, directoryId, failed };
    if (await isTooOld(run)) return { stopped: 'tooOld' };
    try {
      const isFirst = place.phase === 'users' && place.after === null;
      if (isFirst) await requireConnected(run);
      const done = await after(run, place, await work(run, place));
      if ('place' in done && done.place === null) await takeOverState(run);
      return done;
    } catch (error) {
      return stopOrThrow(error, place);
    }
  };
}

async function isTooOld({ store, runId }: Reconciling): Promise<boolean> {
  const run = await store.collections.reconciliations.findOne({ _id: runId });
  return run !== null && Date.now() - run.startedAt.getTime() > longestRunMs;
}

/**
 * WorkOS has answered for the whole directory, so its sync works, whatever was found before: whoever lost their
 * backing by that need not wait until the directory is asked about again.
 *
 * @throws DirectoryWentAway where it does not work any more at the end
 */
async function takeOverState(run: Reconciling): Promise<void> {
  const askedAt = new Date();
  await requireConnected(run);
  const isCompared = { isCompared: true };
  await takeInDirectoryState(run.store, run.directoryId, 'linked', askedAt, isCompared);
}

async function work(run: Reconciling, place: ReconcilePlace): Promise<Onward> {
  switch (place.phase) {
    case 'users':
      return reconcileUsers(run, place);
    case 'groups':
      return reconcileGroups(run, place);
    case 'members':
      return reconcileMembers(run, place);
    case 'absentUsers':
      return noteAbsentUsers(run, place);
    case 'absentGroups':
      return noteAbsentGroups(run, place);
    case 'absentMembers':
      return noteAbsentMembers(run, place);
    case 'confirm':
      return confirmItems(run, place);
  }
}

async function after(run: Reconciling, place: ReconcilePlace, onward: Onward): Promise<StepDone> {
  if (onward !== null) {
    const isSame = onward.groupId === place.groupId;
    const restarts = isSame ? place.restarts : 0;
    return { place: { ...onward, phase: place.phase, restarts }, waitMs: 0 };
  }
  const next = nextPhase(place.phase);
  if (next?.phase !== 'confirm') return { place: next, waitMs: 0 };
  const [first] = await itemsToConfirm(run.store, run.runId, null, 1);
  // Once the margin has passed, nothing that was too new before is too new any more.
  return first === undefined
    ? { place: null, waitMs: 0 }
    : { place: next, waitMs: run.listing.marginMs };
}

function stopOrThrow(error: unknown, place: ReconcilePlace): StepDone {
  if (error instanceof DirectoryWentAway) {
    return { stopped: error.gone ? 'directoryGone' : 'directoryNotConnected' };
  }
  if (!(error instanceof ListingFailed)) throw error;
  switch (error.problem) {
    case 'refused':
      return { stopped: 'refused' };
    case 'missing':
      return { stopped: 'directoryGone' };
    case 'cursorRefused':
      if (place.restarts >= mostRestarts) return { stopped: 'listingMoves' };
      // What was seen stays seen; only the reading begins anew.
      return { place: { ...place, after: null, restarts: place.restarts + 1 }, waitMs: 0 };
    case 'unreadable':
    case 'rateLimited':
    case 'unavailable':
    case 'malformed':
      throw error;
  }
}
