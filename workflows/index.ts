export { anchor } from './anchor.ts';
export { deliverNotifications } from './deliver-notifications.ts';
export { eventsPoller } from './events-poller.ts';
export { reconcileDirectory, wantReconciliations } from './reconcile-directory.ts';
export { userLifecycle } from './user-lifecycle.ts';
