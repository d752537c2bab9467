import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Binary, Long, ObjectId, UUID } from 'mongodb';

import { inspectHost } from '../../connectors/mongodb/inspection.ts';
import type { HostFile } from '../../domain/host-file.ts';
import {
  aHostFile,
  aResourceKind,
  aRule,
  aSessionSource,
  freshDatabase,
  type HostDatabase,
} from './connector-fixture.ts';

let database: HostDatabase;
beforeEach(async () => {
  database = await freshDatabase();
});
afterEach(() => database.drop());

async function found(parts: Partial<HostFile>): Promise<string[]> {
  const findings = await inspectHost(database.db, aHostFile(parts));
  return findings.map(({ severity, code, where }) => `${severity} ${code} ${where}`);
}

const sessions = [aSessionSource({})];

describe('the inspection of the host database', () => {
  it('tells each missing collection once and creates none', async () => {
    const parts: Partial<HostFile> = {
      users: {
        connector: 'mongodb',
        collection: 'users',
        id: 'string',
        uniqueEmail: false,
        fields: { email: 'mail' },
      },
      sessions: [...sessions, aSessionSource({ kind: 'other' })],
      resources: [aResourceKind({})],
      personalData: [aRule({})],
    };
    expect(await found(parts)).toEqual([
      'warning collectionMissing users',
      'warning collectionMissing sessions',
      'warning collectionMissing projects',
      'warning collectionMissing comments',
    ]);
    expect(await database.db.listCollections().toArray()).toEqual([]);
  });

  it('tells fields that no document has, also nested ones', async () => {
    await database.db
      .collection('papers')
      .insertMany([{ authors: [{ userId: 'u1' }, { email: 'x' }] }, { organizationId: 'o1' }]);
    await database.db.collection('papers').createIndex({ 'authors.userId': 1 });
    const rule = aRule({
      collection: 'papers',
      user: 'authors.userId',
      fields: { 'authors.email': 'remove', 'authors.phone': 'remove', note: 'pseudonym' },
    });
    expect(await found({ personalData: [rule] })).toEqual([
      'warning fieldMissing papers.authors.phone',
      'warning fieldMissing papers.note',
    ]);
  });

  it('says nothing about the fields of an empty collection', async () => {
    await database.db.collection('sessions').createIndex({ userId: 1 });
    expect(await found({ sessions })).toEqual([]);
  });

  it('tells a missing index of every kind of source', async () => {
    await database.db.collection('sessions').insertOne({ userId: 'u', organizationId: 'o' });
    await database.db.collection('projects').insertOne({ ownerId: 'u', organizationId: 'o' });
    await database.db.collection('comments').insertOne({ authorId: 'u', organizationId: 'o' });
    const parts = {
      sessions,
      resources: [aResourceKind({})],
      personalData: [aRule({ fields: {} })],
    };
    expect(await found(parts)).toEqual([
      'warning indexMissing sessions.userId',
      'warning indexMissing projects.ownerId',
      'warning indexMissing comments.authorId',
    ]);
  });

  it.each([
    ['on the user', { userId: 1 }, {}, true],
    ['on the user first', { userId: -1, createdAt: 1 }, {}, true],
    ['on organization and user', { organizationId: 1, userId: 1 }, {}, true],
    ['on the organization alone', { organizationId: 1 }, {}, false],
    ['on the user behind another field', { createdAt: 1, userId: 1 }, {}, false],
    ['for some documents', { userId: 1 }, { partialFilterExpression: { a: 1 } }, false],
    ['that is hidden', { userId: 1 }, { hidden: true }, false],
  ] as const)('takes an index %s for what it is', async (_, keys, options, serves) => {
    await database.db.collection('sessions').insertOne({ userId: 'u', organizationId: 'o' });
    await database.db.collection('sessions').createIndex(keys, options);
    expect(await found({ sessions })).toEqual(
      serves ? [] : ['warning indexMissing sessions.userId'],
    );
  });

  it('needs no index where documents are found by their id', async () => {
    await database.db.collection('users').insertOne({ _id: 'u1' as never, phone: '1' });
    const rule = aRule({
      collection: 'users',
      user: '_id',
      organization: null,
      fields: { phone: 'remove' },
    });
    expect(await found({ personalData: [rule] })).toEqual([]);
  });

  it('reads a view like a collection', async () => {
    await database.db.collection('all').insertOne({ userId: 'u', organizationId: 'o' });
    await database.db.createCollection('sessions', { viewOn: 'all', pipeline: [] });
    expect(await found({ sessions })).toEqual([]);
  });
});

describe('the inspection of what the host application writes', () => {
  const of = { organizationId: 'o' };
  async function write(collection: string, documents: Record<string, unknown>[]): Promise<void> {
    await database.db.collection(collection).createIndex({ userId: 1 });
    await database.db.collection(collection).createIndex({ ownerId: 1 });
    await database.db.collection(collection).insertMany(documents);
  }

  const id = new ObjectId();
  it.each([
    ['texts', 'string', ['u', null], []],
    ['ObjectIds under the default', 'string', [id], ['userId']],
    ['one ObjectId among texts', 'string', ['u', id], ['userId']],
    ['numbers under the default', 'string', [4711], ['userId']],
    ['binary UUIDs under the default', 'string', [new UUID()], ['userId']],
    ['numbers', 'number', [4711, Long.MAX_VALUE], []],
    ['fractions', 'number', [1.5], ['userId']],
    ['ObjectIds, and a text as Tenure may write it', 'objectId', [id, 'u'], []],
    ['only texts among ObjectIds', 'objectId', ['u'], ['userId']],
    ['lists of ObjectIds', 'objectId', [[id], []], []],
    ['binaries that are no UUID', 'uuid', [new UUID(), new Binary(Buffer.from('x'))], ['userId']],
    ['documents', 'string', [{ id: 'u' }], ['userId']],
  ] as const)('compares the type of ids: %s as %s', async (_, idType, values, fields) => {
    await write(
      'sessions',
      values.map((userId) => ({ ...of, userId })),
    );
    expect(await found({ sessions: [aSessionSource({ idType })] })).toEqual(
      fields.map((field) => `warning idTypeDiffers sessions.${field}`),
    );
  });

  it('knows what stands for the organization among owners that are ObjectIds', async () => {
    const resources = [aResourceKind({ idType: 'objectId' })];
    await write('projects', [{ ...of, ownerId: 'org:o' }]);
    expect(await found({ resources })).toEqual([]);
    await write('projects', [{ ...of, ownerId: 'u' }]);
    expect(await found({ resources })).toEqual(['warning idTypeDiffers projects.ownerId']);
  });

  it('compares the ids of the users, which Tenure writes', async () => {
    await database.db.collection('users').insertOne({ _id: 1 as never, mail: 'x' });
    const users = { connector: 'mongodb', collection: 'users', uniqueEmail: false } as const;
    const fields = { email: 'mail' };
    expect(await found({ users: { ...users, id: 'string', fields } })).toEqual([
      'warning idTypeDiffers users._id',
    ]);
    expect(await found({ users: { ...users, id: 'number', fields } })).toEqual([]);
  });

  it('tells organizations that are no ids', async () => {
    await write('sessions', [{ userId: 'u', organizationId: { id: 'o' } }]);
    expect(await found({ sessions })).toEqual(['warning idTypeDiffers sessions.organizationId']);
  });

  it.each([
    ['a date', { expiresAt: new Date() }, []],
    ['nothing', { expiresAt: null }, []],
    ['milliseconds', { expiresAt: 1_790_000_000_000 }, ['markingNotDate']],
    ['a text', { expiresAt: '2027-01-01' }, ['markingNotDate']],
  ])('tells a time in which the host application writes %s', async (_, session, codes) => {
    await write('sessions', [{ ...of, userId: 'u', ...session }]);
    const marked = { set: { expiresAt: 'now' } };
    for (const parts of [{ revoke: marked }, { onRoleLoss: marked }]) {
      expect(await found({ sessions: [aSessionSource(parts)] })).toEqual(
        codes.map((code) => `warning ${code} sessions.expiresAt`),
      );
    }
  });

  it('tells a marking that no document has, once there are documents', async () => {
    const marked = [aSessionSource({ revoke: { set: { revokedAt: 'now', active: false } } })];
    await database.db.createCollection('sessions');
    await database.db.collection('sessions').createIndex({ userId: 1 });
    expect(await found({ sessions: marked })).toEqual([]);
    await write('sessions', [{ ...of, userId: 'u' }]);
    expect(await found({ sessions: marked })).toEqual([
      'warning markingMissing sessions.revokedAt',
      'warning markingMissing sessions.active',
    ]);
    await write('sessions', [{ ...of, userId: 'u', revokedAt: null, active: true }]);
    expect(await found({ sessions: marked })).toEqual([]);
  });

  it('tells a field that is written otherwise, also when Tenure has written its own', async () => {
    const marked = [aSessionSource({ revoke: { set: { 'state.revokedAt': 'now' } } })];
    await write('sessions', [
      { ...of, userId: 'u', state: { revokedAt: new Date(), revoked_at: null } },
    ]);
    expect(await found({ sessions: marked })).toEqual([
      'warning fieldAlike sessions.state.revokedAt',
    ]);
    const both = { set: { 'state.revokedAt': 'now', 'state.revoked_at': 'now' } };
    expect(await found({ sessions: [aSessionSource({ revoke: both })] })).toEqual([]);
  });
});
