import { afterAll, beforeAll, expect, it, describe } from '@jest/globals';

import { resolvePolicy } from '../../platform/policy-schema.ts';
import { putPolicy } from '../../transitions/organization/put-policy.ts';
import { rejectGuard } from '../../transitions/guards/decide-guard.ts';
import { spreadGuards } from '../../transitions/guards/spread-guards.ts';
import { countAtGuard } from '../../transitions/guards/trip-guard.ts';
import { drive, membershipById, membershipOf, spread } from '../support/by-hand.ts';
import { userEvent } from '../support/events.ts';
import { deliverEvents, listingOf, passMargin, reconcile } from '../support/reconciling.ts';
import { startForTest } from '../support/simulator-in-test.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

describe('a rejected mass change', () => {
  it('lets in again whom the directory still knows, and keeps the others', async () => {
    const simulator = await startForTest();
    const { directory, organization } = simulator.tenant();
    const users = Array.from({ length: 4 }, () => simulator.join(directory.id, {}).user);
    const delivered = await deliverEvents(tenure, simulator);
    const organizationId = organization.id;
    const guard = { maxUsers: 3, maxPercent: 0, windowMinutes: 60, graceDays: 7 };
    const policy = { ...resolvePolicy(null, { deletionAllowed: true }), guard };
    await putPolicy(tenure.store, organizationId, { policy });
    await spread(tenure);
    const ids: string[] = [];
    for (const { id } of users) {
      const { _id } = await membershipOf(tenure, id);
      await drive(tenure, _id);
      ids.push(_id);
    }

    // Two really left. Of the other two only an event says so: their directory has them as it had them.
    for (const { id } of users.slice(0, 2)) simulator.leave(id);
    await deliverEvents(tenure, simulator, delivered);
    for (const { id, idpId } of users.slice(2)) {
      const gone = { id, idpId, organizationId, directoryId: directory.id };
      await tenure.take(userEvent('deleted', gone));
    }
    for (const membershipId of ids) {
      await drive(tenure, membershipId, { stopAt: 'checkGuard' });
    }
    for (const membershipId of ids) {
      await countAtGuard(tenure.store, tenure.file, { membershipId, generation: 1 });
    }
    while (await spreadGuards(tenure.store, tenure));
    const [open] = await tenure.store.collections.guards.find({ organizationId }).toArray();
    const states = async () =>
      Promise.all(ids.map(async (id) => (await membershipById(tenure, id)).guard?.state ?? null));
    expect(await states()).toEqual(Array(4).fill('waits'));

    await rejectGuard(tenure.store, { guardId: open!._id, by: 'admin:ada', reason: null });
    while (await spreadGuards(tenure.store, tenure));
    await passMargin();
    expect(await reconcile(tenure, listingOf(simulator), directory.id)).toMatchObject({
      outcome: 'complete',
    });
    for (const membershipId of ids) await drive(tenure, membershipId);
    const after = await Promise.all(ids.map(async (id) => membershipById(tenure, id)));
    expect(after.map(({ access }) => access.state)).toEqual(['closed', 'closed', 'open', 'open']);
    expect(after.map(({ phase }) => phase)).toEqual(['retained', 'retained', 'settled', 'settled']);
  });
});
