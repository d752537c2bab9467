/**
 * Reconciliation: a full comparison of one directory with the mirror. First everything is read, page by page;
 * what differs is taken in as it is read. What the mirror has and no page showed is only noted, and so is
 * what is too new to be judged by a page. Once everything was read, and the margin of a listing has passed,
 * each of them is asked about by its id. A run that could not read everything deletes nothing.
 */

export const reconcileWorkflowType = 'reconcileDirectory';
export const wantReconciliationsWorkflowType = 'wantReconciliations';

/** The one run of a directory: a second one cannot be started beside it. */
export function reconcileWorkflowId(directoryId: string): string {
  return `reconcile/${directoryId}`;
}

/** The daily schedule of a deployment, by the prefix of its task queues. */
export function reconcileScheduleId(queuePrefix: string): string {
  return `${queuePrefix}-reconcile-daily`;
}

/** The phases of a run, in order. */
export const reconcilePhases = [
  'users',
  'groups',
  'members',
  'absentUsers',
  'absentGroups',
  'absentMembers',
  'confirm',
] as const;
export type ReconcilePhase = (typeof reconcilePhases)[number];

/** Where a run is: after a crash it goes on here. Ids and WorkOS's own cursors, nothing else. */
export interface ReconcilePlace {
  phase: ReconcilePhase;
  /** `members`, `absentMembers`: the group that is read; null: the first one. */
  groupId: string | null;
  /** The cursor, or the last id that is done; null: from the beginning. */
  after: string | null;
  /** How often this listing was begun anew because WorkOS did not know its cursor any more. */
  restarts: number;
}

export const firstPlace: ReconcilePlace = {
  phase: 'users',
  groupId: null,
  after: null,
  restarts: 0,
};

/** The beginning of the phase after this one; null: everything is done. */
export function nextPhase(phase: ReconcilePhase): ReconcilePlace | null {
  const next = reconcilePhases[reconcilePhases.indexOf(phase) + 1];
  return next === undefined ? null : { phase: next, groupId: null, after: null, restarts: 0 };
}

/**
 * Why a run stopped before its end. `directoryUnknown`, `directoryGone`: here, or in WorkOS;
 * `directoryNotConnected`: its sync does not work, so that a listing says nothing about who is gone;
 * `refused`: the key or a request; `listingMoves`: its cursors are lost again and again; `unavailable`,
 * `failed`: WorkOS, or Tenure itself, could not do it for a long time; `tooOld`: it lasted longer than
 * {@link longestRunMs}; `noKey`: there is no key for WorkOS.
 */
export const reconcileStops = [
  'directoryGone',
  'directoryNotConnected',
  'refused',
  'listingMoves',
  'unavailable',
  'failed',
  'tooOld',
  'noKey',
  'cancelled',
  'abandoned',
] as const;
export type ReconcileStop = (typeof reconcileStops)[number];

/**
 * So long a run may last: a day, in which the limit of WorkOS lets 34 million entries be read. What a run saw is
 * kept for two days (index of `reconciledItems`), and one that went on afterwards would miss what it had seen.
 * Only one that nobody ran for a while gets so old, and then it is begun anew.
 */
export const longestRunMs = 24 * 60 * 60 * 1000;

/** Whether trying again some time later may help, without anybody doing something. */
export function mayHeal(stop: ReconcileStop): boolean {
  return ['unavailable', 'failed', 'listingMoves', 'tooOld'].includes(stop);
}

/** What a comparison found about one kind of thing. `seen`: WorkOS has it, `same` or not. */
export interface ReconcileTally {
  seen: number;
  added: number;
  changed: number;
  absent: number;
}

export interface ReconcileCounts {
  users: ReconcileTally;
  groups: ReconcileTally;
  edges: ReconcileTally;
  /** Entries that WorkOS listed and that could not be read. */
  unreadable: number;
  /** What kept changing while it was compared: its own events tell. */
  newer: number;
}

/** Whether anything differed. */
export function differs({ users, groups, edges, unreadable }: ReconcileCounts): boolean {
  if (unreadable > 0) return true;
  return [users, groups, edges].some(({ added, changed, absent }) => added + changed + absent > 0);
}

/** The input of a run; `run` is set by continue-as-new. */
export interface ReconcileInput {
  directoryId: string;
  run?: { runId: string; place: ReconcilePlace; maxPauseMs: number };
}
