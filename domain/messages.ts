import type { ClosingReason, CommandName } from './words.ts';

/**
 * The messages of the lifecycle workflow. Payloads hold ids, enum values, counts and times, never a
 * person's data: Temporal keeps them for as long as its retention says.
 */

export const lifecycleWorkflowType = 'userLifecycle';
export const anchorWorkflowType = 'anchor';

/** The anchor of a deployment, by the prefix of its task queues. */
export function anchorWorkflowId(queuePrefix: string): string {
  return `${queuePrefix}-anchor`;
}

export const pollerWorkflowType = 'eventsPoller';

/** The one poller of the Events API of a deployment, by the prefix of its task queues. */
export function pollerWorkflowId(queuePrefix: string): string {
  return `${queuePrefix}-events-poller`;
}

/** The workflow id of the lifecycle of one membership. */
export function lifecycleWorkflowId(membershipId: string): string {
  return `user-lifecycle/${membershipId}`;
}

export interface LifecycleInput {
  membershipId: string;
  organizationId: string;
  /** Set by continue-as-new: the end of cooling-off that the earlier run saw, and of which generation. */
  waiting?: { generation: number; untilMs: number };
}

/** The one signal of the directory side: something about the membership changed, look at it. */
export const lookAgainSignalName = 'lookAgain';

/** A command as it travels through Temporal. */
export interface CommandMessage {
  /** Who gives it: shown in the timeline as `temporal:<by>`. An opaque operator id, never a name or e-mail. */
  by?: string;
  /** `extendCoolingOff`: ISO 8601, UTC. */
  until?: string;
  /** `reassignOwnership`: who receives, and which resource kinds (all if absent). */
  toUserId?: string;
  kinds?: string[];
}

export interface Command {
  name: CommandName;
  message: CommandMessage;
}

/** What a command answers through an Update: enums and counts, so that it may stay in the history. */
export interface CommandAnswer {
  revision: number;
  phase: string;
  accessReason: string;
}

/** The kinds of credentials that activities of the host application end, and for whom. */
export interface RevokeElsewhere {
  membershipId: string;
  /** `Membership.closings`. */
  closing: number;
  /** The host application's own ids. */
  userId: string;
  organizationId: string;
  last: boolean;
  /** Absent in histories from before it was told: `leaving`. */
  reason?: ClosingReason;
  sources: { kind: string; taskQueue: string; activityType: string }[];
}

/**
 * What an activity of the host application is called with: end what lets this person in by `kind`. `last`: they
 * have no other organization left, so what belongs to none goes too. `closing` counts the times at which access
 * closed: the same one again is a repetition, for the same reason.
 */
export interface HostRevocation {
  kind: string;
  userId: string;
  organizationId: string;
  last: boolean;
  closing: number;
  reason: ClosingReason;
}

/** What it has to return: how many it ended in this call, and how many are still alive after it. */
export interface HostRevocationAnswer {
  revoked: number;
  left: number;
}

/** What came of it. `code`: why it failed; null: twice in a row nothing was left. */
export interface RevokedElsewhere {
  membershipId: string;
  closing: number;
  kind: string;
  revoked: number;
  code: string | null;
}

/** The task queues of one deployment. */
export interface TaskQueues {
  lifecycle: string;
  revocation: string;
  erasure: string;
  reconciliation: string;
  notifications: string;
}

/**
 * The task queues. Revocation and erasure have their own, so that neither waits behind a first sync; so has
 * reconciliation, which spends its time waiting for WorkOS's rate limit and must not stand before anybody, and
 * notification, which waits for the host application's endpoints.
 */
export function taskQueuesOf(prefix: string): TaskQueues {
  return {
    lifecycle: `${prefix}-lifecycle`,
    revocation: `${prefix}-revocation`,
    erasure: `${prefix}-erasure`,
    reconciliation: `${prefix}-reconciliation`,
    notifications: `${prefix}-notifications`,
  };
}

/** The task queues beside a run's own one: it finds its deployment by where it runs. */
export function taskQueuesBeside(queue: string): TaskQueues {
  return taskQueuesOf(queue.replace(/-(lifecycle|notifications)$/, ''));
}

/** The search attributes by which the Temporal UI finds memberships. Enums, ids and times only: they are never encrypted. */
export const searchAttributeNames = {
  phase: 'TenurePhase',
  organization: 'TenureOrganizationId',
  dueAt: 'TenureDueAt',
  blockedBy: 'TenureBlockedBy',
} as const;
