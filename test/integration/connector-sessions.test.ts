import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ObjectId } from 'mongodb';

import type { Beat, HostMembership } from '../../connectors/host-application.ts';
import type { RevocationPolicy } from '../../connectors/revocation.ts';
import { countEverywhere, revokeEverywhere } from '../../connectors/revoke-everywhere.ts';
import type { MongodbSessions } from '../../domain/host-file.ts';
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

/** What a pass over all kinds came to: how many of each were ended, and which are not verified empty. */
interface Report {
  revoked: Record<string, number>;
  failed: Record<string, string>;
}

async function revoke(
  sources: MongodbSessions[],
  membership = leaver,
  options: { writesPerSecond?: number; policy?: RevocationPolicy; beat?: Beat } = {},
): Promise<Report> {
  const host = hostOn(database.db, { sessions: sources }, options.writesPerSecond);
  const outcomes = await revokeEverywhere(host.credentialSources, membership, {
    closing: 1,
    policy: options.policy ?? policy,
    beat: options.beat ?? ignoreProgress,
  });
  const report: Report = { revoked: {}, failed: {} };
  for (const outcome of outcomes) {
    report.revoked[outcome.kind] = outcome.revoked;
    if (outcome.outcome === 'failed') report.failed[outcome.kind] = outcome.code;
  }
  return report;
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
    expect(await revoke([aSessionSource({})])).toEqual({ revoked: { session: 1 }, failed: {} });
    expect(await idsIn('sessions')).toEqual(['other organization', 'other person']);
  });

  it('finds nothing the second time', async () => {
    await insert('sessions', [session, session]);
    await revoke([aSessionSource({})]);
    expect(await revoke([aSessionSource({})])).toEqual({ revoked: { session: 0 }, failed: {} });
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
    const report = await revoke([aSessionSource({})], leaver, {
      beat: ({ done }) => progress.push(done),
    });
    expect(report).toEqual({ revoked: { session: 450 }, failed: {} });
    expect(progress).toEqual([200, 400, 450]);
  });

  it('stops when the beat says that the activity is cancelled', async () => {
    await insert(
      'sessions',
      Array.from({ length: 450 }, () => ({ ...session })),
    );
    const report = await revoke([aSessionSource({})], leaver, {
      beat: () => {
        throw new Error('cancelled');
      },
    });
    expect(report).toEqual({ revoked: { session: 200 }, failed: { session: 'Error' } });
    expect(await idsIn('sessions')).toHaveLength(250);
  });

  it('counts a collection that does not exist as empty and does not create it', async () => {
    expect((await revoke([aSessionSource({ collection: 'nowhere' })])).failed).toEqual({});
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
    expect((await revoke([apiKey], membership)).revoked).toEqual({ api_key: 0 });
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
    expect(await revoke([source])).toEqual({ revoked: { session: 1 }, failed: {} });
    const session = await database.db.collection('sessions').findOne();
    expect(session?.['expiresAt'].getTime()).toBeLessThanOrEqual(Date.now());
  });

  it('changes nothing the second time', async () => {
    await insert('apiKeys', [{ ownerId: 'u1' }, { ownerId: 'u1', revokedAt: null }]);
    await revoke([apiKey], membership);
    const once = await bytesOf(database.db, 'apiKeys');
    expect((await revoke([apiKey], membership)).revoked).toEqual({ api_key: 0 });
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
      revoked: { refresh_token: 1, api_key: 0 },
      failed: {},
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
    expect(report.failed).toEqual({});
    expect(report.revoked['session']).toBe(created.length + 1);
    expect(await idsIn('sessions')).toEqual([]);
  });

  it('does not trust one empty read', async () => {
    const sessions = database.db.collection('sessions');
    const [source] = hostOn(database.db, { sessions: [aSessionSource({})] }).credentialSources;
    if (source === undefined) throw new Error('There is no source.');
    let reads = 0;
    const [outcome] = await revokeEverywhere(
      [
        {
          ...source,
          // The sign-in that was under way writes its session after the first, empty read.
          async count(membership) {
            const found = await source.count(membership);
            reads += 1;
            if (reads === 1) await sessions.insertOne({ userId: 'u1' });
            return found;
          },
        },
      ],
      leaver,
      { closing: 1, policy, beat: ignoreProgress },
    );
    expect(outcome).toMatchObject({ outcome: 'verifiedEmpty', revoked: 1 });
    expect(reads).toBe(4);
    expect(await idsIn('sessions')).toEqual([]);
  });

  it('gives up after its time without saying that nothing is left', async () => {
    const sessions = database.db.collection('sessions');
    const signIns = { open: true };
    const writing = (async () => {
      while (signIns.open) await sessions.insertOne({ userId: 'u1', organizationId: 'o1' });
    })();
    const startedAt = performance.now();
    const report = await revoke([aSessionSource({})], leaver, {
      policy: { readBackPauseMs: 20, giveUpAfterMs: 300 },
    });
    const tookMs = performance.now() - startedAt;
    signIns.open = false;
    await writing;
    expect(report.failed).toEqual({ session: expect.stringMatching(/^(notEmpty|timeout)$/) });
    expect(report.revoked['session']).toBeGreaterThan(0);
    expect(tookMs).toBeLessThan(5_000);
  });

  it('gives up between two batches of one source, and says what it ended', async () => {
    await insert(
      'sessions',
      Array.from({ length: 150 }, () => ({ userId: 'u1', organizationId: 'o1' })),
    );
    const report = await revoke([aSessionSource({})], leaver, {
      writesPerSecond: 50,
      policy: { readBackPauseMs: 20, giveUpAfterMs: 500 },
    });
    // The second batch waits for its second, which is later than the time of the pass.
    expect(report).toEqual({ revoked: { session: 50 }, failed: { session: 'timeout' } });
  });

  it('paces its writes', async () => {
    await insert(
      'sessions',
      Array.from({ length: 150 }, () => ({ userId: 'u1', organizationId: 'o1' })),
    );
    const startedAt = performance.now();
    await revoke([aSessionSource({})], leaver, { writesPerSecond: 50 });
    // Three batches of one second's worth: the second and the third wait a second each.
    expect(performance.now() - startedAt).toBeGreaterThan(1_950);
  });

  it('counts what a leaving would end, and ends nothing', async () => {
    await insert('sessions', [{ userId: 'u1', organizationId: 'o1' }, { userId: 'u1' }]);
    await insert('apiKeys', [{ ownerId: 'u1' }]);
    const { credentialSources } = hostOn(database.db, { sessions: [aSessionSource({}), apiKey] });
    expect(await countEverywhere(credentialSources, leaver, policy)).toEqual({
      session: 2,
      api_key: 0,
    });
    expect(await idsIn('sessions')).toHaveLength(2);
  });
});
