import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ObjectId, type Document } from 'mongodb';

import type { HostMembership, RevocationReport } from '../../connectors/host-application.ts';
import type { MongodbSessions } from '../../domain/host-file.ts';
import {
  aSessionSource,
  bytesOf,
  freshDatabase,
  hostOn,
  ignoreProgress,
  type HostDatabase,
} from './connector-fixture.ts';

const person: HostMembership = {
  membershipId: 'm1',
  userId: 'u1',
  organizationId: 'o1',
  last: false,
};
const policy = { readBackPauseMs: 20, giveUpAfterMs: 10_000 };
const mine = { userId: 'u1', organizationId: 'o1' };

let database: HostDatabase;
beforeEach(async () => {
  database = await freshDatabase();
});
afterEach(() => database.drop());

async function insert(collection: string, documents: Document[]): Promise<void> {
  await database.db.collection(collection).insertMany(documents.map((each) => ({ ...each })));
}

async function all(collection: string): Promise<Document[]> {
  return database.db.collection(collection).find().sort({ _id: 1 }).toArray();
}

async function answer(sources: MongodbSessions[], membership = person): Promise<RevocationReport> {
  const host = hostOn(database.db, { sessions: sources });
  return host.answerRoleLoss(membership, policy, ignoreProgress);
}

const refreshed = aSessionSource({ onRoleLoss: { set: { rolesChangedAt: 'now' } } });

describe('the answer to a lost role', () => {
  it('leaves kinds alone for which the host file says nothing', async () => {
    await insert('sessions', [mine]);
    const before = await bytesOf(database.db, 'sessions');
    expect(await answer([aSessionSource({})])).toEqual({
      found: {},
      revoked: {},
      verifiedEmpty: true,
    });
    expect(await bytesOf(database.db, 'sessions')).toEqual(before);
  });

  it('revokes the kinds that say revoke, of this membership only', async () => {
    await insert('sessions', [
      { _id: 'mine', ...mine },
      { _id: 'other organization', userId: 'u1', organizationId: 'o2' },
      { _id: 'other person', userId: 'u2', organizationId: 'o1' },
    ] as Document[]);
    await insert('tokens', [mine]);
    const report = await answer([
      aSessionSource({ onRoleLoss: 'revoke' }),
      aSessionSource({ kind: 'token', collection: 'tokens' }),
    ]);
    expect(report.revoked).toEqual({ session: 1 });
    expect((await all('sessions')).map(({ _id }) => _id)).toEqual([
      'other organization',
      'other person',
    ]);
    expect(await all('tokens')).toHaveLength(1);
  });

  it('marks the kinds that say refresh and changes nothing else of them', async () => {
    const token = new ObjectId();
    await insert('sessions', [
      { _id: token, ...mine, cookie: 'c', rolesChangedAt: new Date(0) },
      { userId: 'u2', organizationId: 'o1' },
    ]);
    const from = Date.now();
    expect((await answer([refreshed])).revoked).toEqual({ session: 1 });
    const [marked, other] = await all('sessions');
    expect(marked).toEqual({ _id: token, ...mine, cookie: 'c', rolesChangedAt: expect.any(Date) });
    expect(marked?.['rolesChangedAt'].getTime()).toBeGreaterThanOrEqual(from);
    expect(other).not.toHaveProperty('rolesChangedAt');
  });

  it('marks with constants too, which the host takes away again', async () => {
    const flagged = aSessionSource({ onRoleLoss: { set: { 'roles.stale': true, hint: '$now' } } });
    await insert('sessions', [{ ...mine, roles: { stale: false, names: ['editor'] } }]);
    await answer([flagged]);
    expect(await all('sessions')).toMatchObject([
      { roles: { stale: true, names: ['editor'] }, hint: '$now' },
    ]);
    await database.db.collection('sessions').updateMany({}, { $set: { 'roles.stale': false } });
    expect((await answer([flagged])).revoked).toEqual({ session: 1 });
  });

  it('marks again at the next loss', async () => {
    await insert('sessions', [mine]);
    await answer([refreshed]);
    const [first] = await all('sessions');
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await answer([refreshed])).revoked).toEqual({ session: 1 });
    const [second] = await all('sessions');
    expect(second?.['rolesChangedAt'].getTime()).toBeGreaterThan(
      first?.['rolesChangedAt'].getTime(),
    );
  });

  it('does not touch what is revoked already', async () => {
    const source = aSessionSource({
      revoke: { set: { revokedAt: 'now' } },
      onRoleLoss: { set: { rolesChangedAt: 'now' } },
    });
    await insert('sessions', [{ ...mine, revokedAt: new Date(0) }]);
    expect((await answer([source])).revoked).toEqual({ session: 0 });
    expect((await all('sessions'))[0]).not.toHaveProperty('rolesChangedAt');
  });

  it('takes keys without an organization only where the person is in nowhere else', async () => {
    const key = aSessionSource({
      kind: 'api_key',
      organization: null,
      scope: 'user',
      isKey: true,
      onRoleLoss: 'revoke',
    });
    await insert('sessions', [{ userId: 'u1' }]);
    expect((await answer([key])).revoked).toEqual({});
    expect((await answer([key], { ...person, last: true })).revoked).toEqual({ api_key: 1 });
  });

  it('also marks a session that a sign-in under way writes a moment later', async () => {
    let reads = 0;
    const late: Promise<unknown>[] = [];
    const host = hostOn(database.db, { sessions: [refreshed] });
    const report = await host.answerRoleLoss(person, { ...policy, readBackPauseMs: 200 }, () => {
      reads += 1;
      if (reads === 1) late.push(database.db.collection('sessions').insertOne({ ...mine }));
    });
    await Promise.all(late);
    expect(report).toMatchObject({ revoked: { session: 1 }, verifiedEmpty: true });
    expect((await all('sessions'))[0]).toHaveProperty('rolesChangedAt');
  });

  it('works through more sessions than fit into a batch, whatever their ids are', async () => {
    const ids = Array.from({ length: 450 }, (_, index) =>
      index % 3 === 0 ? index : index % 3 === 1 ? `s${index}` : new ObjectId(),
    );
    await insert('sessions', ids.map((_id) => ({ _id, ...mine })) as Document[]);
    expect((await answer([refreshed])).revoked).toEqual({ session: 450 });
  });
});
