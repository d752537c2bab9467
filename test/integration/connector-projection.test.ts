import { inspect } from 'node:util';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Double, Long, ObjectId } from 'mongodb';

import type { ProjectedUser } from '../../connectors/host-application.ts';
import { HostConflict } from '../../connectors/host-conflict.ts';
import type { UsersProjection } from '../../domain/host-file.ts';
import {
  bytesOf,
  freshDatabase,
  hostOn,
  ignoreProgress,
  type HostDatabase,
} from './connector-fixture.ts';

const users: UsersProjection = {
  connector: 'mongodb',
  collection: 'users',
  id: 'string',
  uniqueEmail: false,
  fields: { email: 'email', name: 'displayName', status: 'status', disabledAt: 'disabledAt' },
};
const ada: ProjectedUser = {
  userId: 'u1',
  email: 'ada@acme.test',
  username: 'ada',
  firstName: 'Ada',
  lastName: 'Lovelace',
  name: 'Ada Lovelace',
  status: 'active',
  disabledAt: null,
};
const written = {
  email: 'ada@acme.test',
  displayName: 'Ada Lovelace',
  status: 'active',
  disabledAt: null,
};

let database: HostDatabase;
beforeEach(async () => {
  database = await freshDatabase();
});
afterEach(() => database.drop());

function project(user: ProjectedUser, mayCreate: boolean, projection = users): Promise<void> {
  return hostOn(database.db, { users: projection }).projectUser(user, mayCreate);
}

async function refusalOf(work: Promise<void>): Promise<unknown> {
  return work.then(
    () => 'not refused',
    (error: unknown) => error,
  );
}

describe('the projection of a user', () => {
  it('creates exactly the named fields for somebody who is let in', async () => {
    await project(ada, true);
    expect(await database.db.collection('users').find().toArray()).toEqual([
      { _id: 'u1', ...written },
    ]);
  });

  it('creates nobody otherwise', async () => {
    await project(ada, false);
    expect(await database.db.collection('users').countDocuments()).toBe(0);
  });

  it.each([
    ['an ObjectId', '65f0c0ffee0123456789abcd', new ObjectId('65f0c0ffee0123456789abcd')],
    ['a number', '4711', 4711],
  ])('updates a record whose id is %s where the file says string', async (_, userId, _id) => {
    await database.db.collection('users').insertOne({ _id: _id as never, plan: 'pro' });
    await project({ ...ada, userId }, true);
    expect(await database.db.collection('users').find().toArray()).toEqual([
      { _id, plan: 'pro', ...written },
    ]);
  });

  it('creates a record in the type that the file says, and nobody whose id is none of it', async () => {
    await project({ ...ada, userId: '4711' }, true, { ...users, id: 'number' });
    await project({ ...ada, userId: '4711' }, true, { ...users, id: 'number' });
    expect(await database.db.collection('users').find().toArray()).toEqual([
      { _id: 4711, ...written },
    ]);
    const refused = await refusalOf(project(ada, true, { ...users, id: 'uuid' }));
    expect(refused).toBeInstanceOf(HostConflict);
  });

  it('creates a record of the id alone where no field is named', async () => {
    await project(ada, true, { ...users, fields: {} });
    await project(ada, true, { ...users, fields: {} });
    expect(await database.db.collection('users').find().toArray()).toEqual([{ _id: 'u1' }]);
  });

  it('updates the named fields and leaves every other byte as it was', async () => {
    const host = { plan: new Long(7), score: new Double(3), tags: [{ b: 1, a: 2 }], none: null };
    await database.db.collection('users').insertMany([
      { _id: 'u1' as never, email: 'old@acme.test', status: 'disabled', ...host },
      { _id: 'u2' as never, email: 'bob@acme.test' },
    ]);
    const before = await bytesOf(database.db, 'users');
    await project(ada, true);
    const after = await bytesOf(database.db, 'users');
    expect(after.get('"u2"')).toBe(before.get('"u2"'));
    const unnamed = { email: 0, displayName: 0, status: 0, disabledAt: 0 };
    const [raw] = await database.db
      .collection('users')
      .find({ _id: 'u1' as never }, { projection: unnamed, raw: true })
      .toArray();
    await database.db.collection('expected').insertOne({ _id: 'u1' as never, ...host });
    const [expected] = await database.db.collection('expected').find({}, { raw: true }).toArray();
    expect(Buffer.from(raw as never).equals(Buffer.from(expected as never))).toBe(true);
    expect(await database.db.collection('users').findOne({ _id: 'u1' as never })).toMatchObject(
      written,
    );
  });

  it('sets null what Tenure does not know', async () => {
    await project(ada, true);
    const disabledAt = new Date('2026-11-22T00:00:00Z');
    await project({ ...ada, email: null, name: null, disabledAt }, true);
    expect(await database.db.collection('users').findOne()).toEqual({
      _id: 'u1',
      email: null,
      displayName: null,
      status: 'active',
      disabledAt,
    });
  });

  it('changes nothing the second time, and two at once make one record', async () => {
    await Promise.all(Array.from({ length: 10 }, () => project(ada, true)));
    const once = await bytesOf(database.db, 'users');
    await project(ada, true);
    expect(once.size).toBe(1);
    expect(await bytesOf(database.db, 'users')).toEqual(once);
  });

  it('writes ObjectIds where the host has them', async () => {
    const projection: UsersProjection = { ...users, id: 'objectId' };
    const _id = new ObjectId();
    await project({ ...ada, userId: _id.toHexString() }, true, projection);
    expect(await database.db.collection('users').findOne()).toEqual({ _id, ...written });
    expect(await refusalOf(project(ada, true, projection))).toMatchObject({ code: 'id' });
    expect(await database.db.collection('users').countDocuments()).toBe(1);
  });

  it('writes dotted fields into the document that is there', async () => {
    const projection: UsersProjection = { ...users, fields: { email: 'profile.email' } };
    await database.db.collection('users').insertMany([
      { _id: 'u1' as never, profile: { locale: 'en' } },
      { _id: 'u2' as never, profile: 'text' },
    ]);
    await project(ada, true, projection);
    expect(await database.db.collection('users').findOne({ _id: 'u1' as never })).toEqual({
      _id: 'u1',
      profile: { locale: 'en', email: 'ada@acme.test' },
    });
    const refused = await refusalOf(project({ ...ada, userId: 'u2' }, true, projection));
    expect(refused).toMatchObject({ code: 'path', collection: 'users' });
  });

  it('does nothing where the host keeps no copy', async () => {
    await hostOn(database.db, { users: null }).projectUser(ada, true);
    expect(await database.db.listCollections().toArray()).toEqual([]);
  });

  it('writes all but what it is told to leave', async () => {
    await project(ada, true);
    const host = hostOn(database.db, { users });
    await host.projectUser({ ...ada, email: 'new@acme.test', status: 'disabled' }, false, [
      'email',
    ]);
    const [kept] = await database.db.collection('users').find({}).toArray();
    expect(kept).toMatchObject({ email: 'ada@acme.test', status: 'disabled' });
  });

  it('refuses an e-mail that is in use, and names the field but not the value', async () => {
    await database.db.collection('users').createIndex({ email: 1 }, { unique: true });
    await project(ada, true);
    for (const mayCreate of [true, false]) {
      await database.db
        .collection<{ _id: string }>('users')
        .updateOne({ _id: 'u3' }, { $set: { email: 'x' } }, { upsert: true });
      const userId = mayCreate ? 'u2' : 'u3';
      const refused = await refusalOf(project({ ...ada, userId }, mayCreate));
      expect(refused).toBeInstanceOf(HostConflict);
      expect(refused).toMatchObject({ code: 'duplicate', collection: 'users', fields: ['email'] });
      expect(inspect(refused, { depth: 10 })).not.toContain('ada@acme.test');
    }
  });

  it('does not bring back an erased person', async () => {
    await project(ada, true);
    const host = hostOn(database.db, { users });
    const erasure = {
      userId: 'u1',
      organizationId: 'o1',
      pseudonym: 'Former user',
      pseudonymEmail: 'x@forgotten.invalid',
      wholeUser: true,
      mode: 'anonymize' as const,
    };
    await host.anonymize(erasure, ignoreProgress);
    const erased = await bytesOf(database.db, 'users');
    await project(ada, true);
    await project(ada, false);
    expect(await bytesOf(database.db, 'users')).toEqual(erased);
  });
});
