import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

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
    await database.db.collection('users').insertOne({ phone: '1' });
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
