import type { CredentialSource } from '../connectors/credential-source.ts';
import type { HostApplication } from '../connectors/host-application.ts';
import type { RevocationPolicy } from '../connectors/revocation.ts';
import type { HostFile } from '../domain/host-file.ts';
import type { ReconcileCounts, ReconcileStop } from '../domain/reconciliation.ts';
import type { Store } from '../platform/mongo/store.ts';
import type { Notifier } from '../platform/outgoing/notifier.ts';
import type { DirectoryListing } from '../platform/workos/directory-listing.ts';
import type { DirectoryLookup } from '../platform/workos/directory-lookup.ts';
import type { Polling } from './poll-events.ts';

/** Whether Tenure only observes: what a step did is then what it would have done. */
export function isObserving({ host }: Pick<ActivityDeps, 'host'>): boolean {
  return host?.observes === true;
}

/** How a comparison of a directory ended. Ids and counts only. */
export interface Reconciled {
  directoryId: string;
  /** null: it came to its end. */
  stopped: ReconcileStop | null;
  counts: ReconcileCounts;
}

/** What the activities work with; composed in `workers/main.ts`. */
export interface ActivityDeps {
  store: Store;
  file: HostFile;
  /** null: the host file names nothing in the host application's database. */
  host: HostApplication | null;
  /** The sources of credentials that are asked over the network; absent: none. */
  outsideSources?: readonly CredentialSource[];
  /** null: no WorkOS key, so a last look can never be certain and nobody is erased. */
  directoryLookup: DirectoryLookup | null;
  /** null: no WorkOS key, so directories are never compared, and nobody is read afresh. */
  directoryListing: DirectoryListing | null;
  /** null: events arrive by webhook only. */
  polling: Polling | null;
  revocation: RevocationPolicy;
  newUserId: () => string;
  /** The longest pause between two tries of a step, milliseconds. */
  maxPauseMs: number;
  /** How long a leaving settles before it is counted at the guard, milliseconds. */
  guardSettleMs: number;
  /** Called when every session of a closing is verified gone; `ms` since the event reached Tenure. */
  onVerifiedEmpty: (ms: number) => void;
  /** Called when a comparison of a directory ended. */
  onReconciled?: (ended: Reconciled) => void;
  /** Absent: nobody is notified, because Tenure only observes. */
  notifier?: Notifier;
  /** Called after each try to notify an endpoint. */
  onTold?: (outcome: 'delivered' | 'failed' | 'dead') => void;
}
