import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ApplicationFailure, WorkflowUpdateFailedError } from '@temporalio/client';

import { dayMs, startSkipping, type SkippingTenure } from '../support/time-skipping.ts';

describe('a run of the lifecycle', () => {
  let tenure: SkippingTenure;

  beforeAll(async () => {
    tenure = await startSkipping();
  }, 180_000);

  afterEach(() => {
    tenure.before.hook = undefined;
  });

  afterAll(async () => tenure.close(), 60_000);

  it('tries a failing host for ever, hears commands meanwhile, and survives a restart of the workers', async () => {
    const ada = await tenure.person();
    const { _id } = await tenure.join(ada);
    tenure.before.hook = ({ name }) => {
      if (name === 'transferOwnership') throw new Error('the host application is down');
    };
    const dueMs = await tenure.leave(ada, 30);
    await tenure.skipTo((await tenure.env.currentTimeMs()) + 1_800_000);
    await tenure.eventually(() => tenure.callsOf('transferOwnership', _id).length > 20, 'tries');
    await tenure.handle({ _id }).signal('cancelDeletion', { by: 'op1' });
    const heard = await tenure.until(ada, (m) => m.retained !== null);
    expect(heard).toMatchObject({ phase: 'transferring', transfer: null });

    await tenure.stopWorkers();
    await tenure.startWorkers();
    tenure.before.hook = undefined;
    await tenure.lookAgain(ada);
    await tenure.until(ada, (m) => m.phase === 'retained' && m.resting && m.transfer !== null);
    await tenure.skipTo(dueMs + dayMs);
    expect(await tenure.membership(ada)).toMatchObject({ phase: 'retained', erasure: null });
  });

  it('never fails by commands that are refused or malformed', async () => {
    const ada = await tenure.person();
    const { _id } = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 30);
    const handle = tenure.handle({ _id });
    const before = await tenure.membership(ada);
    await handle.signal('resumeDeletion');
    await handle.signal('reactivate', { by: 'op1' });
    await handle.signal('extendCoolingOff', { until: new Date(dueMs - dayMs).toISOString() });
    await handle.signal('extendCoolingOff', { until: 5 });
    await handle.signal('extendCoolingOff', null);
    await handle.signal('reassignOwnership', { toUserId: { $ne: null } });
    await handle.signal('reassignOwnership', { toUserId: 'nobody', kinds: 'all' });
    await handle.signal('cancelDeletion', 'please');
    await handle.signal('disable', { by: 'op1' });
    const after = await tenure.until(ada, (m) => m.disabled !== null && m.revokedClosings === 2);
    expect(after).toMatchObject({ retained: null, reassign: null, dueAt: before.dueAt });
    expect((await handle.describe()).status.name).toBe('RUNNING');
  });

  it('answers Updates, refuses them with a code, and keeps malformed ones out of its history', async () => {
    const ada = await tenure.person();
    const { _id } = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 30);
    const handle = tenure.handle({ _id });
    const accepted = async () =>
      (await tenure.events(_id)).filter(
        (event) => event.workflowExecutionUpdateAcceptedEventAttributes,
      ).length;
    const failure = async (name: string, message?: unknown): Promise<unknown> =>
      handle.executeUpdate(name, { args: [message] }).then(
        () => null,
        (error: unknown) => (error instanceof WorkflowUpdateFailedError ? error.cause : error),
      );

    for (const [name, message] of [
      ['extendCoolingOff', { until: 'soon' }],
      ['extendCoolingOff', {}],
      ['reassignOwnership', { toUserId: { $ne: null } }],
      ['reassignOwnership', { toUserId: 'user_1', kinds: [1] }],
      ['cancelDeletion', ['please']],
    ] as const) {
      const refused = await failure(name, message);
      expect(refused).toBeInstanceOf(ApplicationFailure);
      expect(refused).toMatchObject({ type: 'invalid' });
    }
    expect(await accepted()).toBe(0);

    const until = new Date(dueMs - dayMs).toISOString();
    expect(await failure('extendCoolingOff', { until })).toMatchObject({ type: 'untilNotLater' });
    expect(await accepted()).toBe(1);
    await expect(handle.executeUpdate('disable')).resolves.toMatchObject({
      phase: 'coolingOff',
      accessReason: 'disabled',
    });
  });

  it('that is cancelled erases nobody; the next signal goes on', async () => {
    const ada = await tenure.person();
    const { _id } = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 30);
    await tenure.handle({ _id }).cancel();
    await tenure.untilClosed(_id, 'CANCELLED');
    await tenure.skipTo(dueMs + dayMs);
    expect(await tenure.membership(ada)).toMatchObject({ phase: 'coolingOff', erasure: null });
    await tenure.lookAgain(ada);
    await tenure.until(ada, (m) => m.phase === 'anonymized');
  });

  it('waits for a worker that knows a step it does not know', async () => {
    const ada = await tenure.person();
    const { _id } = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 30);
    let unknown = 0;
    tenure.before.hook = ({ name }) => {
      if (name !== 'look' || unknown === 2) return undefined;
      unknown += 1;
      return {
        instead: {
          step: { do: 'notarize' },
          phase: 'coolingOff',
          blockedBy: [],
          revision: 1,
          generation: 1,
          dueAtMs: dueMs,
          maxPauseMs: 1000,
          guardSettleMs: 0,
        },
      };
    };
    const timers = async () =>
      (await tenure.events(_id)).filter((event) => event.timerStartedEventAttributes).length;
    const before = await timers();
    await tenure.lookAgain(ada);
    await tenure.eventually(() => unknown === 2, 'looks', 25_000);
    await tenure.eventually(async () => (await timers()) === before + 1, 'the timer again', 25_000);
    await tenure.untilSleepingFor(_id, dueMs);
    expect((await tenure.handle({ _id }).describe()).status.name).toBe('RUNNING');
  }, 180_000);

  it('outlives a store that is away when the cooling-off ends, in the same run', async () => {
    const ada = await tenure.person();
    const { _id } = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 30);
    const { runId } = await tenure.handle({ _id }).describe();
    const before = tenure.callsOf('look', _id).length;
    tenure.before.hook = ({ name }) => {
      if (name === 'look') throw new Error('MongoDB is away');
    };
    await tenure.skipTo(dueMs + 60_000);
    await tenure.eventually(() => tenure.callsOf('look', _id).length > before + 9, 'tries');
    expect(await tenure.handle({ _id }).describe()).toMatchObject({
      runId,
      status: { name: 'RUNNING' },
    });
    tenure.before.hook = undefined;
    await tenure.skipTo((await tenure.env.currentTimeMs()) + 400_000);
    await tenure.until(ada, (m) => m.phase === 'anonymized' && m.resting);
  });

  // The last one: every later step of this person would read the 2,000 signals again.
  it('coalesces a storm of 2,000 signals into few looks, and keeps the due time', async () => {
    const ada = await tenure.person();
    const { _id } = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 30);
    const before = tenure.callsOf('look', _id).length;
    // A worker in trouble is where a storm builds up.
    await tenure.stopWorkers();
    const handle = tenure.handle({ _id });
    for (let sent = 0; sent < 2000; sent += 100) {
      await Promise.all(Array.from({ length: 100 }, async () => handle.signal('lookAgain')));
    }
    await tenure.startWorkers();
    await tenure.eventually(() => tenure.callsOf('look', _id).length > before, 'a look');
    await tenure.untilSleepingFor(_id, dueMs);
    expect(tenure.callsOf('look', _id).length - before).toBeLessThanOrEqual(5);
    expect(await tenure.membership(ada)).toMatchObject({ phase: 'coolingOff', erasure: null });
  });
});
