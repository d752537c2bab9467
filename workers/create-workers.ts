import { Worker, type NativeConnection, type WorkflowBundleOption } from '@temporalio/worker';

import type { Activities } from '../activities/index.ts';
import { taskQueuesOf } from '../domain/messages.ts';

export interface WorkersOptions {
  connection: NativeConnection;
  namespace: string;
  queuePrefix: string;
  activities: Activities;
  workflowBundle: WorkflowBundleOption;
  stickyTimeoutMs: number;
  /** How many idle workflows stay in memory; the others replay their short history. */
  maxCachedWorkflows?: number;
}

/**
 * The workers of one process, one for each task queue: lifecycles with their ordinary activities,
 * revocation, erasure, reconciliation, and notification with its own workflows. A deployment may give erasure to
 * processes with other rights.
 */
export async function createWorkers(options: WorkersOptions): Promise<Worker[]> {
  const { connection, namespace, activities } = options;
  const queues = taskQueuesOf(options.queuePrefix);
  const common = {
    connection,
    namespace,
    // In-flight activities are cancelled at once by default: a revocation deserves to finish.
    shutdownGraceTime: '10s',
    shutdownForceTime: '20s',
  } as const;
  const { revokeSessions, erasePerson, reconcileStep, deliver, ...ordinary } = activities;
  const lifecycle = await Worker.create({
    ...common,
    taskQueue: queues.lifecycle,
    workflowBundle: options.workflowBundle,
    activities: ordinary,
    maxCachedWorkflows: options.maxCachedWorkflows ?? 500,
    stickyQueueScheduleToStartTimeout: options.stickyTimeoutMs,
    maxConcurrentActivityTaskExecutions: 40,
    maxConcurrentLocalActivityExecutions: 40,
    maxConcurrentWorkflowTaskExecutions: 40,
  });
  const revocation = await Worker.create({
    ...common,
    taskQueue: queues.revocation,
    activities: { revokeSessions },
    // They wait for others nearly all the time, and one who waits long must not keep the next one waiting.
    maxConcurrentActivityTaskExecutions: 100,
  });
  const erasure = await Worker.create({
    ...common,
    taskQueue: queues.erasure,
    activities: { erasePerson },
    maxConcurrentActivityTaskExecutions: 4,
  });
  const reconciliation = await Worker.create({
    ...common,
    taskQueue: queues.reconciliation,
    activities: { reconcileStep },
    // So many directories are read at once: it is their rate limits that take the time.
    maxConcurrentActivityTaskExecutions: 8,
  });
  const notifications = await Worker.create({
    ...common,
    taskQueue: queues.notifications,
    // Its runs have slots and a cache of their own: those of an endpoint that is down are many, and wake often.
    workflowBundle: options.workflowBundle,
    activities: { deliver, pendingEndpoints: ordinary.pendingEndpoints },
    maxCachedWorkflows: options.maxCachedWorkflows ?? 200,
    stickyQueueScheduleToStartTimeout: options.stickyTimeoutMs,
    maxConcurrentWorkflowTaskExecutions: 20,
    maxConcurrentActivityTaskExecutions: 100,
  });
  return [lifecycle, revocation, erasure, reconciliation, notifications];
}
