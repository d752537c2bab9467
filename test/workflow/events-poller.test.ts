import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/activity';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';

import type { PollResult } from '../../activities/poll-events.ts';
import { pollerWorkflowId, taskQueuesOf } from '../../domain/messages.ts';
import { keepPoller } from '../../workers/poller-keeper.ts';
import { quietTemporal } from '../support/quiet-temporal.ts';
import { testServers } from '../support/servers.ts';
import { eventually } from '../support/time-skipping.ts';

/** The workflow of the poller on a real Temporal, with polls that answer what a test says. */
describe('the workflow of the poller', () => {
  let native: NativeConnection;
  let connection: Connection;
  let client: Client;
  const ending: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    quietTemporal();
    const address = testServers().temporalAddress;
    native = await NativeConnection.connect({ address });
    connection = await Connection.connect({ address });
    client = new Client({ connection, namespace: 'default' });
  });

  afterEach(async () => {
    for (const end of ending.splice(0).toReversed()) await end();
  });

  afterAll(async () => {
    await connection.close();
    await native.close();
  });

  /** A deployment whose polls do what `poll` says; it gets the number of the poll. */
  async function deployment(poll: (nth: number) => object) {
    const prefix = `poller-${randomUUID()}`;
    let polls = 0;
    const worker = await Worker.create({
      connection: native,
      namespace: 'default',
      taskQueue: taskQueuesOf(prefix).lifecycle,
      workflowBundle: { codePath: testServers().workflowBundle ?? '' },
      activities: {
        pollEvents: async () => {
          polls += 1;
          return poll(polls);
        },
      },
    });
    const running = worker.run();
    ending.push(async () => {
      await keepPoller(client, prefix, false).catch(() => undefined);
      worker.shutdown();
      return running;
    });
    const handle = client.workflow.getHandle(pollerWorkflowId(prefix));
    return {
      prefix,
      handle,
      polls: () => polls,
      status: async () => (await handle.describe()).status.name,
      types: async () =>
        ((await handle.fetchHistory()).events ?? []).map(({ eventType }) => Number(eventType)),
    };
  }

  const idle: PollResult = {
    polls: true,
    more: false,
    pauseMs: 20,
    taken: 0,
    known: 0,
    quarantined: 0,
  };

  it('is one, however many workers keep it, and is kept where it is', async () => {
    const { prefix, status, polls } = await deployment(() => idle);
    const done = await Promise.all([1, 2, 3].map(async () => keepPoller(client, prefix, true)));
    expect(done.filter((one) => one === 'started')).toHaveLength(1);
    expect(await keepPoller(client, prefix, true)).toBeNull();
    await eventually(() => polls() >= 3, 'three polls');
    expect(await keepPoller(client, prefix, false)).toBe('ended');
    await eventually(async () => (await status()) === 'CANCELLED', 'its end');
    expect(await keepPoller(client, prefix, false)).toBeNull();
    expect(await keepPoller(client, prefix, true)).toBe('started');
  });

  it('ends by itself where no worker polls any more', async () => {
    const { prefix, status, polls } = await deployment((nth) =>
      nth < 3 ? idle : { polls: false },
    );
    await keepPoller(client, prefix, true);
    await eventually(async () => (await status()) !== 'RUNNING', 'its end');
    expect([await status(), polls()]).toEqual(['COMPLETED', 3]);
  });

  it('goes on at once while there is more', async () => {
    const { prefix, polls } = await deployment((nth) => ({
      ...idle,
      more: nth < 5,
      pauseMs: 3_600_000,
    }));
    await keepPoller(client, prefix, true);
    await eventually(() => polls() === 5, 'five polls');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(polls()).toBe(5);
  });

  it('repeats a failed poll after the pause that it names', async () => {
    const times: number[] = [];
    const { prefix } = await deployment((nth) => {
      times.push(Date.now());
      if (nth > 1) return idle;
      throw ApplicationFailure.create({ type: 'rateLimited', nextRetryDelay: 2500 });
    });
    await keepPoller(client, prefix, true);
    await eventually(() => times.length > 1, 'a second try');
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(2400);
  });

  it('outlives a poll that cannot be repeated, and waits a minute', async () => {
    const { prefix, handle, status } = await deployment(() => {
      throw ApplicationFailure.nonRetryable('a defect');
    });
    await keepPoller(client, prefix, true);
    const timer = await eventually(async () => {
      const { events } = await handle.fetchHistory();
      return events?.find((event) => event.timerStartedEventAttributes != null);
    }, 'a timer');
    expect(Number(timer.timerStartedEventAttributes?.startToFireTimeout?.seconds)).toBe(60);
    expect(await status()).toBe('RUNNING');
  });

  it('begins a fresh run before its history grows long', async () => {
    // Temporal suggests it at 4 MB, or at 4,096 events; the first is reached sooner.
    const padding = 'x'.repeat(500_000);
    const { prefix, handle, polls } = await deployment((nth) => ({
      ...idle,
      more: true,
      ...(nth < 12 ? { padding } : { more: false, pauseMs: 3_600_000 }),
    }));
    await keepPoller(client, prefix, true);
    await eventually(() => polls() >= 12, 'twelve polls');
    const { events } = await handle.fetchHistory();
    const started = events?.[0]?.workflowExecutionStartedEventAttributes;
    expect(started?.continuedExecutionRunId).toBe(started?.firstExecutionRunId);
    expect(events?.length).toBeLessThan(60);
  });
});
