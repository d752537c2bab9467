import type { Client } from '@temporalio/client';

import { lifecycleWorkflowId } from '../../domain/messages.ts';
import { resolvePolicy } from '../../platform/policy-schema.ts';
import { putPolicy } from '../../transitions/organization/put-policy.ts';
import { countActions, countLocalActivityTasks } from '../support/count-actions.ts';
import { userEvent } from '../support/events.ts';
import { openEndpoint, personMaker, type BenchPerson } from './deliveries.ts';
import { startTenure, type BenchStack, type BenchTenure } from './stack.ts';
import type { Figure } from './stats.ts';
import { until, untilMembership } from './waiting.ts';

const updates = 10;

/**
 * What a whole tenure costs Temporal: join, ten updates, leave, thirty days, anonymized, counted from the
 * histories of its runs. The thirty days are seconds here, which makes the same events; a second person's
 * cooling-off really is thirty days long, and its history is measured while it sleeps.
 */
export async function measureTenure(
  stack: BenchStack,
  report: (line: string) => void,
): Promise<Figure[]> {
  const tenure = await startTenure(stack, { name: 'tenure', worker: true });
  const endpoint = openEndpoint(tenure.webhookUrl);
  const person = personMaker(1)();
  await sandbox(tenure, person.organizationId, 3);
  const send = async (type: 'created' | 'updated' | 'deleted', who: BenchPerson): Promise<void> => {
    await endpoint.send(userEvent(type, who));
  };
  await send('created', person);
  const { _id: membershipId } = await settledRun(stack, tenure, person);
  for (let count = 1; count <= updates; count += 1) {
    await send('updated', { ...person, lastName: `Byron ${count}` });
    await settledRun(stack, tenure, person);
  }
  report('tenure: joined and updated; leaving');
  await send('deleted', person);
  await until('the anonymization', 120_000, 100, async () => {
    const found = await tenure.store.collections.memberships.findOne({ _id: membershipId });
    return found?.phase === 'anonymized' && found.resting ? true : null;
  });
  await untilNoRun(stack.client, membershipId);
  const sleeper = personMaker(1)();
  await send('created', sleeper);
  await settledRun(stack, tenure, sleeper);
  await send('deleted', sleeper);
  const asleep = await untilMembership(tenure, sleeper.id, (m) => m.phase === 'coolingOff');
  const figures = [
    ...(await costOf(stack.client, membershipId)),
    ...(await sleepOf(stack.client, asleep._id)),
  ];
  endpoint.close();
  await tenure.stop();
  return figures;
}

async function sandbox(
  tenure: BenchTenure,
  organizationId: string,
  seconds: number,
): Promise<void> {
  await putPolicy(tenure.store, organizationId, {
    policy: {
      ...resolvePolicy(null, { deletionAllowed: true }),
      sandbox: true,
      sandboxCoolingOffSeconds: seconds,
    },
  });
}

async function settledRun(stack: BenchStack, tenure: BenchTenure, person: BenchPerson) {
  const membership = await untilMembership(
    tenure,
    person.id,
    (m) => m.resting && m.access.state === 'open' && m.revision === m.lookedRevision,
  );
  await untilNoRun(stack.client, membership._id);
  return membership;
}

async function untilNoRun(client: Client, membershipId: string): Promise<void> {
  const handle = client.workflow.getHandle(lifecycleWorkflowId(membershipId));
  await until('the run to end', 30_000, 20, async () =>
    (await handle.describe()).status.name === 'RUNNING' ? null : true,
  );
}

interface Run {
  runId: string;
  historyBytes: number;
}

async function runsOf(client: Client, membershipId: string): Promise<Run[]> {
  const query = `WorkflowId = '${lifecycleWorkflowId(membershipId)}'`;
  const runs: Run[] = [];
  for await (const { runId } of client.workflow.list({ query })) {
    const handle = client.workflow.getHandle(lifecycleWorkflowId(membershipId), runId);
    const { historySize } = await handle.describe();
    runs.push({ runId, historyBytes: historySize ?? 0 });
  }
  return runs;
}

async function costOf(client: Client, membershipId: string): Promise<Figure[]> {
  const runs = await runsOf(client, membershipId);
  let actions = 0;
  let localTasks = 0;
  let events = 0;
  for (const { runId } of runs) {
    const handle = client.workflow.getHandle(lifecycleWorkflowId(membershipId), runId);
    const history = (await handle.fetchHistory()).events ?? [];
    actions += countActions(history);
    localTasks += countLocalActivityTasks(history);
    events += history.length;
  }
  return [
    {
      name: 'a whole tenure: Temporal actions',
      unit: 'actions',
      value: actions,
      goal: { atMost: 40 },
      goalOf: 'value',
    },
    {
      name: 'a whole tenure: workflow tasks with local activities',
      unit: 'tasks',
      value: localTasks,
    },
    { name: 'a whole tenure: runs', unit: 'runs', value: runs.length },
    { name: 'a whole tenure: events in histories', unit: 'events', value: events },
    {
      name: 'a whole tenure: histories',
      unit: 'kB',
      value: runs.reduce((sum, { historyBytes }) => sum + historyBytes, 0) / 1000,
    },
  ];
}

async function sleepOf(client: Client, membershipId: string): Promise<Figure[]> {
  const workflowId = lifecycleWorkflowId(membershipId);
  const handle = client.workflow.getHandle(workflowId);
  const events = await until('the timer of the cooling-off', 30_000, 50, async () => {
    const history = (await handle.fetchHistory()).events ?? [];
    const timers = history.filter(({ timerStartedEventAttributes: timer }) => timer != null);
    return timers.length > 0 ? history.length : null;
  });
  const { historySize } = await handle.describe();
  return [
    {
      name: 'a sleeping cooling-off: history',
      unit: 'kB',
      value: (historySize ?? Number.NaN) / 1000,
      goal: { atMost: 5 },
      goalOf: 'value',
    },
    { name: 'a sleeping cooling-off: events', unit: 'events', value: events },
  ];
}
