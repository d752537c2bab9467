import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { dayMs, msOf, startSkipping, type SkippingTenure } from '../support/time-skipping.ts';

describe('cooling-off', () => {
  let tenure: SkippingTenure;

  beforeAll(async () => {
    tenure = await startSkipping();
  }, 180_000);

  afterEach(() => {
    tenure.before.hook = undefined;
  });

  afterAll(async () => tenure.close(), 60_000);

  /** The workflow's time of the first check after the due time, and of the commit. */
  function decidedAt(membershipId: string): number[] {
    const [checked] = tenure.callsOf('checkConditions', membershipId);
    const [committed] = tenure.callsOf('commit', membershipId);
    return [checked?.nowMs ?? 0, committed?.nowMs ?? 0];
  }

  it.each([30, 60, 90])(
    'lasts %i days, never less, and the erasure follows at once',
    async (days) => {
      const ada = await tenure.person();
      const { _id } = await tenure.join(ada);
      const dueMs = await tenure.leave(ada, days);
      expect((await tenure.membership(ada)).dueAt?.getTime()).toBe(dueMs);

      await tenure.skipTo(dueMs - 60_000);
      expect(await tenure.membership(ada)).toMatchObject({ phase: 'coolingOff', erasure: null });
      expect(tenure.callsOf('checkConditions', _id)).toEqual([]);

      await tenure.skipTo(dueMs);
      const gone = await tenure.until(ada, (m) => m.phase === 'anonymized' && m.resting);
      expect(gone.outcome).toBe('anonymized');
      const fired = (await tenure.events(_id)).find((event) => event.timerFiredEventAttributes);
      for (const atMs of [msOf(fired?.eventTime), ...decidedAt(_id)]) {
        expect(atMs).toBeGreaterThanOrEqual(dueMs);
        expect(atMs).toBeLessThan(dueMs + 10_000);
      }
    },
  );

  it('goes on in a small run of its own, which keeps the due time', async () => {
    const ada = await tenure.person();
    const { _id } = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 90);
    const events = await tenure.events(_id);
    const started = events[0]?.workflowExecutionStartedEventAttributes;
    expect(started?.continuedExecutionRunId).toBeTruthy();
    expect(JSON.parse(String(started?.input?.payloads?.[0]?.data))).toMatchObject({
      membershipId: _id,
      waiting: { generation: 1, untilMs: dueMs },
    });
    expect(events.length).toBeLessThanOrEqual(8);
    await tenure.untilSleepingFor(_id, dueMs);
  });

  it('ends by a return one second before it is due', async () => {
    const ada = await tenure.person();
    const { _id } = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 30);
    await tenure.skipTo(dueMs - 1000);
    await tenure.comeBack(ada);
    expect(await tenure.env.currentTimeMs()).toBeLessThan(dueMs);
    await tenure.lookAgain(ada);
    await tenure.until(ada, (m) => m.access.state === 'open' && m.resting);
    await tenure.skipTo(dueMs + dayMs);
    expect(await tenure.membership(ada)).toMatchObject({ _id, status: 'active', erasure: null });
    expect(tenure.callsOf('commit', _id)).toEqual([]);
  });

  it('ends by a return that arrives in one workflow task with the timer', async () => {
    const ada = await tenure.person();
    const { _id } = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 30);
    await tenure.stopWorkers();
    await tenure.skipTo(dueMs + 1000);
    await tenure.comeBack(ada);
    await tenure.lookAgain(ada);
    await tenure.startWorkers();
    await tenure.until(ada, (m) => m.access.state === 'open' && m.resting);
    const events = await tenure.events(_id);
    const firedAt = events.findIndex((event) => event.timerFiredEventAttributes);
    const signaledAt = events.findIndex((event) => event.workflowExecutionSignaledEventAttributes);
    expect(firedAt).toBeGreaterThan(0);
    expect(signaledAt).toBeGreaterThan(firedAt);
    expect(
      events.slice(firedAt, signaledAt).some((event) => event.workflowTaskCompletedEventAttributes),
    ).toBe(false);
    expect(tenure.callsOf('checkConditions', _id)).toEqual([]);
  });

  it('has an end that cannot be undone: who returns after the commit is a new user', async () => {
    const ada = await tenure.person();
    const before = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 30);
    tenure.before.hook = async ({ name, membershipId }) => {
      if (name !== 'erasePerson' || membershipId !== before._id) return;
      tenure.before.hook = undefined;
      await tenure.comeBack(ada);
    };
    await tenure.skipTo(dueMs);
    const gone = await tenure.untilId(before._id, (m) => m.phase === 'anonymized' && m.resting);
    expect(gone.status).toBe('anonymized');
    await tenure.comeBack(ada);
    await tenure.lookAgain(ada);
    const anew = await tenure.until(ada, (m) => m.access.state === 'open' && m.resting);
    expect(anew.userId).not.toBe(before.userId);
    expect(anew._id).not.toBe(before._id);
  });

  it('lasts longer once extended, by a signal', async () => {
    const ada = await tenure.person();
    const { _id } = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 30);
    const untilMs = dueMs + 20 * dayMs;
    await tenure
      .handle({ _id })
      .signal('extendCoolingOff', { until: new Date(untilMs).toISOString(), by: 'op1' });
    await tenure.until(ada, (m) => m.dueAt?.getTime() === untilMs);
    await tenure.skipTo(dueMs + dayMs);
    expect(await tenure.membership(ada)).toMatchObject({ phase: 'coolingOff', erasure: null });
    await tenure.untilSleepingFor(_id, untilMs);
    await tenure.skipTo(untilMs);
    await tenure.until(ada, (m) => m.phase === 'anonymized');
    expect(decidedAt(_id)[1]).toBeGreaterThanOrEqual(untilMs);
  });

  it('is cancelled by a signal, which ends the run, and resumed by an Update, to the same due time', async () => {
    const ada = await tenure.person();
    const { _id } = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 30);
    const handle = tenure.handle({ _id });
    await handle.signal('cancelDeletion', { by: 'op1' });
    await tenure.until(ada, (m) => m.phase === 'retained' && m.resting);
    await tenure.untilClosed(_id, 'COMPLETED');
    await tenure.skipTo(dueMs - 10 * dayMs);

    await expect(tenure.updateWithStart(_id, 'resumeDeletion')).resolves.toMatchObject({
      phase: 'coolingOff',
      accessReason: 'notBacked',
    });
    await tenure.untilSleepingFor(_id, dueMs);
    await expect(handle.executeUpdate('cancelDeletion')).resolves.toMatchObject({
      phase: 'retained',
    });
    await tenure.untilClosed(_id, 'COMPLETED');
    await tenure.skipTo(dueMs + dayMs);
    expect(await tenure.membership(ada)).toMatchObject({ phase: 'retained', erasure: null });

    await tenure.updateWithStart(_id, 'resumeDeletion');
    await tenure.until(ada, (m) => m.phase === 'anonymized' && m.resting);
  });

  it('lasts until the later of the due times of workflow and MongoDB', async () => {
    const ada = await tenure.person();
    const { _id } = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 60);
    await tenure.store.collections.memberships.updateOne(
      { _id },
      { $set: { dueAt: new Date(dueMs - 30 * dayMs) } },
    );
    await tenure.skipTo(dueMs - 20 * dayMs);
    const looks = tenure.callsOf('look', _id).length;
    await tenure.lookAgain(ada);
    await tenure.eventually(() => tenure.callsOf('look', _id).length > looks, 'another look');
    await tenure.untilSleepingFor(_id, dueMs);
    expect(tenure.callsOf('checkConditions', _id)).toEqual([]);
    await tenure.skipTo(dueMs);
    await tenure.until(ada, (m) => m.phase === 'anonymized');
    expect(decidedAt(_id)[1]).toBeGreaterThanOrEqual(dueMs);
  });

  it('of a second leaving does not wait for the due time of the first', async () => {
    const ada = await tenure.person();
    const { _id } = await tenure.join(ada);
    const firstDueMs = await tenure.leave(ada, 90);
    // The return and the second leaving are both there before the run looks: it never ends in between.
    await tenure.comeBack(ada);
    const dueMs = await tenure.leave(ada, 30);
    expect(dueMs).toBeLessThan(firstDueMs);
    await tenure.untilSleepingFor(_id, dueMs);
  });
});
