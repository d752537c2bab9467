import type { ActivityOptions, LocalActivityOptions } from '@temporalio/workflow';

/**
 * The profiles of every activity call. Nearly each step gives up after a few tries on purpose: the lifecycle then
 * looks again and tries for ever with a growing pause, so that a signal is heard in between.
 *
 * The heartbeat timeout is how long the death of a worker goes unnoticed by what it was doing.
 */

/** One idempotent read, write or transaction on MongoDB, well under a second. */
export const shortTransaction: LocalActivityOptions = {
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '20s',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumAttempts: 3 },
};

/**
 * The projection into the host's users: short nearly always. A host application that takes longer is tried as
 * `slowProjection` next: beside a local activity nothing can be looked at, and so no closing be heard.
 */
export const projection: LocalActivityOptions = {
  startToCloseTimeout: '2s',
  scheduleToCloseTimeout: '20s',
  retry: { maximumAttempts: 1 },
};

/** The projection where it did not work at once. It does not beat. */
export const slowProjection: ActivityOptions = {
  startToCloseTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumAttempts: 3 },
};

/** A command that came as a signal: nobody waits for an answer, so it is tried until it is stored. */
export const storedCommand: ActivityOptions = {
  startToCloseTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '60s' },
};

/** A command that came as an Update: whoever waits for the answer learns soon that it failed. */
export const answeredCommand: ActivityOptions = {
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumAttempts: 3 },
};

/** What calls the host application or WorkOS, or works in batches. */
export const callingOut: ActivityOptions = {
  startToCloseTimeout: '10m',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumAttempts: 3 },
};

/**
 * Revocation has its own queue and the highest priority: it must not wait behind a first sync. It is tried for
 * ever: nothing comes before it in a lifecycle, and the activity names the pause itself where a source asks for
 * one.
 */
export const revocation: ActivityOptions = {
  priority: { priorityKey: 1 },
  startToCloseTimeout: '2m',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '60s' },
};

/**
 * An activity that the host application runs on a task queue of its own. A queue that nobody polls is found out
 * within half a minute; the lifecycle then tries again for ever.
 */
export const hostActivity: ActivityOptions = {
  priority: { priorityKey: 1 },
  scheduleToStartTimeout: '30s',
  startToCloseTimeout: '1m',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumAttempts: 3 },
};

/**
 * Polling is how leavings arrive where a webhook was missed. It is tried for ever: the activity names the pause itself
 * where WorkOS asks for one.
 */
export const polling: ActivityOptions = {
  priority: { priorityKey: 1 },
  startToCloseTimeout: '5m',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '60s' },
};

/** What cannot be undone runs on a queue of its own, so that it can be given its own workers and rights. */
export const erasure: ActivityOptions = {
  priority: { priorityKey: 5 },
  startToCloseTimeout: '30m',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumAttempts: 3 },
};

/** What must be written down however long MongoDB is away: nobody else would do it. */
export const untilStored: ActivityOptions = {
  startToCloseTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '60s' },
};

/** One bit of comparing a directory: a page, and the people of it that differ. The least urgent of all. */
export const reconciling: ActivityOptions = {
  priority: { priorityKey: 5 },
  startToCloseTimeout: '10m',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumAttempts: 3 },
};

/**
 * Telling an endpoint what it was not told yet: tried for ever, since what an endpoint does not take is no failure
 * of the activity, and so only MongoDB can be away.
 */
export const notifying: ActivityOptions = {
  priority: { priorityKey: 3 },
  startToCloseTimeout: '2m',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '60s' },
};
