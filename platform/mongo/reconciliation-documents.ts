import type { ReconcileCounts, ReconcileStop } from '../../domain/reconciliation.ts';

/** One comparison of a directory with WorkOS, and what it found. Counts and ids only. */
export interface ReconciliationDocument {
  _id: string;
  directoryId: string;
  organizationId: string;
  startedAt: Date;
  /** null: the schedule, an activation, or the poller. */
  asked: { by: string; at: Date; reasonId: string | null } | null;
  finishedAt: Date | null;
  /** `complete`: everything was read and compared. `stopped`: it was not, and nothing was deleted by it. */
  outcome: 'running' | 'complete' | 'stopped';
  stopped: ReconcileStop | null;
  /** null while it runs. */
  counts: ReconcileCounts | null;
}

export const reconciledKinds = ['user', 'group', 'edge', 'person'] as const;
export type ReconciledKind = (typeof reconciledKinds)[number];

/**
 * One thing that a run saw, or misses. `absent` only after WorkOS did not know it by its id. `newer`: it
 * changed while it was compared, so that its events decide. `person`: somebody whose groups are to be read.
 */
export interface ReconciledItemDocument {
  /** `<run id>/<kind>/<id>`: written once, whatever is repeated. */
  _id: string;
  runId: string;
  kind: ReconciledKind;
  /** The WorkOS id; of an edge that of its document. */
  id: string;
  found: 'same' | 'added' | 'changed' | 'absent' | 'newer' | 'unreadable' | null;
  /** To be asked about by its id, once everything was read. */
  confirm?: true;
  /** Of a group: as of when its members were read, milliseconds. */
  membersAsOfMs?: number;
  at: Date;
}
