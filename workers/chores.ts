import type { Client } from '@temporalio/client';
import type { Worker } from '@temporalio/worker';

import { reactivateMemberships } from '../connectors/workos/reactivate.ts';
import type { HostFile } from '../domain/host-file.ts';
import type { Config } from '../platform/config.ts';
import { userIdsFor } from '../platform/ids.ts';
import type { Logger } from '../platform/logger.ts';
import type { createMetrics } from '../platform/metrics.ts';
import type { Store } from '../platform/mongo/store.ts';
import type { LifecycleSignals } from '../platform/temporal/lifecycle-signals.ts';
import type { NotificationSignals } from '../platform/temporal/notification-signals.ts';
import type { Accounts } from '../platform/workos/accounts.ts';
import type { AskDirectoryState } from '../platform/workos/directory-states.ts';
import { noteOverdueRevocations } from '../transitions/lifecycle/note-overdue.ts';
import { refuseReactivation } from '../transitions/membership/refuse-reactivation.ts';
import { spreadCancellations } from '../transitions/organization/cancel-deletions.ts';
import { endSwitches } from '../transitions/organization/end-switches.ts';
import { goLive } from '../transitions/organization/go-live.ts';
import { spreadFacts } from '../transitions/organization/spread-facts.ts';
import { spreadFileRules } from '../transitions/organization/spread-file-rules.ts';
import { spreadGuards } from '../transitions/guards/spread-guards.ts';
import { withdrawEmptyGuards } from '../transitions/guards/withdraw-guards.ts';
import { keepAnchor } from './anchor-keeper.ts';
import { createDispatcher } from './dispatcher.ts';
import { beat } from './heartbeat.ts';
import type { HostReport } from './host-report.ts';
import { startDeliveries } from './notification-starter.ts';
import { keepPoller } from './poller-keeper.ts';
import { keepReconcileSchedule } from './reconcile-schedule.ts';
import { startReconciliations } from './reconcile-starter.ts';
import { repeat, type Repeating } from './repeat.ts';
import { sweep } from './sweep.ts';
import { watchDirectories } from './watch-directories.ts';

const heartbeatIntervalMs = 2000;
const anchorIntervalMs = 5000;
const hostReportIntervalMs = 600_000;
const goLiveIntervalMs = 2000;
const emptyGuardsIntervalMs = 5000;
const fileRulesIntervalMs = 5000;
const pollerIntervalMs = 10_000;
const reconcileStartIntervalMs = 2000;
const deliveryIntervalMs = 2000;
/** An alarm that may be a little late: what it tells of took minutes. */
const overdueIntervalMs = 5000;
/** Until somebody who was let in again can sign in at WorkOS user management. */
const reactivateIntervalMs = 2000;
const reconcileScheduleIntervalMs = 60_000;
/** Between two looks for a directory whose turn it is, and for a switch of provider that is over. */
const watchIntervalMs = 5000;

/** What the chores of a worker work on. */
export interface Running {
  config: Config;
  store: Store;
  file: HostFile;
  log: Logger;
  metrics: ReturnType<typeof createMetrics>;
  workers: Worker[];
  processId: string;
  client: Client;
  signals: LifecycleSignals;
  notifications: NotificationSignals;
  /** Asks WorkOS for the state of a directory; null without a key. */
  askDirectoryState: AskDirectoryState | null;
  /** Whether this worker polls the Events API. */
  polls: boolean;
  hostReport: HostReport;
  /** The accounts of WorkOS user management; null: the host file names none, or there is no key. */
  accounts: Accounts | null;
}

/** Starts everything that a worker does by the clock, beside its Temporal workers. */
export function startChores(running: Running): Repeating[] {
  const { config, store, file, log, metrics, workers, processId, client, signals } = running;
  const rules = { file, newUserId: userIdsFor(file) };
  const { queuePrefix } = config.temporal;
  const dispatcher = createDispatcher({
    store,
    signals,
    joinAdmission: config.limits.joinAdmission,
    onSignalled: (kind, sent) => metrics.signalled(kind, sent),
  });
  const reporting = (chore: string) => (error: unknown) =>
    log.warn({ err: error, chore }, 'a chore failed and is repeated');
  const chore = (name: string, intervalMs: number, round: () => Promise<boolean>): Repeating =>
    repeat({ intervalMs, round, onError: reporting(name) });
  const onChange = (directoryId: string, state: string): void => {
    log.error({ directoryId, state }, 'the state of a directory changed');
  };
  return [
    chore('dispatch', config.intervals.dispatchMs, dispatcher.tick),
    chore('spread', config.intervals.dispatchMs, async () => spreadFacts(store, rules)),
    chore('fileRules', fileRulesIntervalMs, async () => spreadFileRules(store)),
    chore('guards', config.intervals.dispatchMs, async () => spreadGuards(store, rules)),
    chore('emptyGuards', emptyGuardsIntervalMs, async () => {
      await withdrawEmptyGuards(store);
      return false;
    }),
    chore('cancellations', config.intervals.dispatchMs, async () => spreadCancellations(store)),
    // An observing Tenure leaves things undone; a live one takes them up.
    ...(config.observing
      ? []
      : [chore('goLive', goLiveIntervalMs, async () => goLive(store, file))]),
    chore('heartbeat', heartbeatIntervalMs, async () => {
      await beat(store, processId, workers, running.hostReport.counts());
      return false;
    }),
    chore('hostReport', hostReportIntervalMs, async () => {
      await running.hostReport.inspect();
      return false;
    }),
    chore('anchor', anchorIntervalMs, async () => {
      const raised = await keepAnchor(store, client, queuePrefix);
      if (raised !== null && raised > 0) {
        log.warn({ raised }, "Temporal's memory was lost; every open lifecycle looks again");
      }
      return false;
    }),
    chore('poller', pollerIntervalMs, async () => {
      const done = await keepPoller(client, queuePrefix, running.polls);
      if (done !== null) log.info({ done }, 'the poller of the Events API');
      return false;
    }),
    // While Tenure observes, what is left to be told waits until it is live.
    ...(config.observing
      ? []
      : [
          chore('notifications', deliveryIntervalMs, async () =>
            startDeliveries(store, running.notifications),
          ),
        ]),
    chore('reconcile', reconcileStartIntervalMs, async () => {
      await startReconciliations(store, client, queuePrefix);
      return false;
    }),
    chore('reconcileSchedule', reconcileScheduleIntervalMs, async () => {
      const done = await keepReconcileSchedule(client, queuePrefix, config.intervals.reconcileMs);
      if (done !== null) log.info({ done }, 'the schedule of reconciliations');
      return false;
    }),
    chore('overdue', overdueIntervalMs, async () =>
      noteOverdueRevocations(store, file, config.intervals.revocationOverdueMs),
    ),
    chore('switches', watchIntervalMs, async () => (await endSwitches(store, new Date())) > 0),
    chore('directories', watchIntervalMs, async () => {
      const ask = running.askDirectoryState;
      if (ask === null) return false;
      return watchDirectories({ store, ask, everyMs: config.intervals.directoryWatchMs, onChange });
    }),
    chore('reactivate', reactivateIntervalMs, async () => {
      const { accounts } = running;
      // An observing Tenure deactivated nobody, and tells WorkOS nothing.
      if (accounts === null || config.observing) return false;
      return reactivateMemberships(store, accounts, async (id, pauseMs) =>
        refuseReactivation(store, id, pauseMs),
      );
    }),
    chore('sweep', config.intervals.sweepMs, async () => {
      const raised = await sweep(store);
      log.info({ raised }, 'swept');
      return false;
    }),
  ];
}
