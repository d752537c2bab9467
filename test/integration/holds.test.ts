import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { HoldDocument } from '../../platform/mongo/documents.ts';
import { placeHold } from '../../transitions/holds/place-hold.ts';
import { releaseHold } from '../../transitions/holds/release-hold.ts';
import {
  afterCoolingOff,
  drive,
  membershipById,
  membershipOf,
  sandbox,
  spread,
} from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

async function leaver() {
  const organizationId = workosId('org');
  await sandbox(tenure, organizationId);
  const person = {
    id: workosId('directory_user'),
    organizationId,
    directoryId: `directory_${organizationId}`,
  };
  await tenure.take(userEvent('created', person));
  const membership = await membershipOf(tenure, person.id);
  await drive(tenure, membership._id);
  await tenure.take(userEvent('deleted', person));
  return membership;
}

async function hold(
  scope: HoldDocument['scope'],
  reason: string | null = null,
): Promise<HoldDocument> {
  return placeHold(tenure.store, { scope, kind: 'legal', reason, by: 'test' });
}

async function release(holdId: string, reason: string | null = null): Promise<HoldDocument> {
  return releaseHold(tenure.store, { holdId, by: 'test', reason });
}

describe('a hold', () => {
  it.each<[string, (of: { userId: string; organizationId: string }) => HoldDocument['scope']]>([
    ['a user', ({ userId }) => ({ userId })],
    ['an organization', ({ organizationId }) => ({ organizationId })],
    ['a resource', () => ({ resource: { kind: 'project', id: workosId('project') } })],
  ])(
    'on %s blocks the erasure, is named, and lets it go on when released',
    async (_on, scopeOf) => {
      const one = await leaver();
      const placed = await hold(scopeOf(one));
      const seen = await drive(tenure, one._id, { nowMs: afterCoolingOff() });
      expect(seen).toMatchObject({
        step: { do: 'rest' },
        phase: 'blocked',
        blockedBy: [{ code: 'hold', detail: placed._id }],
      });
      await release(placed._id);
      await spread(tenure);
      const raised = await membershipById(tenure, one._id);
      expect(raised.revision).toBeGreaterThan(raised.lookedRevision);
      await drive(tenure, one._id, { nowMs: afterCoolingOff() });
      expect((await membershipById(tenure, one._id)).outcome).toBe('anonymized');
    },
  );

  it('never stops a revocation', async () => {
    const one = await leaver();
    const placed = await hold({ userId: one.userId });
    await drive(tenure, one._id, { nowMs: 0 });
    const { closings, revokedClosings } = await membershipById(tenure, one._id);
    expect(closings).toBe(1);
    expect(revokedClosings).toBe(1);
    await release(placed._id);
  });

  it('of several is left when one of them is released', async () => {
    const one = await leaver();
    const first = await hold({ userId: one.userId });
    const second = await hold({ organizationId: one.organizationId });
    await release(first._id);
    const seen = await drive(tenure, one._id, { nowMs: afterCoolingOff() });
    expect(seen.blockedBy).toEqual([{ code: 'hold', detail: second._id }]);
    await release(second._id);
  });

  it('covers nobody else', async () => {
    const one = await leaver();
    const other = await leaver();
    const placed = await hold({ userId: other.userId });
    await drive(tenure, one._id, { nowMs: afterCoolingOff() });
    expect((await membershipById(tenure, one._id)).outcome).toBe('anonymized');
    await release(placed._id);
  });

  it('on a user is refused after the commit, and for nobody', async () => {
    const one = await leaver();
    await drive(tenure, one._id, { nowMs: afterCoolingOff(), stopAt: 'erase' });
    await expect(hold({ userId: one.userId })).rejects.toMatchObject({ code: 'erasureStarted' });
    await expect(hold({ userId: 'user_x' })).rejects.toMatchObject({ code: 'notFound' });
    expect(
      await tenure.store.collections.holds.countDocuments({ 'scope.userId': one.userId }),
    ).toBe(0);
  });

  it('is released once', async () => {
    const one = await leaver();
    const placed = await hold({ userId: one.userId });
    expect(await release(placed._id)).toMatchObject({ releasedBy: 'test' });
    await expect(release(placed._id)).rejects.toMatchObject({ code: 'holdReleased' });
    await expect(release('hold_x')).rejects.toMatchObject({ code: 'notFound' });
  });

  it.each<[string, (userId: string) => HoldDocument['scope']]>([
    ['a user', (userId) => ({ userId })],
    ['a resource', () => ({ resource: { kind: 'project', id: workosId('project') } })],
  ])('on %s has reasons that go with the person', async (_on, scopeOf) => {
    const one = await leaver();
    const placed = await hold(scopeOf(one.userId), 'Lovelace v. Babbage');
    await drive(tenure, one._id, { nowMs: afterCoolingOff() });
    await release(placed._id, 'Lovelace won');
    const { reasons } = tenure.store.collections;
    expect(await reasons.countDocuments({ text: /Lovelace/ })).toBe(2);
    await drive(tenure, one._id, { nowMs: afterCoolingOff() });
    expect(await reasons.countDocuments({ text: /Lovelace/ })).toBe(0);
  });
});
