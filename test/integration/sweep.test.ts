import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { disableMembership } from '../../transitions/commands/disable-membership.ts';
import { sweep } from '../../workers/sweep.ts';
import { drive, membershipById, membershipOf } from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

/** A settled person, who was changed last an hour ago. */
async function settled(): Promise<string> {
  const id = workosId('directory_user');
  const organizationId = workosId('org');
  await tenure.take(
    userEvent('created', { id, organizationId, directoryId: workosId('directory') }),
  );
  const { _id } = await membershipOf(tenure, id);
  await drive(tenure, _id);
  await grow(_id);
  return _id;
}

async function grow(membershipId: string): Promise<void> {
  const updatedAt = new Date(Date.now() - 3_600_000);
  await tenure.store.collections.memberships.updateOne(
    { _id: membershipId },
    { $set: { updatedAt } },
  );
}

describe('the daily sweep', () => {
  it('finds a revocation whose run somebody ended by hand, also of a person who did not leave', async () => {
    const _id = await settled();
    await disableMembership(tenure.store, { membershipId: _id, actor: 'admin:test', reason: null });
    await drive(tenure, _id, { stopAt: 'revoke' });
    await grow(_id);
    expect(await membershipById(tenure, _id)).toMatchObject({ phase: 'settled', resting: false });
    await sweep(tenure.store);
    const raised = await membershipById(tenure, _id);
    expect(raised.pendingSince).toBeDefined();
    expect(raised.urgent).toBe(true);
  });

  it('leaves alone who rests', async () => {
    const _id = await settled();
    const { revision } = await membershipById(tenure, _id);
    await sweep(tenure.store);
    expect(await membershipById(tenure, _id)).toMatchObject({ revision, resting: true });
  });
});
