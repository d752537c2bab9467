import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { approveGuard } from '../../transitions/guards/decide-guard.ts';
import { raiseAll } from '../../transitions/membership/raise-memberships.ts';
import { userEvent, workosId } from '../support/events.ts';
import { startTenure, type RunningTenure } from '../support/tenure.ts';

/** In the nightly form: 10,000. `npm run bench -- guard` measures how long it takes. */
const size = Number(process.env['TENURE_TEST_MASS'] ?? 30);
const patienceMs = 120_000 + size * 1000;

let tenure: RunningTenure;

beforeAll(async () => {
  tenure = await startTenure();
}, 120_000);

afterAll(async () => tenure.close(), 60_000);

/** Waits until so many memberships of the organization are as wanted. */
async function untilMany(organizationId: string, wanted: object): Promise<void> {
  const { memberships } = tenure.store.collections;
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const found = await memberships.countDocuments({ organizationId, ...wanted });
    if (found === size) return;
    if (Date.now() > deadline) {
      throw new Error(`Only ${found} of ${size} are ${JSON.stringify(wanted)}.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe(`a directory that removes ${size} people at once`, () => {
  it(
    'locks all of them out at once and erases nobody before an admin approves',
    async () => {
      const organizationId = workosId('org');
      const directoryId = workosId('directory');
      await tenure.sandbox(organizationId, 3600);
      const people = Array.from({ length: size }, () => ({
        id: workosId('directory_user'),
        organizationId,
        directoryId,
      }));
      for (const person of people) await tenure.deliver(userEvent('created', person));
      await untilMany(organizationId, { 'access.state': 'open', resting: true });

      await Promise.all(people.map(async (one) => tenure.deliver(userEvent('deleted', one))));
      const { memberships, gate, guards } = tenure.store.collections;
      expect(await gate.countDocuments({ organizationId, 'access.state': 'open' })).toBe(0);
      await untilMany(organizationId, { phase: 'blocked', 'guard.state': 'waits', resting: true });
      const all = await memberships.find({ organizationId }).toArray();
      expect(all.every(({ closings, revokedClosings }) => revokedClosings === closings)).toBe(true);

      // Long past every due time, and everybody looks again: it changes nothing.
      const past = new Date(Date.now() - 1000);
      await memberships.updateMany({ organizationId }, { $set: { dueAt: past } });
      expect(await raiseAll(tenure.store, { organizationId })).toBe(size);
      await untilMany(organizationId, { phase: 'blocked', resting: true });
      expect(await memberships.countDocuments({ organizationId, erasure: { $ne: null } })).toBe(0);

      const [guard, ...more] = await guards.find({ organizationId }).toArray();
      expect(more).toEqual([]);
      const word = { guardId: guard!._id, by: 'admin:ada', reason: null, admins: 1 };
      await approveGuard(tenure.store, word);
      await untilMany(organizationId, { outcome: 'anonymized' });
    },
    3 * patienceMs,
  );
});
