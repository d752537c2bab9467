/**
 * `npm run record:histories -- [shape ...]`: records the histories that `test/replay/` replays, from real
 * runs on real servers. On purpose only: a history that is there already is kept unless its shape is
 * named, because what was recorded once has to replay for as long as runs may be that old.
 */
import { access, mkdir, writeFile } from 'node:fs/promises';

import protoUtils from '@temporalio/common/lib/proto-utils.js';
import { NativeConnection, Worker } from '@temporalio/worker';

import type { Membership } from '../../domain/membership.ts';
import { lifecycleWorkflowId, pollerWorkflowId } from '../../domain/messages.ts';
import { deliveryWorkflowId } from '../../domain/notifications.ts';
import { reconcileWorkflowId } from '../../domain/reconciliation.ts';
import { createEventsApi } from '../../platform/workos/events-api.ts';
import { keepPoller } from '../../workers/poller-keeper.ts';
import { startReconciliations } from '../../workers/reconcile-starter.ts';
import { disableMembership } from '../../transitions/commands/disable-membership.ts';
import { userEvent, workosId } from './events.ts';
import globalSetup from './global-setup.ts';
import globalTeardown from './global-teardown.ts';
import { edge, mapGroups, mapped } from './groups.ts';
import { deliverEvents, listingOf } from './reconciling.ts';
import { notifierOf, startReceiver } from './receiver.ts';
import { testServers } from './servers.ts';
import { startSimulator } from './simulator.ts';
import { eventually, sleepingUntil } from './time-skipping.ts';
import { startTenure, type RunningTenure } from './tenure.ts';

const directory = new URL('../replay/histories/', import.meta.url);

interface Ada {
  id: string;
  organizationId: string;
  directoryId: string;
  email: string;
  firstName: string;
  lastName: string;
}

/** Each shape lives one life and returns the membership, or names the workflow, whose runs are kept. */
const shapes: Record<string, (tenure: RunningTenure) => Promise<Membership | string>> = {
  'events-poller': poll,
  'reconcile-directory': compare,
  'deliver-notifications': deliver,

  join: async (tenure) => join(tenure, person()),

  async update(tenure) {
    const ada = person();
    await join(tenure, ada);
    await tenure.deliver(userEvent('updated', { ...ada, lastName: 'Byron' }));
    return tenure.until(ada.id, (m) => m.projection.done === 2 && m.resting);
  },

  async 'leave-and-anonymize'(tenure) {
    const ada = person();
    await tenure.sandbox(ada.organizationId, 3);
    const { _id } = await join(tenure, ada);
    await tenure.deliver(userEvent('deleted', ada));
    return tenure.untilMembership(_id, (m) => m.phase === 'anonymized' && m.resting);
  },

  async return(tenure) {
    const ada = person();
    await tenure.sandbox(ada.organizationId, 3600);
    await join(tenure, ada);
    await tenure.deliver(userEvent('deleted', ada));
    await untilSleeping(tenure, await tenure.until(ada.id, (m) => m.phase === 'coolingOff'));
    await tenure.deliver(userEvent('updated', ada));
    return tenure.until(ada.id, (m) => m.access.state === 'open' && m.resting);
  },

  async blocked(tenure) {
    const ada = person();
    await tenure.sandbox(ada.organizationId, 2, { deletionAllowed: false });
    await join(tenure, ada);
    await tenure.deliver(userEvent('deleted', ada));
    return tenure.until(ada.id, (m) => m.phase === 'blocked' && m.resting);
  },

  async commands(tenure) {
    const ada = person();
    await tenure.sandbox(ada.organizationId, 3600);
    const { _id } = await join(tenure, ada);
    await tenure.deliver(userEvent('deleted', ada));
    const cooling = await tenure.until(ada.id, (m) => m.phase === 'coolingOff');
    await untilSleeping(tenure, cooling);
    const handle = tenure.client.workflow.getHandle(lifecycleWorkflowId(_id));
    const until = new Date((cooling.dueAt?.getTime() ?? 0) + 3_600_000).toISOString();
    await handle.signal('extendCoolingOff', { until, by: 'operator1' });
    await handle.signal('resumeDeletion', { by: 'operator1' });
    await handle.executeUpdate('disable', { args: [{ by: 'operator1' }] });
    await handle.executeUpdate('cancelDeletion', { args: [{ by: 'operator1' }] });
    return tenure.until(ada.id, (m) => m.phase === 'retained' && m.resting);
  },

  /** The host application ends sessions in an activity of its own: something is left at first. */
  async 'revoked-elsewhere'(tenure) {
    const ada = person();
    await tenure.sandbox(ada.organizationId, 3600);
    const { _id } = await join(tenure, ada);
    const legacy = { kind: 'legacy', connector: 'temporal' } as const;
    const taskQueue = `${tenure.queuePrefix}-host`;
    tenure.file.sessions.push({ ...legacy, taskQueue, activityType: 'revokeSessions' });
    let left = 2;
    const connection = await NativeConnection.connect({ address: testServers().temporalAddress });
    const host = await Worker.create({
      connection,
      taskQueue,
      activities: {
        async revokeSessions() {
          left = Math.max(0, left - 1);
          return { revoked: 1, left };
        },
      },
    });
    try {
      return await host.runUntil(async () => {
        await tenure.deliver(userEvent('deleted', ada));
        const cooling = await tenure.untilMembership(_id, (m) => m.phase === 'coolingOff');
        await untilSleeping(tenure, cooling);
        await tenure.deliver(userEvent('updated', ada));
        return tenure.until(ada.id, (m) => m.access.state === 'open' && m.resting);
      });
    } finally {
      tenure.file.sessions.pop();
      await connection.close();
    }
  },

  /** Somebody who lost a role is disabled while the host application does not answer about that role. */
  async 'revoked-beside-step'(tenure) {
    const ada = person();
    const group = workosId('directory_group');
    await mapGroups(tenure, ada.organizationId, [mapped(group, { roles: ['admin'] })]);
    await tenure.deliver(edge('added', ada, group));
    const { _id } = await join(tenure, ada);
    const inner = { ...tenure.host };
    let answer: (() => void) | undefined;
    Object.assign(tenure.host, {
      async answerRoleLoss(...given: Parameters<typeof inner.answerRoleLoss>) {
        await new Promise<void>((resolve) => (answer = resolve));
        return inner.answerRoleLoss(...given);
      },
    });
    try {
      await tenure.deliver(edge('removed', ada, group));
      await eventually(() => answer !== undefined, 'the question about the role');
      await disableMembership(tenure.store, {
        membershipId: _id,
        actor: 'admin:ada',
        reason: null,
      });
      await tenure.untilMembership(_id, (m) => m.revokedClosings === 1);
    } finally {
      Object.assign(tenure.host, inner);
      answer?.();
    }
    return tenure.untilMembership(_id, (m) => m.answeredNarrowings === 1 && m.resting);
  },

  async 'failing-step'(tenure) {
    const ada = person();
    await tenure.sandbox(ada.organizationId, 2);
    tenure.lookup.people.set(ada.id, 'uncertain');
    const { _id } = await join(tenure, ada);
    await tenure.deliver(userEvent('deleted', ada));
    await tenure.until(ada.id, (m) => m.conditions?.lastLook === 'uncertain');
    await new Promise((resolve) => setTimeout(resolve, 3000));
    tenure.lookup.people.delete(ada.id);
    return tenure.untilMembership(_id, (m) => m.phase === 'anonymized' && m.resting);
  },
};

function person(): Ada {
  const organizationId = workosId('org');
  return {
    id: workosId('directory_user'),
    organizationId,
    directoryId: `directory_${organizationId}`,
    email: 'canary.ada@example.com',
    firstName: 'CanaryAda',
    lastName: 'CanaryLovelace',
  };
}

async function join(tenure: RunningTenure, ada: Ada): Promise<Membership> {
  await tenure.deliver(userEvent('created', ada));
  return tenure.until(ada.id, (m) => m.access.state === 'open' && m.resting);
}

/** Waits until the run of the cooling-off sleeps, so that what comes next wakes it. */
async function untilSleeping(tenure: RunningTenure, { _id }: Membership): Promise<void> {
  const handle = tenure.client.workflow.getHandle(lifecycleWorkflowId(_id));
  await eventually(
    async () => sleepingUntil((await handle.fetchHistory()).events ?? []) !== null,
    `a timer of ${_id}`,
  );
}

/** The poller's life: events, a pause that WorkOS asks for, what was known already, and an end. */
async function poll(): Promise<string> {
  const simulator = await startSimulator();
  const { apiKey, url, settings } = simulator;
  const api = createEventsApi({ apiKey, apiUrl: url, timeoutMs: 5000 });
  const tenure = await startTenure({ polling: { api, intervalMs: 300 } });
  const { eventCursors } = tenure.store.collections;
  const polled = async (events: number): Promise<boolean> =>
    ((await eventCursors.findOne({}))?.counts.taken ?? 0) >= events;
  try {
    const tenant = simulator.tenant();
    simulator.join(tenant.directory.id, {
      firstName: 'CanaryAda',
      email: 'canary.ada@example.com',
    });
    await keepPoller(tenure.client, tenure.queuePrefix, true);
    await eventually(async () => polled(2), 'the first poll');
    settings.apiFaults.push({ id: '429', path: '/events', status: 429, retryAfter: 1, times: 1 });
    await eventually(() => settings.apiFaults.length === 0, 'a refused poll');
    simulator.leave('canary.ada@example.com');
    await eventually(async () => polled(3), 'a poll that is repeated');
    await keepPoller(tenure.client, tenure.queuePrefix, false);
    const workflowId = pollerWorkflowId(tenure.queuePrefix);
    const handle = tenure.client.workflow.getHandle(workflowId);
    await eventually(async () => (await handle.describe()).status.name !== 'RUNNING', 'its end');
    return workflowId;
  } finally {
    await tenure.close();
    await simulator.close();
  }
}

/** A comparison's life: pages, a step that fails for a while, and somebody who is asked about by their id. */
async function compare(): Promise<string> {
  const simulator = await startSimulator();
  const tenure = await startTenure({ listing: listingOf(simulator) });
  const { reconciliations } = tenure.store.collections;
  try {
    const okta = simulator.tenant().directory;
    const staff = simulator.group(okta.id, 'CanaryStaff');
    simulator.join(okta.id, {
      firstName: 'CanaryAda',
      email: 'canary.ada@example.com',
      groups: [staff],
    });
    await deliverEvents(tenure, simulator);
    simulator.leave('canary.ada@example.com');
    simulator.settings.apiFaults.push({
      id: '500',
      path: '/directory_groups',
      status: 500,
      times: 4,
    });
    await startReconciliations(tenure.store, tenure.client, tenure.queuePrefix);
    await eventually(
      async () => (await reconciliations.findOne({ outcome: 'complete' })) !== null,
      'the end of the comparison',
    );
    const workflowId = reconcileWorkflowId(okta.id);
    await tenure.client.workflow.getHandle(workflowId).result();
    return workflowId;
  } finally {
    await tenure.close();
    await simulator.close();
  }
}

/** A delivery's life: one endpoint that takes everything, one that takes nothing for a while, and the end. */
async function deliver(): Promise<string> {
  const receivers = [await startReceiver('app'), await startReceiver('crm')];
  const [app] = receivers;
  const endpoints = receivers.map(({ endpoint }) => endpoint);
  const tenure = await startTenure({ notified: { endpoints, notifier: notifierOf(endpoints) } });
  try {
    if (app !== undefined) app.answer.with = (_got, response) => void response.writeHead(503).end();
    const { userId } = await join(tenure, person());
    const workflowId = deliveryWorkflowId(userId);
    const handle = tenure.client.workflow.getHandle(workflowId);
    await eventually(
      async () => sleepingUntil((await handle.fetchHistory()).events ?? []) !== null,
      'a pause between two tries',
    );
    if (app !== undefined) app.answer.with = undefined;
    await handle.result();
    return workflowId;
  } finally {
    await tenure.close();
    for (const receiver of receivers) await receiver.close();
  }
}

/** Writes one file for each run of the workflow, oldest first. */
async function record(
  tenure: RunningTenure,
  shape: string,
  lived: Membership | string,
): Promise<void> {
  const workflowId = typeof lived === 'string' ? lived : lifecycleWorkflowId(lived._id);
  const runs: string[] = [];
  let runId = await firstRun(tenure, workflowId);
  for (;;) {
    const history = await tenure.client.workflow.getHandle(workflowId, runId).fetchHistory();
    runs.push(protoUtils.historyToJSON(history));
    const last = history.events?.at(-1);
    const next = last?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
    if (next == null || next === '') break;
    runId = next;
  }
  for (const [index, json] of runs.entries()) {
    const name = runs.length === 1 ? shape : `${shape}-${index + 1}`;
    const text = JSON.stringify(JSON.parse(json, withoutThisMachine), null, 1);
    await writeFile(new URL(`${name}.json`, directory), `${text}\n`);
    process.stdout.write(`${name}.json\n`);
  }
}

/** The first of the runs that belong to the last chain of continue-as-new. */
async function firstRun(tenure: RunningTenure, workflowId: string): Promise<string> {
  const newest = await tenure.client.workflow.getHandle(workflowId).fetchHistory();
  const started = newest.events?.[0]?.workflowExecutionStartedEventAttributes;
  return started?.firstExecutionRunId ?? '';
}

/** Identities and sticky queues name the host, stacks name its directories: neither matters to a replay. */
function withoutThisMachine(key: string, value: unknown): unknown {
  if (typeof value === 'string' && /^\d+@/.test(value)) return 'recorder';
  return key === 'stackTrace' ? '' : value;
}

async function isRecorded(shape: string): Promise<boolean> {
  const files = [`${shape}.json`, `${shape}-1.json`];
  const found = await Promise.allSettled(files.map((file) => access(new URL(file, directory))));
  return found.some(({ status }) => status === 'fulfilled');
}

const named = process.argv.slice(2);
await mkdir(directory, { recursive: true });
await globalSetup();
try {
  const tenure = await startTenure();
  for (const [shape, live] of Object.entries(shapes)) {
    const wanted = named.length > 0 ? named.includes(shape) : !(await isRecorded(shape));
    if (wanted) await record(tenure, shape, await live(tenure));
  }
  await tenure.close();
} finally {
  await globalTeardown();
}
