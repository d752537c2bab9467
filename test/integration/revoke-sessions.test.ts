import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { createActivities, type Activities } from '../../activities/index.ts';
import type { CredentialSource } from '../../connectors/credential-source.ts';
import { limitedSource } from '../../connectors/limited-source.ts';
import { createObservingHost } from '../../connectors/observing-host.ts';
import type { HostFile, SessionSource } from '../../domain/host-file.ts';
import type { Membership } from '../../domain/membership.ts';
import { newId } from '../../platform/ids.ts';
import { countOverdueRevocations } from '../../platform/mongo/overdue-revocations.ts';
import { OutgoingFailed } from '../../platform/outgoing/outgoing-failed.ts';
import { noteOverdueRevocations } from '../../transitions/lifecycle/note-overdue.ts';
import { drive, membershipById, membershipOf, sandbox } from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { activityAlone, quietTemporal } from '../support/quiet-temporal.ts';
import { openTenure, scriptedLookup, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;
let verified: number;

beforeAll(async () => {
  quietTemporal();
  tenure = await openTenure();
}, 60_000);
afterAll(async () => tenure.close());
beforeEach(() => {
  verified = 0;
});

/** A source of which a test says what is alive, and whether it answers. */
interface Scripted extends CredentialSource {
  alive: number;
  failure: Error | null;
  revocations: number;
}

function scripted(kind: string, alive = 1): Scripted {
  const source: Scripted = {
    kind,
    alive,
    failure: null,
    revocations: 0,
    async revoke() {
      source.revocations += 1;
      if (source.failure !== null) throw source.failure;
      const revoked = source.alive;
      source.alive = 0;
      return { found: revoked, revoked };
    },
    async count() {
      if (source.failure !== null) throw source.failure;
      return source.alive;
    },
  };
  return source;
}

const http = (kind: string): SessionSource => {
  return { kind, connector: 'http', url: 'https://a.test', secretEnv: 'S', allowPrivate: false };
};
const tokens: SessionSource = { kind: 'token', connector: 'jwt', maxAgeMs: 300_000 };
const elsewhere: SessionSource = {
  kind: 'legacy',
  connector: 'temporal',
  taskQueue: 'billing',
  activityType: 'revokeSessions',
};

interface World {
  file: HostFile;
  activities: Activities;
}

function worldOf(sessions: SessionSource[], sources: CredentialSource[], observes = false): World {
  const file = { ...tenure.file, sessions };
  const activities = createActivities(
    {
      store: tenure.store,
      file,
      host: observes ? createObservingHost(null) : null,
      outsideSources: sources,
      directoryLookup: scriptedLookup(),
      directoryListing: null,
      polling: null,
      revocation: { readBackPauseMs: 1, giveUpAfterMs: 1000 },
      newUserId: () => newId('user'),
      maxPauseMs: 1000,
      guardSettleMs: 0,
      onVerifiedEmpty: () => {
        verified += 1;
      },
    },
    () => undefined,
  );
  return { file, activities };
}

async function leaver(): Promise<Membership> {
  const organizationId = workosId('org');
  await sandbox(tenure, organizationId);
  const person = {
    id: workosId('directory_user'),
    organizationId,
    directoryId: workosId('directory'),
  };
  await tenure.take(userEvent('created', person));
  const { _id } = await membershipOf(tenure, person.id);
  await drive(tenure, _id);
  await tenure.take(userEvent('deleted', person));
  return membershipById(tenure, _id);
}

async function revoke({ activities }: World, { _id, closings }: Membership): Promise<unknown> {
  const input = { membershipId: _id, nowMs: Date.now(), closing: closings };
  return activityAlone().run(activities.revokeSessions, input);
}

async function linesOf({ _id, generation }: Membership): Promise<[string, object][]> {
  const lines = await tenure.store.collections.timeline
    .find({ membershipId: _id, generation, type: /revo|sessions|credentials|wouldRevoke/ })
    .sort({ revision: 1, _id: 1 })
    .toArray();
  return lines.map(({ type, detail }) => [type, detail]);
}

const now = async ({ _id }: Membership): Promise<Membership> => membershipById(tenure, _id);

describe('the revocation of somebody who left', () => {
  it('is written down kind by kind, and the closing with the last of them', async () => {
    const world = worldOf(
      [http('app'), http('mobile')],
      [scripted('app', 2), scripted('mobile', 0)],
    );
    const ada = await leaver();
    await revoke(world, ada);
    expect(await now(ada)).toMatchObject({
      revokedClosings: 1,
      revocations: [
        { kind: 'app', closing: 1, outcome: 'verifiedEmpty', revoked: 2, code: null },
        { kind: 'mobile', closing: 1, outcome: 'verifiedEmpty', revoked: 0, code: null },
      ],
    });
    expect(await linesOf(ada)).toEqual([
      ['credentialsRevoked', { kind: 'app', revoked: 2 }],
      ['credentialsRevoked', { kind: 'mobile', revoked: 0 }],
      ['sessionsVerifiedEmpty', { app: 2, mobile: 0 }],
    ]);
    expect(verified).toBe(1);
  });

  it('is complete at once where the file names no sessions, and never called verified: nobody looked', async () => {
    const ada = await leaver();
    await revoke(worldOf([], []), ada);
    expect(await now(ada)).toMatchObject({ revokedClosings: 1 });
    expect(await linesOf(ada)).toEqual([]);
    expect(verified).toBe(0);
  });

  it('is never called verified where the file names nothing but what expires', async () => {
    const ada = await leaver();
    await revoke(worldOf([tokens], []), ada);
    const done = await now(ada);
    expect(done).toMatchObject({
      revokedClosings: 1,
      revocations: [{ kind: 'token', outcome: 'expiresBy' }],
    });
    expect((await linesOf(ada)).map(([type]) => type)).toEqual(['credentialsExpire']);
    expect(verified).toBe(0);
  });

  it('lets no more passes be under way than a source allows', async () => {
    const source = scripted('app', 0);
    let most = 0;
    let underWay = 0;
    const counting: CredentialSource = {
      ...source,
      async revoke() {
        underWay += 1;
        most = Math.max(most, underWay);
        await pause(20);
        underWay -= 1;
        return { found: 0, revoked: 0 };
      },
    };
    const limited = limitedSource(counting, { atOnce: 2, mostWaitMs: 10_000 });
    const world = worldOf([http('app')], [limited]);
    const leavers = await Promise.all(Array.from({ length: 6 }, leaver));
    await Promise.all(leavers.map(async (membership) => revoke(world, membership)));
    expect(most).toBe(2);
    expect(verified).toBe(6);
  });

  it('goes on with what failed only, and fails until nothing does', async () => {
    const [app, mobile] = [scripted('app', 2), scripted('mobile', 1)];
    const world = worldOf([http('app'), http('mobile')], [app, mobile]);
    mobile.failure = new OutgoingFailed('refused', { status: 500, retryAfterMs: null });
    const ada = await leaver();
    await expect(revoke(world, ada)).rejects.toThrow('NotVerifiedEmpty');
    const failing = await now(ada);
    expect(failing).toMatchObject({
      revokedClosings: 0,
      phase: 'closingAccess',
      revocations: [
        { kind: 'app', outcome: 'verifiedEmpty' },
        { kind: 'mobile', outcome: 'failed', code: 'answered500' },
      ],
    });
    expect(verified).toBe(0);

    // The same failure again is no news: not even the revision moves.
    await expect(revoke(world, ada)).rejects.toThrow('NotVerifiedEmpty');
    expect((await now(ada)).revision).toBe(failing.revision);

    mobile.failure = null;
    await revoke(world, ada);
    expect(app.revocations).toBe(1);
    expect(await linesOf(ada)).toEqual([
      ['credentialsRevoked', { kind: 'app', revoked: 2 }],
      ['revocationFailed', { kind: 'mobile', code: 'answered500' }],
      ['credentialsRevoked', { kind: 'mobile', revoked: 1 }],
      ['sessionsVerifiedEmpty', { app: 2, mobile: 1 }],
    ]);
    expect(verified).toBe(1);
  });

  it('waits as long as the other side asks before the next try', async () => {
    const app = scripted('app');
    app.failure = new OutgoingFailed('refused', { status: 429, retryAfterMs: 30_000 });
    const ada = await leaver();
    await expect(revoke(worldOf([http('app')], [app]), ada)).rejects.toMatchObject({
      type: 'NotVerifiedEmpty',
      nextRetryDelay: 30_000,
    });
  });

  it('does not wait for one who asks for patience where another one failed otherwise', async () => {
    const [app, mobile] = [scripted('app'), scripted('mobile')];
    app.failure = new OutgoingFailed('refused', { status: 429, retryAfterMs: 30_000 });
    mobile.failure = new Error('down');
    const ada = await leaver();
    const world = worldOf([http('app'), http('mobile')], [app, mobile]);
    await expect(revoke(world, ada)).rejects.toMatchObject({ nextRetryDelay: undefined });
  });

  it('fails for a kind that this worker cannot reach at all, instead of passing over it', async () => {
    const ada = await leaver();
    await expect(revoke(worldOf([http('app')], []), ada)).rejects.toThrow('NotVerifiedEmpty');
    expect((await now(ada)).revocations).toMatchObject([{ kind: 'app', code: 'notConfigured' }]);
  });

  it('is written down once by a worker that was taken for dead and by the one in its place', async () => {
    const app = scripted('app', 2);
    const world = worldOf([http('app')], [app]);
    const ada = await leaver();
    await Promise.all([revoke(world, ada), revoke(world, ada)]);
    expect((await linesOf(ada)).map(([type]) => type)).toEqual([
      'credentialsRevoked',
      'sessionsVerifiedEmpty',
    ]);
    expect(verified).toBe(1);
  });

  it('ends nothing of a return that came while it was frozen and another worker did its work', async () => {
    const app = scripted('app', 2);
    const world = worldOf([http('app')], [app]);
    const ada = await leaver();
    const count = app.count.bind(app);
    app.count = async (whose) => {
      app.count = count;
      await revoke(world, ada);
      // Verified by the other one: from here on Ada may be back, with a session and a key of today.
      app.alive = 2;
      return count(whose);
    };
    await expect(revoke(world, ada)).rejects.toThrow('NotVerifiedEmpty');
    expect(app.alive).toBe(2);
    expect(await now(ada)).toMatchObject({
      revokedClosings: 1,
      revocations: [{ kind: 'app', outcome: 'verifiedEmpty' }],
    });
    expect((await linesOf(ada)).map(([type]) => type)).toEqual([
      'credentialsRevoked',
      'sessionsVerifiedEmpty',
    ]);
    expect(verified).toBe(1);
  });

  it('says nothing of a closing that came while it ran', async () => {
    const app = scripted('app', 2);
    const world = worldOf([http('app')], [app]);
    const ada = await leaver();
    const count = app.count.bind(app);
    let reads = 0;
    app.count = async (whose) => {
      reads += 1;
      // Back, signed in and out again, after everything was read: a revocation that was frozen goes on.
      if (reads === 2) {
        const { memberships } = tenure.store.collections;
        await memberships.updateOne({ _id: ada._id }, { $inc: { closings: 1, revision: 1 } });
      }
      return count(whose);
    };
    await revoke(world, ada);
    expect(await now(ada)).toMatchObject({ closings: 2, revokedClosings: 1 });
    const seen = await world.activities.look({ membershipId: ada._id, nowMs: Date.now() });
    expect(seen?.step).toEqual({ do: 'revoke', closing: 2 });
  });

  it('is done anew at the next closing: what was verified before says nothing', async () => {
    const app = scripted('app');
    const world = worldOf([http('app')], [app]);
    const ada = await leaver();
    await revoke(world, ada);
    app.alive = 3;
    await tenure.store.collections.memberships.updateOne(
      { _id: ada._id },
      { $inc: { closings: 1 } },
    );
    await revoke(world, await now(ada));
    expect(app.alive).toBe(0);
    expect(await now(ada)).toMatchObject({
      revokedClosings: 2,
      revocations: [{ kind: 'app', closing: 2, revoked: 3 }],
    });
  });

  it('shows with what kind it stands where, without being asked twice', async () => {
    const app = scripted('app');
    const world = worldOf([http('app'), tokens], [app]);
    app.failure = new Error('down');
    const ada = await leaver();
    await expect(revoke(world, ada)).rejects.toThrow('NotVerifiedEmpty');
    // Nothing is said of tokens as long as something is alive that could renew them.
    expect((await now(ada)).revocations?.map(({ kind }) => kind)).toEqual(['app']);
    app.failure = null;
    const before = Date.now();
    await revoke(world, ada);
    const done = await now(ada);
    const fact = done.revocations?.find(({ kind }) => kind === 'token');
    expect(fact).toMatchObject({ outcome: 'expiresBy', revoked: 0, code: null });
    expect(fact?.expiresBy?.getTime()).toBeGreaterThanOrEqual(before + 300_000);
    expect(done.revokedClosings).toBe(1);
    expect(await linesOf(ada)).toEqual([
      ['revocationFailed', { kind: 'app', code: 'Error' }],
      ['credentialsRevoked', { kind: 'app', revoked: 1 }],
      ['credentialsExpire', { kind: 'token', expiresBy: fact?.expiresBy?.toISOString() }],
      ['sessionsVerifiedEmpty', { app: 1 }],
    ]);
  });

  it('waits for what the workflow has called elsewhere, whoever of the two ends last', async () => {
    const app = scripted('app');
    const world = worldOf([http('app'), elsewhere], [app]);
    const { recordRevokedElsewhere } = world.activities;
    const came = { closing: 1, kind: 'legacy', revoked: 4, code: null };

    const ada = await leaver();
    await revoke(world, ada);
    expect((await now(ada)).revokedClosings).toBe(0);
    const revision = (await now(ada)).revision;
    await revoke(world, ada);
    expect((await now(ada)).revision).toBe(revision);
    await recordRevokedElsewhere({ ...came, membershipId: ada._id });
    expect((await now(ada)).revokedClosings).toBe(1);

    app.alive = 1;
    const bob = await leaver();
    await recordRevokedElsewhere({
      ...came,
      membershipId: bob._id,
      revoked: 0,
      code: 'nobodyPolls',
    });
    await recordRevokedElsewhere({ ...came, membershipId: bob._id });
    expect((await now(bob)).revokedClosings).toBe(0);
    await revoke(world, bob);
    expect((await now(bob)).revokedClosings).toBe(1);
    expect(await linesOf(bob)).toEqual([
      ['revocationFailed', { kind: 'legacy', code: 'nobodyPolls' }],
      ['credentialsRevoked', { kind: 'legacy', revoked: 4 }],
      ['credentialsRevoked', { kind: 'app', revoked: 1 }],
      ['sessionsVerifiedEmpty', { app: 1, legacy: 4 }],
    ]);
    expect(verified).toBe(2);
  });

  it('forgets what came elsewhere of an earlier closing', async () => {
    const world = worldOf([elsewhere], []);
    const ada = await leaver();
    await tenure.store.collections.memberships.updateOne(
      { _id: ada._id },
      { $inc: { closings: 1 } },
    );
    await world.activities.recordRevokedElsewhere({
      membershipId: ada._id,
      closing: 1,
      kind: 'legacy',
      revoked: 1,
      code: null,
    });
    expect(await now(ada)).not.toHaveProperty('revocations');
  });
});

describe('a look', () => {
  it('names what has to be revoked elsewhere, until it is done', async () => {
    const { activities } = worldOf([elsewhere], []);
    const ada = await leaver();
    const request = { membershipId: ada._id, nowMs: Date.now() };
    expect(await activities.look(request)).toMatchObject({
      step: { do: 'revoke', closing: 1 },
      elsewhere: {
        membershipId: ada._id,
        closing: 1,
        userId: ada.userId,
        organizationId: ada.organizationId,
        last: true,
        sources: [{ kind: 'legacy', taskQueue: 'billing', activityType: 'revokeSessions' }],
      },
    });
    const came = { membershipId: ada._id, closing: 1, kind: 'legacy', revoked: 0, code: null };
    await activities.recordRevokedElsewhere(came);
    const after = await activities.look(request);
    expect(after?.step.do).not.toBe('revoke');
    expect(after).not.toHaveProperty('elsewhere');
  });

  it('names nothing while Tenure only observes', async () => {
    const { activities } = worldOf([elsewhere], [], true);
    const ada = await leaver();
    const seen = await activities.look({ membershipId: ada._id, nowMs: Date.now() });
    expect(seen?.step.do).toBe('revoke');
    expect(seen).not.toHaveProperty('elsewhere');
  });
});

describe('an observing Tenure', () => {
  it('counts what it would have ended, without what does not answer, and ends nothing', async () => {
    const [app, mobile] = [scripted('app', 2), scripted('mobile')];
    mobile.failure = new Error('not there yet');
    const ada = await leaver();
    await revoke(worldOf([http('app'), http('mobile')], [app, mobile], true), ada);
    expect(app).toMatchObject({ alive: 2, revocations: 0 });
    expect(await linesOf(ada)).toEqual([['wouldRevoke', { app: 2 }]]);
    expect(await now(ada)).toMatchObject({ observed: { revocations: { app: 2 } } });
    expect(verified).toBe(0);
  });
});

describe('a revocation that takes too long', () => {
  const overdueMs = 300_000;

  async function overdueLeaver(): Promise<Membership> {
    const ada = await leaver();
    await tenure.store.collections.memberships.updateOne(
      { _id: ada._id },
      { $set: { closedReceivedAt: new Date(Date.now() - overdueMs - 1000) } },
    );
    return ada;
  }

  it('is told of once for each closing, with the kinds that are missing', async () => {
    const { file } = worldOf([http('app'), tokens, elsewhere], []);
    const ada = await overdueLeaver();
    const told = async (): Promise<number> =>
      tenure.store.collections.notices.countDocuments({
        code: 'revocationOverdue',
        subjectId: ada._id,
      });
    expect(await countOverdueRevocations(tenure.store, overdueMs)).toBeGreaterThan(0);
    await noteOverdueRevocations(tenure.store, file, overdueMs);
    await noteOverdueRevocations(tenure.store, file, overdueMs);
    expect(await told()).toBe(1);
    expect(await linesOf(ada)).toEqual([['revocationOverdue', { kinds: 'app,legacy' }]]);

    await tenure.store.collections.memberships.updateOne(
      { _id: ada._id },
      { $inc: { closings: 1 } },
    );
    await noteOverdueRevocations(tenure.store, file, overdueMs);
    expect(await told()).toBe(2);
  });

  it('is told of once by two workers at the same time', async () => {
    const { file } = worldOf([http('app')], []);
    const ada = await overdueLeaver();
    await Promise.all(
      Array.from({ length: 4 }, async () => noteOverdueRevocations(tenure.store, file, overdueMs)),
    );
    const { notices } = tenure.store.collections;
    expect(await notices.countDocuments({ code: 'revocationOverdue', subjectId: ada._id })).toBe(1);
    expect(await linesOf(ada)).toHaveLength(1);
  });

  it('is not told of before its time, nor once it is verified', async () => {
    const { notices } = tenure.store.collections;
    const early = await leaver();
    const done = await overdueLeaver();
    const world = worldOf([http('app')], [scripted('app')]);
    await revoke(world, done);
    await noteOverdueRevocations(tenure.store, world.file, overdueMs);
    for (const { _id } of [early, done]) {
      expect(await notices.countDocuments({ code: 'revocationOverdue', subjectId: _id })).toBe(0);
    }
  });
});
