import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ObjectId } from 'mongodb';

import type { HostMembership, RevocationReport } from '../../connectors/host-application.ts';
import type { SessionSource } from '../../domain/host-file.ts';
import {
  aSessionSource,
  bytesOf,
  freshDatabase,
  hostOn,
  ignoreProgress,
  type HostDatabase,
} from './connector-fixture.ts';

const leaver: HostMembership = {
  membershipId: 'm1',
  userId: 'u1',
  organizationId: 'o1',
  last: false,
};
const policy = { readBackPauseMs: 20, giveUpAfterMs: 10_000 };

let database: HostDatabase;
beforeEach(async () => {
  database = await freshDatabase();
});
afterEach(() => database.drop());

async function insert(collection: string, documents: Record<string, unknown>[]): Promise<void> {
  await database.db.collection(collection).insertMany(documents.map((each) => ({ ...each })));
}

async function idsIn(collection: string): Promise<unknown[]> {
  const documents = await database.db.collection(collection).find().sort({ _id: 1 }).toArray();
  return documents.map((document) => document._id);
}

function revoke(
  sources: SessionSource[],
  membership = leaver,
  writesPerSecond?: number,
): Promise<RevocationReport> {
  const host = hostOn(database.db, { sessions: sources }, writesPerSecond);
  return host.revokeSessions(membership, policy, ignoreProgress);
}

const apiKey = aSessionSource({
  kind: 'api_key',
  collection: 'apiKeys',
  user: 'ownerId',
  organization: null,
  scope: 'user',
  isKey: true,
  revoke: { set: { revokedAt: 'now', active: false } },
});

describe('revocation by deletion', () => {
  const session = { userId: 'u1', organizationId: 'o1' };

  it('deletes the sessions of this membership only', async () => {
    await insert('sessions', [
      { _id: 'mine', ...session },
      { _id: 'other organization', userId: 'u1', organizationId: 'o2' },
      { _id: 'other person', userId: 'u2', organizationId: 'o1' },
    ]);
    expect(await revoke([aSessionSource({})])).toEqual({
      found: { session: 1 },
      revoked: { session: 1 },
      verifiedEmpty: true,
    });
    expect(await idsIn('sessions')).toEqual(['other organization', 'other person']);
  });

  it('finds nothing the second time', async () => {
    await insert('sessions', [session, session]);
    await revoke([aSessionSource({})]);
    expect(await revoke([aSessionSource({})])).toEqual({
      found: { session: 0 },
      revoked: { session: 0 },
      verifiedEmpty: true,
    });
  });

  it('deletes a session that is not bound to an organization yet', async () => {
    await insert('sessions', [{ userId: 'u1' }, { userId: 'u1', organizationId: null }]);
    expect((await revoke([aSessionSource({})])).revoked).toEqual({ session: 2 });
  });

  it('finds ids that are ObjectIds, with organizations as ObjectId and as string', async () => {
    const [user, organization] = [new ObjectId(), new ObjectId()];
    await insert('sessions', [
      { userId: user, organizationId: organization },
      { userId: user, organizationId: organization.toHexString() },
      { userId: user, organizationId: new ObjectId() },
    ]);
    const membership = {
      ...leaver,
      userId: user.toHexString(),
      organizationId: organization.toHexString(),
      last: false,
    };
    const report = await revoke([aSessionSource({ idType: 'objectId' })], membership);
    expect(report.revoked).toEqual({ session: 2 });
    expect(await idsIn('sessions')).toHaveLength(1);
  });

  it('works through more sessions than fit into a batch and reports each batch', async () => {
    await insert(
      'sessions',
      Array.from({ length: 450 }, () => ({ ...session })),
    );
    const progress: number[] = [];
    const host = hostOn(database.db, { sessions: [aSessionSource({})] });
    const report = await host.revokeSessions(leaver, policy, ({ done }) => progress.push(done));
    expect(report.revoked).toEqual({ session: 450 });
    expect(progress.slice(0, 3)).toEqual([200, 400, 450]);
  });

  it('stops when the beat says that the activity is cancelled', async () => {
    await insert(
      'sessions',
      Array.from({ length: 450 }, () => ({ ...session })),
    );
    const host = hostOn(database.db, { sessions: [aSessionSource({})] });
    const cancelled = host.revokeSessions(leaver, policy, () => {
      throw new Error('cancelled');
    });
    await expect(cancelled).rejects.toThrow('cancelled');
    expect(await idsIn('sessions')).toHaveLength(250);
  });

  it('counts a collection that does not exist as empty and does not create it', async () => {
    expect((await revoke([aSessionSource({ collection: 'nowhere' })])).verifiedEmpty).toBe(true);
    expect(await database.db.listCollections().toArray()).toEqual([]);
  });
});

describe('revocation by marking', () => {
  const membership = { ...leaver, last: true };
  const earlier = new Date('2026-01-01');

  it('sets the marking and leaves every other field as it was', async () => {
    const kept = { ownerId: 'u1', hash: 'x', scopes: ['a'], at: earlier };
    await insert('apiKeys', [{ ...kept, revokedAt: null, active: true }]);
    const before = Date.now();
    expect((await revoke([apiKey], membership)).revoked).toEqual({ api_key: 1 });
    const key = await database.db.collection('apiKeys').findOne();
    expect(key).toMatchObject({ ...kept, active: false });
    expect(key?.['revokedAt'].getTime()).toBeGreaterThanOrEqual(before);
  });

  it('leaves what carries the marking byte for byte as it is', async () => {
    await insert('apiKeys', [{ ownerId: 'u1', revokedAt: earlier, active: false }]);
    const before = await bytesOf(database.db, 'apiKeys');
    expect((await revoke([apiKey], membership)).found).toEqual({ api_key: 0 });
    expect(await bytesOf(database.db, 'apiKeys')).toEqual(before);
  });

  it('completes a partial marking and keeps the time at which it was revoked', async () => {
    await insert('apiKeys', [{ ownerId: 'u1', revokedAt: earlier, active: true }]);
    await revoke([apiKey], membership);
    expect(await database.db.collection('apiKeys').findOne()).toMatchObject({
      revokedAt: earlier,
      active: false,
    });
  });

  it('revokes what carries a time in the future', async () => {
    const source = aSessionSource({ revoke: { set: { expiresAt: 'now' } } });
    const future = new Date(Date.now() + 3_600_000);
    await insert('sessions', [{ userId: 'u1', organizationId: 'o1', expiresAt: future }]);
    expect(await revoke([source])).toMatchObject({ revoked: { session: 1 }, verifiedEmpty: true });
    const session = await database.db.collection('sessions').findOne();
    expect(session?.['expiresAt'].getTime()).toBeLessThanOrEqual(Date.now());
  });

  it('changes nothing the second time', async () => {
    await insert('apiKeys', [{ ownerId: 'u1' }, { ownerId: 'u1', revokedAt: null }]);
    await revoke([apiKey], membership);
    const once = await bytesOf(database.db, 'apiKeys');
    expect((await revoke([apiKey], membership)).found).toEqual({ api_key: 0 });
    expect(await bytesOf(database.db, 'apiKeys')).toEqual(once);
  });
});

describe('credentials without an organization', () => {
  const tokens = aSessionSource({
    kind: 'refresh_token',
    collection: 'tokens',
    organization: null,
    scope: 'user',
  });
  beforeEach(async () => {
    await insert('tokens', [{ userId: 'u1' }]);
    await insert('apiKeys', [{ ownerId: 'u1' }]);
  });

  it('go at any leaving when they are sessions, while keys stay', async () => {
    expect(await revoke([tokens, apiKey])).toEqual({
      found: { refresh_token: 1 },
      revoked: { refresh_token: 1 },
      verifiedEmpty: true,
    });
    expect(await database.db.collection('apiKeys').countDocuments({ revokedAt: null })).toBe(1);
  });

  it('are those of scope user, whatever organization they name', async () => {
    await insert('tokens', [{ userId: 'u1', organizationId: 'o2' }]);
    const scoped = { ...tokens, organization: 'organizationId' };
    expect((await revoke([scoped])).revoked).toEqual({ refresh_token: 2 });
  });

  it('go at the last leaving, keys too', async () => {
    const report = await revoke([tokens, apiKey], { ...leaver, last: true });
    expect(report.revoked).toEqual({ refresh_token: 1, api_key: 1 });
    expect(await database.db.collection('apiKeys').countDocuments({ revokedAt: null })).toBe(0);
  });

  it('stay when they are keys whose organization field is empty, until the last leaving', async () => {
    const source = { ...apiKey, organization: 'organizationId', scope: 'organization' as const };
    await insert('apiKeys', [{ ownerId: 'u1', organizationId: 'o1' }]);
    expect((await revoke([source])).revoked).toEqual({ api_key: 1 });
    expect((await revoke([source], { ...leaver, last: true })).revoked).toEqual({ api_key: 1 });
  });
});

describe('reading back', () => {
  it('revokes sessions that are created while it runs', async () => {
    const created: Promise<unknown>[] = [];
    const sessions = database.db.collection('sessions');
    const interval = setInterval(() => {
      created.push(sessions.insertOne({ userId: 'u1', organizationId: 'o1' }));
    }, 15);
    setTimeout(() => clearInterval(interval), 400);
    await sessions.insertOne({ userId: 'u1', organizationId: 'o1' });
    const report = await revoke([aSessionSource({})]);
    await Promise.all(created);
    expect(created.length).toBeGreaterThan(5);
    expect(report.verifiedEmpty).toBe(true);
    expect(report.revoked['session']).toBe(created.length + 1);
    expect(await idsIn('sessions')).toEqual([]);
  });

  it('does not trust one empty read', async () => {
    let reads = 0;
    const host = hostOn(database.db, { sessions: [aSessionSource({})] });
    // The beat follows the first, empty read: the sign-in that was under way writes its session now.
    const late: Promise<unknown>[] = [];
    const report = await host.revokeSessions(leaver, { ...policy, readBackPauseMs: 200 }, () => {
      reads += 1;
      if (reads === 1) late.push(database.db.collection('sessions').insertOne({ userId: 'u1' }));
    });
    await Promise.all(late);
    expect(report).toEqual({ found: { session: 1 }, revoked: { session: 1 }, verifiedEmpty: true });
    expect(await idsIn('sessions')).toEqual([]);
  });

  it('gives up after its time without saying that nothing is left', async () => {
    const sessions = database.db.collection('sessions');
    const signIns = { open: true };
    const writing = (async () => {
      while (signIns.open) await sessions.insertOne({ userId: 'u1', organizationId: 'o1' });
    })();
    const host = hostOn(database.db, { sessions: [aSessionSource({})] });
    const startedAt = performance.now();
    const report = await host.revokeSessions(
      leaver,
      { readBackPauseMs: 20, giveUpAfterMs: 300 },
      ignoreProgress,
    );
    const tookMs = performance.now() - startedAt;
    signIns.open = false;
    await writing;
    expect(report.verifiedEmpty).toBe(false);
    expect(report.revoked['session']).toBeGreaterThan(0);
    expect(tookMs).toBeLessThan(5_000);
  });

  it('gives up between two batches of one source', async () => {
    await insert(
      'sessions',
      Array.from({ length: 150 }, () => ({ userId: 'u1', organizationId: 'o1' })),
    );
    const host = hostOn(database.db, { sessions: [aSessionSource({})] }, 50);
    const time = { readBackPauseMs: 20, giveUpAfterMs: 500 };
    const report = await host.revokeSessions(leaver, time, ignoreProgress);
    // The second batch waits for its second, which is when the time is found to be over.
    expect(report).toMatchObject({ revoked: { session: 100 }, verifiedEmpty: false });
  });

  it('paces its writes', async () => {
    await insert(
      'sessions',
      Array.from({ length: 150 }, () => ({ userId: 'u1', organizationId: 'o1' })),
    );
    const startedAt = performance.now();
    await revoke([aSessionSource({})], leaver, 50);
    // Three batches of one second's worth: the second and the third wait a second each.
    expect(performance.now() - startedAt).toBeGreaterThan(1_950);
  });
});
