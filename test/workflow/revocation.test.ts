import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Worker } from '@temporalio/worker';

import type { HostRevocation } from '../../domain/messages.ts';
import type { Membership } from '../../domain/membership.ts';
import { disableMembership } from '../../transitions/commands/disable-membership.ts';
import { userEvent } from '../support/events.ts';
import { startSkipping, type Person, type SkippingTenure } from '../support/time-skipping.ts';

let tenure: SkippingTenure;
const taskQueue = `billing-${randomUUID()}`;
/** Ends the host application's worker, if one runs. */
let stopHost: (() => Promise<void>) | null = null;

beforeAll(async () => {
  tenure = await startSkipping();
  tenure.file.sessions.push({
    kind: 'legacy',
    connector: 'temporal',
    taskQueue,
    activityType: 'endSessions',
  });
}, 180_000);

afterEach(async () => {
  tenure.before.hook = undefined;
  await stopHost?.();
  stopHost = null;
});

afterAll(async () => tenure.close(), 60_000);

/** A worker of the host application, on the host application's own task queue. */
async function startHost(endSessions: (asked: HostRevocation) => Promise<unknown>): Promise<void> {
  const worker = await Worker.create({
    connection: tenure.env.nativeConnection,
    namespace: tenure.env.namespace ?? 'default',
    taskQueue,
    activities: { endSessions },
  });
  const running = worker.run();
  stopHost = async () => {
    worker.shutdown();
    await running;
  };
}

async function leaver(): Promise<{ ada: Person; _id: string }> {
  const ada = await tenure.person();
  const { _id } = await tenure.join(ada);
  return { ada, _id };
}

/** They leave. It is not waited until the lifecycle sleeps. */
async function leave(ada: Person): Promise<void> {
  await tenure.take(userEvent('deleted', ada));
  await tenure.lookAgain(ada);
}

function standsAt(membership: Membership, kind: string): string | undefined {
  const fact = membership.revocations?.find((each) => each.kind === kind);
  return fact?.outcome === 'failed' ? `${fact.code}` : fact?.outcome;
}

async function skip(seconds: number): Promise<void> {
  await tenure.skipTo((await tenure.env.currentTimeMs()) + seconds * 1000);
}

/**
 * Skips while an activity waits for a worker. The server's time goes by the wall until somebody does what is
 * waited for, and here nobody will: what the activity holds it by is let go for so long.
 */
async function skipBesideActivity(seconds: number): Promise<void> {
  const { testService } = tenure.env.connection;
  if (testService === undefined) throw new Error('This server skips no time.');
  await testService.unlockTimeSkipping({});
  await skip(seconds);
  await testService.lockTimeSkipping({});
}

/** Skips on until it is so, so many seconds at a time: what is tried again waits for virtual time. */
async function skipUntil(
  ada: Person,
  test: (m: Membership) => boolean,
  seconds = 20,
): Promise<Membership> {
  return tenure.eventually(async () => {
    const found = await tenure.membership(ada);
    if (test(found)) return found;
    await skip(seconds);
    return null;
  }, String(test));
}

describe('a revocation by an activity of the host application', () => {
  it('calls it until nothing is left twice in a row, and the closing is complete', async () => {
    const asked: HostRevocation[] = [];
    let alive = 3;
    await startHost(async (given) => {
      asked.push(given);
      const revoked = Math.min(alive, 2);
      alive -= revoked;
      return { revoked, left: alive };
    });
    const { ada } = await leaver();
    await leave(ada);
    const done = await skipUntil(ada, (m) => m.revokedClosings === 1);
    expect(standsAt(done, 'legacy')).toBe('verifiedEmpty');
    expect(done.revocations?.find(({ kind }) => kind === 'legacy')?.revoked).toBe(3);
    expect(asked).toHaveLength(3);
    expect(asked[0]).toEqual({
      kind: 'legacy',
      userId: done.userId,
      organizationId: ada.organizationId,
      last: true,
      closing: 1,
      reason: 'leaving',
    });
    await tenure.until(ada, (m) => m.phase === 'coolingOff');
  });

  it('delays nobody else where no worker polls, and is done once one does', async () => {
    const { ada } = await leaver();
    await leave(ada);
    const others = await tenure.until(ada, (m) => standsAt(m, 'session') === 'verifiedEmpty');
    expect(others.revokedClosings).toBe(0);
    // Half a minute. What comes at its end finds the time as the server holds it.
    await skipBesideActivity(28);
    expect(standsAt(await tenure.membership(ada), 'legacy')).toBeUndefined();
    const failed = await skipUntil(ada, (m) => standsAt(m, 'legacy') === 'nobodyPolls', 1);
    expect(failed).toMatchObject({ revokedClosings: 0, phase: 'closingAccess' });
    await startHost(async () => ({ revoked: 0, left: 0 }));
    const done = await skipUntil(ada, (m) => m.revokedClosings === 1);
    expect(standsAt(done, 'legacy')).toBe('verifiedEmpty');
  });

  it.each<[string, () => unknown, string]>([
    ['nothing', () => undefined, 'malformed'],
    ['texts', () => ({ revoked: '1', left: '0' }), 'malformed'],
    ['less than none', () => ({ revoked: 0, left: -1 }), 'malformed'],
    ['that something is left, for ever', () => ({ revoked: 0, left: 1 }), 'notEmpty'],
    [
      'an error',
      () => {
        throw new Error('the database is away');
      },
      'activityFailed',
    ],
  ])('does not call it done where it returns %s, and tries again', async (_, returns, code) => {
    let broken = true;
    await startHost(async () => (broken ? returns() : { revoked: 1, left: 0 }));
    const { ada } = await leaver();
    await leave(ada);
    const failed = await skipUntil(ada, (m) => standsAt(m, 'legacy') === code);
    expect(failed.revokedClosings).toBe(0);
    broken = false;
    await skipUntil(ada, (m) => m.revokedClosings === 1);
  });

  it('is called while a step waits for somebody else, and again where it failed', async () => {
    const asked: number[] = [];
    await startHost(async ({ closing }) => {
      asked.push(closing);
      const fails = closing === 2 && asked.filter((each) => each === 2).length === 1;
      return fails ? undefined : { revoked: 0, left: 0 };
    });
    const { ada, _id } = await leaver();
    let letGo: (() => void) | undefined;
    tenure.before.hook = async ({ name }) => {
      if (name === 'transferOwnership') await new Promise<void>((resolve) => (letGo = resolve));
    };
    await leave(ada);
    await tenure.eventually(() => letGo !== undefined, 'the transfer');
    try {
      await disableMembership(tenure.store, {
        membershipId: _id,
        actor: 'admin:ada',
        reason: null,
      });
      await tenure.lookAgain(ada);
      // By the wall: virtual time does not skip while the transfer is under way.
      const revoked = await tenure.until(ada, (m) => m.revokedClosings === 2);
      expect(standsAt(revoked, 'legacy')).toBe('verifiedEmpty');
      expect(revoked.transfer).toBeNull();
      expect(asked).toEqual([1, 1, 2, 2, 2]);
    } finally {
      tenure.before.hook = undefined;
      letGo?.();
    }
    await tenure.until(ada, (m) => m.phase === 'coolingOff');
    expect(tenure.callsOf('transferOwnership', _id)).toHaveLength(1);
  });

  it('tries again by itself while what Tenure ends keeps failing', async () => {
    let broken = true;
    await startHost(async () => (broken ? undefined : { revoked: 1, left: 0 }));
    const { ada } = await leaver();
    tenure.before.hook = ({ name }) => {
      if (name === 'revokeSessions') throw new Error('the database is away');
    };
    await leave(ada);
    await skipUntil(ada, (m) => standsAt(m, 'legacy') === 'malformed');
    broken = false;
    const ended = await skipUntil(ada, (m) => standsAt(m, 'legacy') === 'verifiedEmpty');
    expect(standsAt(ended, 'session')).toBeUndefined();
    expect(ended.revokedClosings).toBe(0);
    tenure.before.hook = undefined;
    await skipUntil(ada, (m) => m.revokedClosings === 1);
  });
});

describe('a revocation that fails', () => {
  it('is tried for ever, once a minute at least, and hears commands meanwhile', async () => {
    await startHost(async () => ({ revoked: 0, left: 0 }));
    const { ada, _id } = await leaver();
    tenure.before.hook = ({ name }) => {
      if (name === 'revokeSessions') throw new Error('the host application is down');
    };
    await leave(ada);
    await tenure.eventually(() => tenure.callsOf('revokeSessions', _id).length > 0, 'a try');
    await skip(1800);
    await tenure.eventually(() => tenure.callsOf('revokeSessions', _id).length > 30, 'tries');
    await tenure.handle({ _id }).signal('cancelDeletion', { by: 'op1' });
    const heard = await tenure.until(ada, (m) => m.retained !== null);
    expect(heard).toMatchObject({ phase: 'closingAccess', revokedClosings: 0 });
    tenure.before.hook = undefined;
    await skipUntil(ada, (m) => m.phase === 'retained' && m.revokedClosings === 1);
  });
});
