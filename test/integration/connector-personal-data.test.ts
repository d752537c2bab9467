import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Double, Int32, Long, ObjectId } from 'mongodb';

import type { HostErasure } from '../../connectors/host-application.ts';
import { HostConflict } from '../../connectors/host-conflict.ts';
import type { PersonalDataRule, UsersProjection } from '../../domain/host-file.ts';
import {
  aRule,
  bytesOf,
  freshDatabase,
  hostOn,
  ignoreProgress,
  type HostDatabase,
} from './connector-fixture.ts';

const erasure: HostErasure = {
  userId: 'u1',
  organizationId: 'o1',
  pseudonym: 'Former user 7f3a',
  pseudonymEmail: '7f3a@forgotten.invalid',
  wholeUser: false,
  mode: 'anonymize',
};
const whole: HostErasure = { ...erasure, wholeUser: true };

let database: HostDatabase;
beforeEach(async () => {
  database = await freshDatabase();
});
afterEach(() => database.drop());

async function insert(collection: string, documents: object[]): Promise<void> {
  await database.db.collection(collection).insertMany(documents);
}

async function read(collection: string, id: string | ObjectId): Promise<unknown> {
  return database.db.collection<{ _id: string | ObjectId }>(collection).findOne({ _id: id });
}

const reply = (id: string, name: string): object => ({ by: { id, name } });

async function erase(
  rules: PersonalDataRule[],
  what = erasure,
): Promise<{ changed: Record<string, number>; left: number }> {
  const host = hostOn(database.db, { personalData: rules });
  const changed = await host.anonymize(what, ignoreProgress);
  return { changed, left: await host.countPersonalData(what) };
}

const personal = { authorName: 'Ada', authorEmail: 'ada@acme.test', ip: '10.0.0.1' };
const mine = { authorId: 'u1', organizationId: 'o1' };

describe('anonymization by the data map', () => {
  it('replaces, removes and keeps field by field', async () => {
    const rule = aRule({});
    rule.fields['body'] = { keep: 'content belongs to the organization' };
    await insert('comments', [{ _id: 'c', ...mine, ...personal, body: 'text' }]);
    expect(await erase([rule])).toEqual({ changed: { comments: 1 }, left: 0 });
    expect(await read('comments', 'c')).toEqual({
      _id: 'c',
      ...mine,
      authorName: erasure.pseudonym,
      authorEmail: erasure.pseudonymEmail,
      body: 'text',
    });
  });

  it('creates no field, and leaves a document without personal data byte for byte', async () => {
    await insert('comments', [
      { _id: 'none', ...mine, score: new Double(1), big: Long.fromNumber(5), small: new Int32(5) },
      { _id: 'null', ...mine, authorName: null, ip: null },
      { _id: 'named', ...mine, authorName: 'Ada' },
    ]);
    const before = await bytesOf(database.db, 'comments');
    expect(await erase([aRule({})])).toEqual({ changed: { comments: 1 }, left: 0 });
    const after = await bytesOf(database.db, 'comments');
    expect(after.get('"none"')).toBe(before.get('"none"'));
    expect(after.get('"null"')).toBe(before.get('"null"'));
    expect(await read('comments', 'named')).toEqual({
      _id: 'named',
      ...mine,
      authorName: erasure.pseudonym,
    });
  });

  it('leaves other people and, for now, other organizations alone', async () => {
    await insert('comments', [
      { _id: 'other person', ...mine, ...personal, authorId: 'u2' },
      { _id: 'other organization', ...mine, ...personal, organizationId: 'o2' },
      { _id: 'no organization', authorId: 'u1', ...personal },
    ]);
    const before = await bytesOf(database.db, 'comments');
    expect(await erase([aRule({})])).toEqual({ changed: {}, left: 0 });
    expect(await bytesOf(database.db, 'comments')).toEqual(before);
  });

  it('takes rows without an organization only with the whole user', async () => {
    const rules = [
      aRule({}),
      aRule({ collection: 'profiles', organization: null, scope: 'user' }),
      aRule({ collection: 'settings', scope: 'user' }),
    ];
    for (const collection of ['comments', 'profiles', 'settings']) {
      await insert(collection, [{ authorId: 'u1', ...personal }]);
    }
    expect(await erase(rules)).toEqual({ changed: {}, left: 0 });
    const host = hostOn(database.db, { personalData: rules });
    expect(await host.countPersonalData(whole)).toBe(3);
    expect(await erase(rules, whole)).toEqual({
      changed: { comments: 1, profiles: 1, settings: 1 },
      left: 0,
    });
  });

  it('takes rows of scope user with the whole user, whatever organization they name', async () => {
    const rule = aRule({ scope: 'user' });
    await insert('comments', [
      { ...mine, ...personal },
      { ...mine, ...personal, organizationId: 'o2' },
    ]);
    expect(await erase([rule])).toEqual({ changed: {}, left: 0 });
    expect(await erase([rule], whole)).toEqual({ changed: { comments: 2 }, left: 0 });
  });

  it('finds people by ObjectId', async () => {
    const user = new ObjectId();
    await insert('comments', [{ _id: 'c', ...mine, ...personal, authorId: user }]);
    const what = { ...erasure, userId: user.toHexString() };
    const { changed, left } = await erase([aRule({ idType: 'objectId' })], what);
    expect({ changed, left }).toEqual({ changed: { comments: 1 }, left: 0 });
    expect(await read('comments', 'c')).toMatchObject({ authorId: user });
  });

  it('finds people by ids of another type than the host file says', async () => {
    const user = new ObjectId();
    const users = { connector: 'mongodb', collection: 'users', id: 'string' } as const;
    const nested = aRule({
      collection: 'papers',
      user: 'authors.userId',
      fields: { 'authors.email': 'remove' },
    });
    const parts = {
      users: { ...users, uniqueEmail: false, fields: { email: 'email' } as const },
      personalData: [aRule({}), nested],
    };
    for (const [userId, written, other] of [
      [user.toHexString(), user, new ObjectId()],
      ['4711', 4711, 4712],
    ] as const) {
      await database.db.dropDatabase();
      await insert('users', [{ _id: written, email: 'ada@acme.test' }]);
      await insert('comments', [{ ...mine, ...personal, authorId: written }]);
      const authors = [written, other].map((id) => ({ userId: id, email: 'x@acme.test' }));
      await insert('papers', [{ organizationId: 'o1', authors }]);
      const host = hostOn(database.db, parts);
      const what = { ...whole, userId };
      expect(await host.countPersonalData(what)).toBe(3);
      expect(await host.anonymize(what, ignoreProgress)).toEqual({
        users: 1,
        comments: 1,
        papers: 1,
      });
      expect(await host.countPersonalData(what)).toBe(0);
      const paper = await database.db.collection('papers').findOne();
      expect(paper?.['authors']).toEqual([{ userId: written }, authors[1]]);
      await host.anonymize({ ...what, mode: 'delete' }, ignoreProgress);
      expect(await database.db.collection('users').countDocuments()).toBe(0);
    }
  });

  it('changes nothing the second time', async () => {
    await insert('comments', [{ ...mine, ...personal }]);
    await erase([aRule({})]);
    const once = await bytesOf(database.db, 'comments');
    expect(await erase([aRule({})])).toEqual({ changed: {}, left: 0 });
    expect(await bytesOf(database.db, 'comments')).toEqual(once);
  });

  it('works through many rows in batches and reports each', async () => {
    await insert(
      'comments',
      Array.from({ length: 1_050 }, () => ({ ...mine, ...personal })),
    );
    const progress: number[] = [];
    const host = hostOn(database.db, { personalData: [aRule({})] });
    const changed = await host.anonymize(erasure, ({ done }) => progress.push(done));
    expect(changed).toEqual({ comments: 1_050 });
    expect(progress).toEqual([200, 400, 600, 800, 1_000, 1_050]);
    expect(await host.countPersonalData(erasure)).toBe(0);
  });

  it('goes on where it was stopped', async () => {
    await insert(
      'comments',
      Array.from({ length: 300 }, () => ({ ...mine, ...personal })),
    );
    const host = hostOn(database.db, { personalData: [aRule({})] });
    const stopped = host.anonymize(erasure, () => {
      throw new Error('cancelled');
    });
    await expect(stopped).rejects.toThrow('cancelled');
    expect(await host.countPersonalData(erasure)).toBe(100);
    expect(await host.anonymize(erasure, ignoreProgress)).toEqual({ comments: 100 });
  });

  it('takes rows along that appear while it runs', async () => {
    const busy = Array.from({ length: 4 }, () => ({ ...mine, ...personal, authorId: 'u2' }));
    await insert('comments', [...busy, { _id: 'early', ...mine, ...personal }]);
    const host = hostOn(database.db, { personalData: [aRule({})] }, 4);
    // The other erasure uses up a second of the pace, in which this one has read and waits to write.
    await host.anonymize({ ...erasure, userId: 'u2' }, ignoreProgress);
    const running = host.anonymize(erasure, ignoreProgress);
    setTimeout(() => void insert('comments', [{ _id: 'late', ...mine, ...personal }]), 300);
    expect(await running).toEqual({ comments: 2 });
    expect(await host.countPersonalData(erasure)).toBe(0);
  });

  it('has the count see a row that comes after it', async () => {
    await insert('comments', [{ ...mine, ...personal }]);
    expect((await erase([aRule({})])).left).toBe(0);
    await insert('comments', [{ _id: 'late', ...mine, ip: '10.0.0.1' }]);
    const host = hostOn(database.db, { personalData: [aRule({})] });
    expect(await host.countPersonalData(erasure)).toBe(1);
    expect(await host.anonymize(erasure, ignoreProgress)).toEqual({ comments: 1 });
    expect(await host.countPersonalData(erasure)).toBe(0);
  });

  it('counts a collection that does not exist as empty', async () => {
    expect(await erase([aRule({})], whole)).toEqual({ changed: {}, left: 0 });
    expect(await database.db.listCollections().toArray()).toEqual([]);
  });

  it('does not read a pseudonym as an expression', async () => {
    await insert('comments', [{ _id: 'c', ...mine, authorName: 'Ada', title: 'secret' }]);
    await erase([aRule({})], { ...erasure, pseudonym: '$title' });
    expect(await read('comments', 'c')).toMatchObject({ authorName: '$title' });
  });

  it('paces its writes', async () => {
    await insert(
      'comments',
      Array.from({ length: 90 }, () => ({ ...mine, ...personal })),
    );
    const host = hostOn(database.db, { personalData: [aRule({})] }, 30);
    const startedAt = performance.now();
    await host.anonymize(erasure, ignoreProgress);
    expect(performance.now() - startedAt).toBeGreaterThan(1_950);
  });
});

describe('anonymization of nested data', () => {
  const authors = aRule({
    collection: 'papers',
    user: 'authors.userId',
    fields: { 'authors.email': 'pseudonymEmail', 'authors.phone': 'remove' },
  });

  it('changes only the element that carries the person, and nothing around it', async () => {
    const others = { userId: 'u2', email: 'bob@acme.test', phone: '2', order: 1 };
    await insert('papers', [
      {
        _id: 'p',
        organizationId: 'o1',
        authors: [others, { order: 2, email: 'ada@acme.test', userId: 'u1', phone: '1' }, 'note'],
        title: 'On Engines',
      },
    ]);
    expect(await erase([authors])).toEqual({ changed: { papers: 1 }, left: 0 });
    const paper = await read('papers', 'p');
    const element = { order: 2, email: erasure.pseudonymEmail, userId: 'u1' };
    // Compared as text: the order of the fields stays as well.
    expect(JSON.stringify(paper)).toBe(
      JSON.stringify({
        _id: 'p',
        organizationId: 'o1',
        authors: [others, element, 'note'],
        title: 'On Engines',
      }),
    );
  });

  it('finds the person in arrays within arrays', async () => {
    const rule = aRule({
      collection: 'threads',
      user: 'topics.replies.by.id',
      fields: { 'topics.replies.by.name': 'pseudonym' },
    });
    await insert('threads', [
      {
        _id: 't',
        organizationId: 'o1',
        topics: [{ replies: [reply('u1', 'Ada'), reply('u2', 'Bob')] }, { replies: [] }, {}],
      },
    ]);
    expect(await erase([rule])).toEqual({ changed: { threads: 1 }, left: 0 });
    expect(await read('threads', 't')).toMatchObject({
      topics: [
        { replies: [reply('u1', erasure.pseudonym), reply('u2', 'Bob')] },
        { replies: [] },
        {},
      ],
    });
  });

  it('changes every element where the document as a whole is the person’s', async () => {
    const rule = aRule({
      fields: { 'devices.ip': 'remove', emails: 'pseudonymEmail', 'profile.name': 'pseudonym' },
    });
    await insert('comments', [
      {
        _id: 'c',
        ...mine,
        devices: [{ ip: '1', os: 'x' }, { os: 'y' }, { ip: '2' }],
        emails: ['a@acme.test', 'b@acme.test'],
        profile: { name: { first: 'Ada' }, locale: 'en' },
      },
      { _id: 'scalar', ...mine, devices: 'none', profile: null },
    ]);
    expect(await erase([rule])).toEqual({ changed: { comments: 1 }, left: 0 });
    expect(await read('comments', 'c')).toEqual({
      _id: 'c',
      ...mine,
      devices: [{ os: 'x' }, { os: 'y' }, {}],
      emails: [erasure.pseudonymEmail, erasure.pseudonymEmail],
      profile: { name: erasure.pseudonym, locale: 'en' },
    });
  });

  it('sees what is left in one element among pseudonyms', async () => {
    const rule = aRule({ fields: { 'copies.name': 'pseudonym' } });
    await insert('comments', [
      { ...mine, copies: [{ name: erasure.pseudonym }, { name: 'Ada' }, { name: null }] },
    ]);
    const host = hostOn(database.db, { personalData: [rule] });
    expect(await host.countPersonalData(erasure)).toBe(1);
    expect(await erase([rule])).toEqual({ changed: { comments: 1 }, left: 0 });
  });
});

describe('the record in the host’s users', () => {
  const users: UsersProjection = {
    connector: 'mongodb',
    collection: 'users',
    id: 'string',
    uniqueEmail: false,
    fields: {
      email: 'email',
      username: 'login',
      firstName: 'first',
      name: 'displayName',
      status: 'status',
      disabledAt: 'disabledAt',
    },
  };
  const phone = aRule({
    collection: 'users',
    user: '_id',
    organization: null,
    scope: 'user',
    fields: { phone: 'remove' },
  });
  const record = {
    _id: 'u1',
    email: 'ada@acme.test',
    login: null,
    displayName: 'Ada',
    status: 'disabled',
    disabledAt: new Date(0),
    theme: 'dark',
  };
  beforeEach(() => insert('users', [record, { ...record, _id: 'u2', email: 'bob@acme.test' }]));

  it('stays while the person has another membership', async () => {
    const host = hostOn(database.db, { users, personalData: [phone] });
    const before = await bytesOf(database.db, 'users');
    expect(await host.anonymize(erasure, ignoreProgress)).toEqual({});
    expect(await host.countPersonalData(erasure)).toBe(0);
    expect(await bytesOf(database.db, 'users')).toEqual(before);
  });

  it('is pseudonymized with the last membership, field by field', async () => {
    const host = hostOn(database.db, { users });
    expect(await host.countPersonalData(whole)).toBe(1);
    expect(await host.anonymize(whole, ignoreProgress)).toEqual({ users: 1 });
    expect(await host.countPersonalData(whole)).toBe(0);
    expect(await read('users', 'u1')).toEqual({
      ...record,
      email: erasure.pseudonymEmail,
      displayName: erasure.pseudonym,
      status: 'anonymized',
    });
    expect(await read('users', 'u2')).toMatchObject({ email: 'bob@acme.test', displayName: 'Ada' });
  });

  it('does not change the second time', async () => {
    const host = hostOn(database.db, { users, personalData: [phone] });
    await host.anonymize(whole, ignoreProgress);
    const once = await bytesOf(database.db, 'users');
    expect(await host.anonymize(whole, ignoreProgress)).toEqual({ users: 0 });
    expect(await bytesOf(database.db, 'users')).toEqual(once);
  });

  it('is deleted in mode delete, and counted until it is gone', async () => {
    const host = hostOn(database.db, { users });
    const erasing: HostErasure = { ...whole, mode: 'delete' };
    await host.anonymize(whole, ignoreProgress);
    expect(await host.countPersonalData(erasing)).toBe(1);
    expect(await host.anonymize(erasing, ignoreProgress)).toEqual({ users: 1 });
    expect(await host.countPersonalData(erasing)).toBe(0);
    expect(await read('users', 'u1')).toBeNull();
    expect(await read('users', 'u2')).not.toBeNull();
    expect(await host.anonymize(erasing, ignoreProgress)).toEqual({ users: 0 });
  });

  it('is found by ObjectId', async () => {
    const _id = new ObjectId();
    await insert('users', [{ ...record, _id }]);
    const host = hostOn(database.db, { users: { ...users, id: 'objectId' } });
    const what = { ...whole, userId: _id.toHexString() };
    expect(await host.anonymize(what, ignoreProgress)).toEqual({ users: 1 });
    expect(await read('users', _id)).toMatchObject({ email: erasure.pseudonymEmail });
  });

  it('reports a pseudonym that a unique index refuses, without the value', async () => {
    await database.db.collection('users').createIndex({ email: 1 }, { unique: true });
    await insert('users', [{ ...record, _id: 'u3', email: erasure.pseudonymEmail }]);
    const host = hostOn(database.db, { users });
    const refused = await host.anonymize(whole, ignoreProgress).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(HostConflict);
    expect(refused).toMatchObject({ code: 'duplicate', collection: 'users', fields: ['email'] });
    expect(String(refused)).not.toContain(erasure.pseudonymEmail);
  });
});
