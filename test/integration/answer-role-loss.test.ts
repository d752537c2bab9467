import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { createAnswerRoleLoss } from '../../activities/answer-role-loss.ts';
import type { ActivityDeps } from '../../activities/deps.ts';
import type { HostApplication } from '../../connectors/host-application.ts';
import { putManualRoles } from '../../transitions/membership/put-manual-roles.ts';
import { drive, membershipById, membershipOf } from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { activityAlone, quietTemporal } from '../support/quiet-temporal.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  quietTemporal();
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

/** Somebody with a session, who lost a role that nobody answered yet. */
async function loser() {
  const organizationId = workosId('org');
  const person = { id: workosId('directory_user'), organizationId, directoryId: workosId('dir') };
  await tenure.take(userEvent('created', person));
  const { _id, userId } = await membershipOf(tenure, person.id);
  await drive(tenure, _id);
  await give(_id, ['admin', 'editor']);
  await give(_id, ['editor']);
  await tenure.hostDb.collection('sessions').insertOne({ userId, organizationId });
  await tenure.hostDb.collection('refreshTokens').insertOne({ userId, organizationId });
  return { membershipId: _id, userId };
}

async function give(membershipId: string, roles: string[]): Promise<void> {
  await putManualRoles(tenure.store, { membershipId, actor: 'admin:ada', reason: null, roles });
}

async function answer(membershipId: string, host: Partial<HostApplication> = {}): Promise<void> {
  const deps: ActivityDeps = {
    ...tenure,
    host: { ...tenure.host, ...host },
    directoryLookup: null,
    directoryListing: null,
    polling: null,
    revocation: { readBackPauseMs: 5, giveUpAfterMs: 5000 },
    newUserId: tenure.intake.newUserId,
    maxPauseMs: 1000,
    guardSettleMs: 0,
    onVerifiedEmpty: () => undefined,
  };
  const activity = createAnswerRoleLoss(deps);
  await activityAlone().run(activity, { membershipId, nowMs: Date.now() });
}

async function session(userId: string) {
  return tenure.hostDb.collection('sessions').findOne({ userId });
}

async function lines(membershipId: string): Promise<unknown[]> {
  const found = await tenure.store.collections.timeline
    .find({ membershipId, type: 'roleLossAnswered' })
    .toArray();
  return found.map(({ detail }) => detail);
}

describe('the answer to a lost role', () => {
  it('done twice marks once and is written down once', async () => {
    const { membershipId, userId } = await loser();
    await answer(membershipId);
    const marked = await session(userId);
    expect(marked?.['rolesChangedAt']).toBeInstanceOf(Date);
    await answer(membershipId);
    expect(await session(userId)).toEqual(marked);
    expect(await lines(membershipId)).toEqual([{ revoked: 1, refreshed: 1 }]);
    expect(await membershipById(tenure, membershipId)).toMatchObject({
      narrowings: 1,
      answeredNarrowings: 1,
    });
  });

  it('is not written down while the host fails, and is by the next try', async () => {
    const { membershipId, userId } = await loser();
    const fails = async () => Promise.reject(new Error('the host is down'));
    await expect(answer(membershipId, { answerRoleLoss: fails })).rejects.toThrow('is down');
    const late = async () => ({ found: {}, revoked: {}, verifiedEmpty: false });
    await expect(answer(membershipId, { answerRoleLoss: late })).rejects.toMatchObject({
      name: 'NotVerifiedEmpty',
    });
    expect(await membershipById(tenure, membershipId)).toMatchObject({ answeredNarrowings: 0 });
    expect(await lines(membershipId)).toEqual([]);
    await answer(membershipId);
    expect(await session(userId)).toHaveProperty('rolesChangedAt');
    expect(await lines(membershipId)).toHaveLength(1);
  });

  it('does not answer a loss that comes while it is under way', async () => {
    const { membershipId } = await loser();
    await answer(membershipId, {
      async answerRoleLoss(...given) {
        const report = await tenure.host.answerRoleLoss(...given);
        await give(membershipId, []);
        return report;
      },
    });
    expect(await membershipById(tenure, membershipId)).toMatchObject({
      narrowings: 2,
      answeredNarrowings: 1,
    });
    await answer(membershipId);
    expect(await membershipById(tenure, membershipId)).toMatchObject({ answeredNarrowings: 2 });
  });

  it('is nothing for somebody who does not exist', async () => {
    await answer('membership_x');
    expect(await lines('membership_x')).toEqual([]);
  });
});
