import { afterAll, beforeAll, expect, it } from '@jest/globals';

import {
  isUnusable,
  migrate,
  schemaVersion,
  UnreleasedSchema,
} from '../../platform/mongo/migrations.ts';
import { storeOn } from '../../platform/mongo/store.ts';
import { drive, membershipById, membershipOf } from '../support/by-hand.ts';
import { directoryEvent, userEvent, workosId } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

/** What version 2 added, taken from the documents as if version 1 had written them. */
async function asOfVersionOne(): Promise<void> {
  const { fences, memberships, organizations, directories, directoryUsers } =
    tenure.store.collections;
  await memberships.updateMany({}, [
    {
      $unset: [
        'wanted',
        'suspendedRoles',
        'narrowings',
        'answeredNarrowings',
        'readAfresh',
        'readmitted',
        'factsRevision',
        'leftFrom',
        'guard',
      ],
    },
    { $set: { guardWaits: false } },
  ]);
  await organizations.updateMany({}, [
    { $unset: ['revisedAt', 'mapped', 'guardId', 'deletedAt', 'switchUntil', 'spreading'] },
  ]);
  await directories.updateMany({}, [
    { $unset: ['unlinkedAt', 'checkedAt', 'movedFrom', 'reconcileWantedAt'] },
  ]);
  await directoryUsers.updateMany({}, [
    { $unset: ['factsRevision', 'records.bornAtMs', 'records.roles', 'records.groupsFloor'] },
  ]);
  await fences.updateOne({ _id: 'schema' }, { $set: { revision: 1 } });
}

it('finds people at the gate by the ids that version 2 kept apart', async () => {
  const { gate, fences } = tenure.store.collections;
  const rows = [
    { _id: 'own', userId: 'user_1' },
    { _id: 'both', userId: 'user_2', hostUserId: 'row_2' },
    { _id: 'nobody', userId: null },
  ];
  await gate.insertMany(rows as never);
  await fences.updateOne({ _id: 'schema' }, { $set: { revision: 2 } });
  await migrate(tenure.store);
  await migrate(tenure.store);
  const found = await gate.find({ _id: { $in: rows.map(({ _id }) => _id) } }).toArray();
  expect(found.toSorted((a, b) => a._id.localeCompare(b._id))).toEqual([
    { _id: 'both', userId: 'user_2', userIds: ['user_2', 'row_2'] },
    { _id: 'nobody', userId: null, userIds: [] },
    { _id: 'own', userId: 'user_1', userIds: ['user_1'] },
  ]);
});

it('refuses a database whose gate is still a view, and says what to do', async () => {
  const older = tenure.store.db.client.db(`${tenure.store.db.databaseName}_older`);
  await older.createCollection('gate');
  await older.createCollection('gate_v1', { viewOn: 'gate', pipeline: [] });
  const store = storeOn(tenure.store.db.client, older.databaseName);
  const refused = await migrate(store).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(UnreleasedSchema);
  expect(isUnusable(refused)).toBe(true);
  await older.dropCollection('gate_v1');
  await older.renameCollection('gate', 'gate_v1');
  await migrate(store);
  await older.dropDatabase();
});

it('goes on with people, directories and link requests of version 1 where it stood', async () => {
  const organizationId = workosId('org');
  const directoryId = workosId('directory');
  const { linkRequests, directories, fences, holds } = tenure.store.collections;
  await tenure.take(directoryEvent('activated', { id: directoryId, organizationId }));
  const [stays, left] = ['directory_user', 'directory_user'].map((kind) => ({
    id: workosId(kind),
    organizationId,
    directoryId,
  }));
  for (const person of [stays!, left!]) {
    await tenure.take(userEvent('created', person));
    await drive(tenure, (await membershipOf(tenure, person.id))._id);
  }
  await tenure.take(userEvent('deleted', left!));
  const before = await membershipOf(tenure, left!.id);
  await asOfVersionOne();
  const requestId = workosId('link_request');
  await linkRequests.insertOne({
    _id: requestId,
    organizationId,
    directoryUserId: workosId('directory_user'),
    candidateUserIds: [],
    createdAt: new Date(),
    resolution: null,
    resolvedBy: null,
    resolvedAt: null,
  } as never);
  const holdId = workosId('hold');
  await holds.insertOne({
    _id: holdId,
    scope: { organizationId },
    kind: 'legal',
    reasonId: null,
    createdBy: 'ada',
    createdAt: new Date(),
    releasedBy: null,
    releasedAt: null,
  });

  await migrate(tenure.store);

  expect(await holds.findOne({ _id: holdId })).toMatchObject({
    createdBy: 'admin:ada',
    releasedBy: null,
  });

  expect((await fences.findOne({ _id: 'schema' }))?.revision).toBe(schemaVersion);
  // A countdown that had begun goes on; nobody had counted it at a guard.
  expect(await membershipById(tenure, before._id)).toMatchObject({
    dueAt: before.dueAt,
    guard: { generation: 1, state: 'passed' },
  });
  // By what file its people were judged nobody knows: a worker judges them again, under a guard.
  const organization = await tenure.store.collections.organizations.findOne({
    _id: organizationId,
  });
  expect(organization).toMatchObject({ fileRules: null, guardId: null });
  // Groups were never read.
  expect((await directories.findOne({ _id: directoryId }))?.reconcileWantedAt).toBeInstanceOf(Date);
  expect(await linkRequests.findOne({ _id: requestId })).toMatchObject({
    cause: 'several',
    userId: null,
    membershipId: null,
    reasonId: null,
  });
  const { _id } = await membershipOf(tenure, stays!.id);
  await tenure.take(userEvent('deleted', stays!));
  expect(await drive(tenure, _id, { stopAt: 'checkGuard' })).toMatchObject({
    step: { do: 'checkGuard' },
  });
});
