import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { placeHold } from '../../transitions/holds/place-hold.ts';
import { releaseHold } from '../../transitions/holds/release-hold.ts';
import { userEvent } from '../support/events.ts';
import { startSkipping, type SkippingTenure } from '../support/time-skipping.ts';

describe('what is checked before the commit', () => {
  let tenure: SkippingTenure;

  beforeAll(async () => {
    tenure = await startSkipping();
  }, 180_000);

  afterEach(() => {
    tenure.lookup.people.clear();
  });

  afterAll(async () => tenure.close(), 60_000);

  it('waits with growing pauses while the last look is uncertain, and then goes on', async () => {
    const ada = await tenure.person();
    const { _id } = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 30);
    tenure.lookup.people.set(ada.id, 'uncertain');
    await tenure.skipTo(dueMs + 1_200_000);
    await tenure.eventually(() => tenure.callsOf('checkConditions', _id).length > 8, 'tries');
    expect(await tenure.membership(ada)).toMatchObject({ phase: 'coolingOff', erasure: null });
    const times = tenure.callsOf('checkConditions', _id).map(({ nowMs }) => nowMs ?? 0);
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(pauses[0]).toBeLessThan(60_000);
    expect(Math.max(...pauses)).toBeGreaterThanOrEqual(256_000);

    tenure.lookup.people.delete(ada.id);
    await tenure.skipTo((await tenure.env.currentTimeMs()) + 400_000);
    await tenure.until(ada, (m) => m.phase === 'anonymized');
  });

  it('brings back a person whom WorkOS calls active although no event told it', async () => {
    const ada = await tenure.person();
    const { _id } = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 30);
    const { data } = userEvent('updated', ada);
    const ask = tenure.lookup.directoryUser.bind(tenure.lookup);
    tenure.lookup.directoryUser = async (id) =>
      id === ada.id ? { answer: 'found', data } : ask(id);
    await tenure.skipTo(dueMs + 60_000);
    const back = await tenure.until(ada, (m) => m.access.state === 'open');
    tenure.lookup.directoryUser = ask;
    expect(back).toMatchObject({ _id, status: 'active', backed: true, erasure: null });
    expect(tenure.callsOf('commit', _id)).toEqual([]);
  });

  it('is blocked by a hold, ends the run, and goes on in a new one when it is released', async () => {
    const ada = await tenure.person();
    const { _id, userId } = await tenure.join(ada);
    const dueMs = await tenure.leave(ada, 30);
    const hold = await placeHold(tenure.store, {
      scope: { userId },
      kind: 'legal',
      reason: null,
      by: 'test',
    });
    await tenure.skipTo(dueMs);
    const blocked = await tenure.until(ada, (m) => m.phase === 'blocked' && m.resting);
    expect(blocked.blockedBy).toEqual([{ code: 'hold', detail: hold._id }]);
    await tenure.untilClosed(_id, 'COMPLETED');

    await releaseHold(tenure.store, { holdId: hold._id, by: 'test', reason: null });
    await tenure.lookAgain(ada);
    await tenure.until(ada, (m) => m.phase === 'anonymized' && m.resting);
  });
});
