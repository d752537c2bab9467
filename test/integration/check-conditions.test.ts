import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ObjectId } from 'mongodb';

import { createCheckConditions } from '../../activities/check-conditions.ts';
import { defaultRevocationPolicy } from '../../connectors/revocation.ts';
import type { ConditionsFound } from '../../domain/membership.ts';
import { placeHold } from '../../transitions/holds/place-hold.ts';
import { drive, membershipById, membershipOf, sandbox } from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { openTenure, scriptedLookup, type TestTenure } from '../support/tenure.ts';

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
  const { _id } = await membershipOf(tenure, person.id);
  await drive(tenure, _id);
  await tenure.take(userEvent('deleted', person));
  return membershipById(tenure, _id);
}

async function found(membershipId: string): Promise<ConditionsFound | null> {
  const { generation } = await membershipById(tenure, membershipId);
  const check = createCheckConditions({
    store: tenure.store,
    file: tenure.file,
    host: tenure.host,
    directoryLookup: scriptedLookup(),
    directoryListing: null,
    polling: null,
    revocation: defaultRevocationPolicy,
    newUserId: tenure.intake.newUserId,
    maxPauseMs: 1000,
    guardSettleMs: 0,
    onVerifiedEmpty: () => undefined,
  });
  await check({ membershipId, generation, nowMs: Date.now() });
  return (await membershipById(tenure, membershipId)).conditions;
}

describe('a hold on a resource', () => {
  it.each<[string, (id: ObjectId) => string]>([
    ['the host shows it', (id) => id.toHexString()],
    ['Tenure shows it', (id) => `{"$oid":"${id.toHexString()}"}`],
  ])('covers who handed it over, by the id as %s', async (_as, textOf) => {
    const { _id, userId, generation } = await leaver();
    const resource = new ObjectId();
    await tenure.store.collections.ownershipMoves.insertOne({
      _id: workosId('move'),
      membershipId: _id,
      generation,
      kind: 'project',
      resourceId: `{"$oid":"${resource.toHexString()}"}`,
      fromOwner: userId,
      toOwner: 'somebody else',
      at: new Date(),
    });
    const hold = await placeHold(tenure.store, {
      scope: { resource: { kind: 'project', id: textOf(resource) } },
      kind: 'legal',
      reason: null,
      by: 'test',
    });
    const other = await placeHold(tenure.store, {
      scope: { resource: { kind: 'project', id: new ObjectId().toHexString() } },
      kind: 'legal',
      reason: null,
      by: 'test',
    });
    const { resourceHolds } = (await found(_id)) ?? {};
    expect(resourceHolds?.checked).toEqual(expect.arrayContaining([hold._id, other._id]));
    expect(resourceHolds?.covering).toEqual([hold._id]);
  });
});
