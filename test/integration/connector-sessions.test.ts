import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Decimal128, Int32, Long, ObjectId, UUID, type Document } from 'mongodb';

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

describe('ids that are written in another type than the host file says', () => {
  const objectId = new ObjectId();
  const uuid = new UUID();

  it.each([
    ['an ObjectId', objectId.toHexString(), objectId, 'string'],
    ['a text among ObjectIds', objectId.toHexString(), objectId.toHexString(), 'objectId'],
    ['a whole number', '4711', new Int32(4711), 'string'],
    ['a whole number of 64 bits', '4711', Long.fromNumber(4711), 'objectId'],
    ['a decimal', '4711', Decimal128.fromString('4711'), 'uuid'],
    [
      'a number larger than 2^53',
      '9007199254740993',
      Long.fromString('9007199254740993'),
      'string',
    ],
    ['a text of digits', '4711', '4711', 'number'],
    ['a binary UUID', uuid.toHexString(), uuid, 'string'],
  ] as const)('are found as %s', async (_, userId, written, idType) => {
    await insert('sessions', [
      { _id: 'mine', userId: written, organizationId: 'o1' },
      { _id: 'next', userId: Long.fromString('9007199254740992'), organizationId: 'o1' },
      { _id: 'other', userId: 4712, organizationId: 'o1' },
    ]);
    const report = await revoke([aSessionSource({ idType })], { ...leaver, userId });
    expect(report).toEqual({ revoked: { session: 1 }, failed: {} });
    expect(await idsIn('sessions')).toEqual(['next', 'other']);
  });

  it('are found by the id that Tenure has too, and by organizations that are numbers', async () => {
    await insert('sessions', [
      { userId: 4711, organizationId: 12 },
      { userId: objectId, organizationId: '12' },
      { _id: 'other organization', userId: 4711, organizationId: 13 },
    ]);
    const membership = {
      ...leaver,
      userId: '4711',
      otherUserId: objectId.toHexString(),
      organizationId: '12',
    };
    expect((await revoke([aSessionSource({})], membership)).revoked).toEqual({ session: 2 });
    expect(await idsIn('sessions')).toEqual(['other organization']);
  });

  it.each(['04711', '+4711', '4711.0', '0x1267', '1e3', '-0', '9223372036854775808'])(
    'are not made up: %s is a text',
    async (userId) => {
      await insert(
        'sessions',
        [4711, 1000, 0, Long.MIN_VALUE, Long.MAX_VALUE, 2 ** 63].map((id) => ({
          userId: id,
          organizationId: 'o1',
        })),
      );
      expect((await revoke([aSessionSource({})], { ...leaver, userId })).revoked).toEqual({
        session: 0,
      });
    },
  );

  it('are found by the index', async () => {
    const sessions = database.db.collection('sessions');
    await sessions.createIndex({ userId: 1 });
    const others = Array.from({ length: 300 }, (_, n) => ({ userId: n, organizationId: 'o1' }));
    await insert('sessions', [...others, { userId: 4711, organizationId: 'o1' }]);
    await database.db.command({ profile: 2 });
    await revoke([aSessionSource({})], { ...leaver, userId: '4711' });
    await database.db.command({ profile: 0 });
    const reads: Document[] = await database.db
      .collection('system.profile')
      .find({ ns: sessions.namespace, op: { $in: ['query', 'command'] } })
      .toArray();
    expect(reads.length).toBeGreaterThan(1);
    for (const { planSummary, docsExamined } of reads) {
      expect(planSummary).toBe('IXSCAN { userId: 1 }');
      expect(docsExamined).toBeLessThan(2);
    }
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

  const future = Date.now() + 3_600_000;
  it.each([
    ['milliseconds to come', future],
    ['milliseconds long gone', 1],
    ['milliseconds of 64 bits', Long.fromNumber(future)],
    ['a text', '2020-01-01T00:00:00.000Z'],
    ['a truth value', false],
    ['a document', { at: earlier }],
    ['a list of dates', [earlier, new Date(future)]],
    ['an empty list', []],
  ])('takes %s in the field of a time for a credential that is open', async (_, value) => {
    const source = aSessionSource({ revoke: { set: { expiresAt: 'now' } } });
    await insert('sessions', [{ userId: 'u1', organizationId: 'o1', expiresAt: value }]);
    const { credentialSources } = hostOn(database.db, { sessions: [source] });
    expect(await countEverywhere(credentialSources, leaver, policy)).toEqual({ session: 1 });
    expect(await revoke([source])).toEqual({ revoked: { session: 1 }, failed: {} });
    const session = await database.db.collection('sessions').findOne();
    expect(session?.['expiresAt']).toBeInstanceOf(Date);
    expect(session?.['expiresAt'].getTime()).toBeLessThanOrEqual(Date.now());
  });

  it('is not done while one of several tokens in a document is open', async () => {
    const source = aSessionSource({ revoke: { set: { 'tokens.revokedAt': 'now' } } });
    const tokens = [{ revokedAt: earlier }, { revokedAt: 0 }, {}];
    await insert('sessions', [{ userId: 'u1', organizationId: 'o1', tokens }]);
    expect(await revoke([source])).toEqual({ revoked: { session: 1 }, failed: {} });
    const session = await database.db.collection('sessions').findOne();
    expect(session?.['tokens']).toEqual(tokens.map(() => ({ revokedAt: expect.any(Date) })));
  });

  it('fails visibly where the collection takes no date for a time', async () => {
    const source = aSessionSource({ revoke: { set: { expiresAt: 'now' } } });
    await database.db.createCollection('sessions', {
      validator: { expiresAt: { $type: 'number' } },
    });
    await insert('sessions', [{ userId: 'u1', organizationId: 'o1', expiresAt: future }]);
    expect(await revoke([source])).toEqual({
      revoked: { session: 0 },
      failed: { session: 'MongoServerError' },
    });
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
