import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WithStartWorkflowOperation } from '@temporalio/client';

import type { Membership } from '../../domain/membership.ts';
import {
  anchorWorkflowId,
  lifecycleWorkflowId,
  lifecycleWorkflowType,
  taskQueuesOf,
  type CommandAnswer,
  type CommandMessage,
  type LifecycleInput,
} from '../../domain/messages.ts';
import { cancelDeletion } from '../../transitions/commands/cancel-deletion.ts';
import { keepAnchor } from '../../workers/anchor-keeper.ts';
import { countActions, countLocalActivityTasks } from '../support/count-actions.ts';
import { userEvent, workosId, type DirectoryUserSketch } from '../support/events.ts';
import { startTenure, type RunningTenure } from '../support/tenure.ts';
import { eventually, sleepingUntil, type HistoryEvent } from '../support/time-skipping.ts';

type Person = DirectoryUserSketch & { id: string };

describe('the lifecycle in Temporal', () => {
  let tenure: RunningTenure;

  beforeAll(async () => {
    tenure = await startTenure();
  }, 120_000);

  afterAll(async () => tenure.close(), 60_000);

  async function join(seconds: number): Promise<{ ada: Person; joined: Membership }> {
    const organizationId = workosId('org');
    const ada = {
      id: workosId('directory_user'),
      organizationId,
      directoryId: `dir_${organizationId}`,
    };
    await tenure.sandbox(organizationId, seconds);
    await tenure.deliver(userEvent('created', ada));
    return {
      ada,
      joined: await tenure.until(ada.id, (m) => m.access.state === 'open' && m.resting),
    };
  }

  const handleOf = ({ _id }: Pick<Membership, '_id'>) =>
    tenure.client.workflow.getHandle(lifecycleWorkflowId(_id));

  async function leave(ada: Person): Promise<Membership> {
    await tenure.deliver(userEvent('deleted', ada));
    const cooling = await tenure.until(ada.id, (m) => m.phase === 'coolingOff');
    await eventually(
      async () => sleepingUntil((await handleOf(cooling).fetchHistory()).events ?? []) !== null,
      'a timer',
    );
    return cooling;
  }

  it.each(['a'.repeat(255), 'ü'.repeat(60), `${'a'.repeat(63)}ü`])(
    'takes the signal of an imported organization with a long id (%#)',
    async (organizationId) => {
      const membershipId = workosId('membership');
      await tenure.signals.signal({ membershipId, organizationId, phase: 'settled' });
      const run = tenure.client.workflow.getHandle(lifecycleWorkflowId(membershipId));
      // Nobody has this membership: the run looks, finds nothing to do and ends.
      await run.result();
      expect((await run.describe()).status.name).toBe('COMPLETED');
    },
  );

  it('tells in lists and on its page which membership is where and until when', async () => {
    const { ada, joined } = await join(3600);
    const { organizationId, dueAt } = await leave(ada);
    const handle = handleOf(joined);
    const query = `TenurePhase = 'coolingOff' AND TenureOrganizationId = '${organizationId}' AND ExecutionStatus = 'Running'`;
    const found = await eventually(async () => {
      for await (const run of tenure.client.workflow.list({ query })) return run;
      return null;
    }, query);
    expect(found.workflowId).toBe(lifecycleWorkflowId(joined._id));

    const run = await handle.describe();
    expect(run.searchAttributes).toMatchObject({
      TenurePhase: ['coolingOff'],
      TenureOrganizationId: [organizationId],
      TenureDueAt: [dueAt],
    });
    expect(run.searchAttributes).not.toHaveProperty('TenureBlockedBy');
    const day = dueAt?.toISOString().slice(0, 10);
    const metadata: { currentDetails?: string } = await handle.query(
      '__temporal_workflow_metadata',
    );
    expect(metadata.currentDetails).toContain(`cooling off until ${day}`);
    const { events } = await handle.fetchHistory();
    const timer = events?.find((event) => event.timerStartedEventAttributes);
    expect(Buffer.from(timer?.userMetadata?.summary?.data ?? []).toString()).toContain(
      `cooling off until ${day}`,
    );
    expect(run.historySize).toBeLessThanOrEqual(5000);
    expect(events?.length).toBeLessThanOrEqual(8);
    // The SDK cannot give a summary to a run that continues another one: its timer and details speak there.
    const first = tenure.client.workflow.getHandle(
      lifecycleWorkflowId(joined._id),
      events?.[0]?.workflowExecutionStartedEventAttributes?.firstExecutionRunId ?? '',
    );
    expect(await (await first.describe()).staticSummary()).toContain('one membership');
  });

  it('opens a run for an Update on a retained membership, and answers it', async () => {
    const { ada, joined } = await join(3600);
    const cooling = await leave(ada);
    await cancelDeletion(tenure.store, {
      membershipId: joined._id,
      actor: 'admin:test',
      reason: null,
    });
    await tenure.until(ada.id, (m) => m.phase === 'retained' && m.resting);
    await handleOf(joined).result();

    const input: LifecycleInput = {
      membershipId: joined._id,
      organizationId: joined.organizationId,
    };
    type Workflow = (given: LifecycleInput) => Promise<void>;
    const answer = await tenure.client.workflow.executeUpdateWithStart<
      Workflow,
      CommandAnswer,
      [CommandMessage?]
    >('resumeDeletion', {
      startWorkflowOperation: new WithStartWorkflowOperation<Workflow>(lifecycleWorkflowType, {
        workflowId: lifecycleWorkflowId(joined._id),
        taskQueue: taskQueuesOf(tenure.queuePrefix).lifecycle,
        workflowIdConflictPolicy: 'USE_EXISTING',
        args: [input],
      }),
    });
    expect(answer).toMatchObject({ phase: 'coolingOff' });
    const resumed = await tenure.until(ada.id, (m) => m.phase === 'coolingOff');
    expect(resumed).toMatchObject({ retained: null, dueAt: cooling.dueAt });
  });

  it('survives the loss of the whole memory of Temporal, and nobody is early', async () => {
    const prefix = tenure.queuePrefix;
    await keepAnchor(tenure.store, tenure.client, prefix);
    expect(await keepAnchor(tenure.store, tenure.client, prefix)).toBeNull();
    const { ada, joined } = await join(8);
    const { dueAt } = await leave(ada);
    for (const workflowId of [anchorWorkflowId(prefix), lifecycleWorkflowId(joined._id)]) {
      await tenure.client.workflow.getHandle(workflowId).terminate('the memory is lost');
    }

    expect(await keepAnchor(tenure.store, tenure.client, prefix)).toBeGreaterThanOrEqual(1);
    expect(await keepAnchor(tenure.store, tenure.client, prefix)).toBeNull();
    const gone = await tenure.untilMembership(joined._id, (m) => m.phase === 'anonymized');
    expect(gone.erasure?.committedAt.getTime()).toBeGreaterThanOrEqual(
      dueAt?.getTime() ?? Infinity,
    );
  });

  it('uses few actions for a whole tenure, in runs of one workflow id', async () => {
    const { ada, joined } = await join(2);
    for (let update = 1; update <= 10; update += 1) {
      await tenure.deliver(userEvent('updated', { ...ada, lastName: `Lovelace ${update}` }));
      await tenure.until(ada.id, (m) => m.projection.done === update + 1 && m.resting);
    }
    await tenure.deliver(userEvent('deleted', ada));
    await tenure.untilMembership(joined._id, (m) => m.phase === 'anonymized' && m.resting);
    await handleOf(joined).result();

    const workflowId = lifecycleWorkflowId(joined._id);
    // Two updates may meet in one run, so how many there are is not known: the list is read until it stands still.
    let listed = 0;
    const histories = await eventually(async () => {
      const all: HistoryEvent[][] = [];
      for await (const run of tenure.client.workflow.list({
        query: `WorkflowId = '${workflowId}'`,
      })) {
        const { events } = await tenure.client.workflow
          .getHandle(workflowId, run.runId)
          .fetchHistory();
        all.push(events ?? []);
      }
      const stands = all.length === listed && all.length >= 8;
      listed = all.length;
      return stands ? all : null;
    }, 'all runs in the list');
    const actions = histories.map(countActions).reduce((sum, count) => sum + count, 0);
    const local = histories.map(countLocalActivityTasks).reduce((sum, count) => sum + count, 0);
    if (process.env['TENURE_TEST_VERBOSE'])
      process.stderr.write(`actions ${actions}, local ${local}\n`);
    expect(actions).toBeLessThanOrEqual(40);
    expect(actions).toBeGreaterThan(10);
    expect(local).toBeGreaterThan(0);
  });
});
