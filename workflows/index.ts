export { anchor } from './anchor.ts';
export { eventsPoller } from './events-poller.ts';
export { userLifecycle } from './user-lifecycle.ts';
