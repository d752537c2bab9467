import { createHash } from 'node:crypto';

import type { Client } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

import {
  lifecycleWorkflowId,
  lifecycleWorkflowType,
  lookAgainSignalName,
  searchAttributeNames,
  taskQueuesOf,
  type LifecycleInput,
} from '../../domain/messages.ts';
import type { Phase } from '../../domain/words.ts';

const phaseKey = defineSearchAttributeKey(searchAttributeNames.phase, SearchAttributeType.KEYWORD);
const organizationKey = defineSearchAttributeKey(
  searchAttributeNames.organization,
  SearchAttributeType.KEYWORD,
);

/** What a signal needs to know of a membership: ids and enums only, Temporal keeps them. */
export interface Signalled {
  membershipId: string;
  organizationId: string;
  /** For the search attribute of a run that starts. */
  phase?: Phase;
  /** Default true: what is signalled at once closes, narrows or was commanded. */
  urgent?: boolean;
}

/** How a lifecycle is made to look again. */
export interface LifecycleSignals {
  /** Signals one lifecycle, starting its run if none is open. Rejects if Temporal did not take it in time. */
  signal(membership: Signalled): Promise<void>;
  /**
   * Signals several and never throws nor waits: what fails is repeated by the dispatchers, since the
   * membership itself is the outbox. At most a hundred are under way; more are left to the dispatchers.
   */
  lookAgain(memberships: Signalled[]): void;
}

const mostUnderWay = 100;

/** Signals through a Temporal client, each call within `deadlineMs`. */
export function createLifecycleSignals(
  client: Client,
  { queuePrefix, deadlineMs = 1000 }: { queuePrefix: string; deadlineMs?: number },
): LifecycleSignals {
  let underWay = 0;
  const signal = async (membership: Signalled): Promise<void> => {
    await client.withDeadline(Date.now() + deadlineMs, async () =>
      client.workflow.signalWithStart(lifecycleWorkflowType, startOptions(membership, queuePrefix)),
    );
  };
  return {
    signal,
    lookAgain(memberships) {
      for (const membership of memberships) {
        if (underWay >= mostUnderWay) return;
        underWay += 1;
        signal(membership)
          .catch(() => undefined)
          .finally(() => {
            underWay -= 1;
          });
      }
    },
  };
}

function startOptions(membership: Signalled, queuePrefix: string) {
  const input: LifecycleInput = {
    membershipId: membership.membershipId,
    organizationId: membership.organizationId,
  };
  const args: [LifecycleInput] = [input];
  return {
    workflowId: lifecycleWorkflowId(membership.membershipId),
    taskQueue: taskQueuesOf(queuePrefix).lifecycle,
    args,
    signal: lookAgainSignalName,
    // A run ends whenever nothing is pending: the next one must be allowed to start, however it ended.
    workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
    priority: {
      priorityKey: (membership.urgent ?? true) ? 1 : 4,
      fairnessKey: fairnessKey(membership),
    },
    typedSearchAttributes: [
      ...(membership.phase === undefined ? [] : [{ key: phaseKey, value: membership.phase }]),
      { key: organizationKey, value: membership.organizationId },
    ],
    staticSummary: 'The lifecycle of one membership: one user in one organization',
  };
}

/**
 * Temporal refuses more than 64 bytes, and with them the signal. An imported organization may have any id of
 * the host application: a long one is told apart by its digest, of 64 characters.
 */
function fairnessKey({ organizationId }: Signalled): string {
  if (Buffer.byteLength(organizationId) <= 64) return organizationId;
  return createHash('sha256').update(organizationId).digest('hex');
}
