import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ObjectId } from 'mongodb';

import { createActivities } from '../../activities/index.ts';
import type { CredentialSource } from '../../connectors/credential-source.ts';
import { createGate, type Gate } from '../../gate/create-gate.ts';
import { newId } from '../../platform/ids.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { recordRevoked } from '../../transitions/lifecycle/record-revoked.ts';
import { logIn } from '../../transitions/logins/log-in.ts';
import type { SsoProfile } from '../../transitions/logins/login.ts';
import { drive, membershipById, membershipOf, sandbox } from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { slow } from '../support/fences.ts';
import { activityAlone, quietTemporal } from '../support/quiet-temporal.ts';
import { describeRaces, type Races } from '../support/races.ts';
import { openTenure, scriptedLookup, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;
let gate: Gate;

beforeAll(async () => {
  quietTemporal();
  tenure = await openTenure();
  gate = createGate({ db: tenure.store.db });
}, 60_000);
afterAll(async () => tenure.close());

/** Somebody of a directory, in an organization of their own, and what the host application calls them. */
interface Somebody {
  id: string;
  organizationId: string;
  directoryId: string;
  email: string;
  membershipId: string;
  userId: string;
}

async function somebody(policy: Parameters<typeof sandbox>[2] = {}): Promise<Somebody> {
  const organizationId = workosId('org');
  await sandbox(tenure, organizationId, policy);
  const id = workosId('directory_user');
  const email = `${id}@example.com`;
  const person = { id, organizationId, email, directoryId: `directory_${organizationId}` };
  await tenure.take(userEvent('created', person));
  const { _id: membershipId, userId } = await membershipOf(tenure, id);
  await drive(tenure, membershipId);
  return { ...person, membershipId, userId };
}

const leave = async (person: Somebody) => tenure.take(userEvent('deleted', person));
const comeBack = async (person: Somebody) => tenure.take(userEvent('updated', person));

/** Whether they may log in, as the host application is told. */
async function mayLogIn({ userId, organizationId }: Somebody): Promise<boolean> {
  return (await gate.check({ userId, organizationId, action: 'login' })).allowed;
}

/** The activity as the worker runs it, on the host application's own collections. */
async function revoke(
  { membershipId }: Somebody,
  around: (source: CredentialSource) => CredentialSource = (source) => source,
): Promise<void> {
  const { closings } = await membershipById(tenure, membershipId);
  const { host } = tenure;
  const { revokeSessions } = createActivities(
    {
      store: tenure.store,
      file: tenure.file,
      host: { ...host, credentialSources: host.credentialSources.map(around) },
      directoryLookup: scriptedLookup(),
      directoryListing: null,
      polling: null,
      revocation: { readBackPauseMs: 1, giveUpAfterMs: 5_000 },
      newUserId: () => newId('user'),
      maxPauseMs: 1_000,
      guardSettleMs: 0,
      onVerifiedEmpty: () => undefined,
    },
    () => undefined,
  );
  const input = { membershipId, nowMs: Date.now(), closing: closings };
  await activityAlone().run(revokeSessions, input);
}

describeRaces(
  'a leaving or a return, and what was under way,',
  {
    'a first login and the leaving': async () => {
      const person = await somebody({ initialStatus: 'invited' });
      return loginAgainst(person, { idpId: `idp-${person.id}`, email: person.email });
    },

    'a login that teaches an id and the leaving': async () => {
      const person = await somebody();
      return loginAgainst(person, { idpId: workosId('idp'), email: person.email });
    },

    'what is verified of one closing and the next leaving': async () => {
      const person = await somebody();
      await leave(person);
      await comeBack(person);
      return {
        atOnce: [
          async (store) => verified(slow(store, 30), person),
          async (store) => tenure.take(userEvent('deleted', person), store),
        ],
        async wrong() {
          const { backed, generation, revokedClosings } = await now(person);
          if (backed || generation !== 2) return 'the leaving is lost';
          return revokedClosings === 1 ? null : 'what was verified is lost';
        },
      };
    },

    'what is verified and the return': async () => {
      const person = await somebody();
      await leave(person);
      return {
        atOnce: [
          async (store) => verified(slow(store, 30), person),
          async (store) => tenure.take(userEvent('updated', person), store),
        ],
        async wrong() {
          const { backed, revokedClosings } = await now(person);
          if (!backed) return 'the return is lost';
          return revokedClosings === 1 ? null : 'what was verified is lost';
        },
      };
    },
  } satisfies Races,
  { store: () => tenure.store },
);

const now = async ({ membershipId }: Somebody) => membershipById(tenure, membershipId);

/** Somebody logs in for the first time, by a profile that makes Tenure write, while the directory removes them. */
function loginAgainst(
  person: Somebody,
  profile: Pick<SsoProfile, 'idpId' | 'email'>,
): Awaited<ReturnType<Races[string]>> {
  const sso = { ...profile, firstName: null, lastName: null, name: null, connectionId: null };
  const rules = { file: tenure.file, newUserId: () => newId('user'), mode: 'login' as const };
  const login = { organizationId: person.organizationId, sso };
  return {
    atOnce: [
      async (store) => logIn(slow(store, 30), login, rules),
      async (store) => tenure.take(userEvent('deleted', person), store),
    ],
    async wrong() {
      const { access, generation } = await now(person);
      if (access.state === 'open' || (await mayLogIn(person))) return 'open after the leaving';
      return generation === 1 ? null : 'the leaving is lost';
    },
  };
}

/** Every kind of the host file was read back empty, at the first closing. */
async function verified(store: Store, { membershipId }: Somebody): Promise<boolean> {
  return recordRevoked(store, tenure.file, membershipId, {
    closing: 1,
    outcomes: tenure.file.sessions.map(({ kind }) => {
      return { kind, outcome: 'verifiedEmpty', revoked: 0, at: new Date() };
    }),
  });
}

/** A way in that was begun before access closed, and writes its credential afterwards. */
interface WayIn {
  kind: string;
  collection: string;
  /** Reads what it goes by, and returns how it writes down what it leads to. */
  begin(person: Somebody): Promise<() => Promise<ObjectId>>;
}

const signIn: WayIn = {
  kind: 'session',
  collection: 'sessions',
  async begin({ userId, organizationId }) {
    const sessions = tenure.hostDb.collection(this.collection);
    return async () => (await sessions.insertOne({ userId, organizationId })).insertedId;
  },
};

const refresh: WayIn = {
  kind: 'refresh_token',
  collection: 'refreshTokens',
  async begin({ userId, organizationId }) {
    const tokens = tenure.hostDb.collection(this.collection);
    const { insertedId: old } = await tokens.insertOne({ userId, organizationId });
    expect(await tokens.findOne({ _id: old })).not.toBeNull();
    return async () => {
      const { insertedId } = await tokens.insertOne({ userId, organizationId });
      await tokens.deleteOne({ _id: old });
      return insertedId;
    };
  },
};

async function alive({ userId }: Somebody, ...ways: WayIn[]): Promise<number> {
  const counts = ways.map(async ({ collection }) =>
    tenure.hostDb.collection(collection).countDocuments({ userId }),
  );
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

describe.each([
  ['a sign-in', signIn],
  ['the refresh of a token', refresh],
])('%s that is under way while somebody leaves', (_what, way) => {
  /** Writes its credential right after the first read that finds none. */
  async function writtenBetweenReads(readsTwice: boolean): Promise<number> {
    const person = await somebody();
    const write = await way.begin(person);
    await leave(person);
    let reads = 0;
    await revoke(person, (source) =>
      source.kind === way.kind
        ? {
            ...source,
            async count(membership) {
              reads += 1;
              if (reads === 2 && !readsTwice) return 0;
              const found = await source.count(membership);
              if (reads === 1) await write();
              return found;
            },
          }
        : source,
    );
    expect(await now(person)).toMatchObject({ revokedClosings: 1 });
    return alive(person, way);
  }

  it('leaves nothing behind, as it would where one empty read were enough', async () => {
    expect(await writtenBetweenReads(true)).toBe(0);
    expect(await writtenBetweenReads(false)).toBe(1);
  });

  /** Writes its credential once everything is verified gone: only the host application can know of it. */
  async function writtenAfterwards(asksAgain: boolean): Promise<number> {
    const person = await somebody();
    const write = await way.begin(person);
    expect(await mayLogIn(person)).toBe(true);
    await leave(person);
    await revoke(person);
    const _id = await write();
    if (asksAgain && !(await mayLogIn(person))) {
      await tenure.hostDb.collection(way.collection).deleteOne({ _id });
    }
    await comeBack(person);
    await drive(tenure, person.membershipId);
    expect(await mayLogIn(person)).toBe(true);
    return alive(person, way);
  }

  it('gets a no when it asks once more, without which a return would bring its credential back', async () => {
    expect(await writtenAfterwards(true)).toBe(0);
    expect(await writtenAfterwards(false)).toBe(1);
  });
});

describe('somebody who leaves and returns ten times in a row', () => {
  /** When the return arrives: before anybody looked, while sessions are being ended, or once they are gone. */
  const returns = ['atOnce', 'whileRevoking', 'afterwards'] as const;

  async function leaveAndReturn(person: Somebody, when: (typeof returns)[number]): Promise<void> {
    const writes = [await signIn.begin(person), await refresh.begin(person)];
    await (
      await signIn.begin(person)
    )();
    await leave(person);
    for (const write of writes) await write();
    expect(await mayLogIn(person)).toBe(false);
    if (when === 'atOnce') await comeBack(person);
    const { step } = await drive(tenure, person.membershipId, { stopAt: 'revoke' });
    expect(step.do).toBe('revoke');
    let told = when !== 'whileRevoking';
    await revoke(person, (source) => {
      return {
        ...source,
        async count(membership) {
          if (!told) {
            told = true;
            await comeBack(person);
          }
          expect(await mayLogIn(person)).toBe(false);
          return source.count(membership);
        },
      };
    });
    if (when === 'afterwards') await comeBack(person);
  }

  it('is let in each time, and only when no session or token of before is left', async () => {
    const person = await somebody();
    for (let round = 1; round <= 10; round += 1) {
      await leaveAndReturn(person, returns[round % returns.length]!);
      const { step } = await drive(tenure, person.membershipId, { stopAt: 'open' });
      expect(step.do).toBe('open');
      expect(await mayLogIn(person)).toBe(false);
      expect(await alive(person, signIn, refresh)).toBe(0);
      await drive(tenure, person.membershipId);
      expect(await mayLogIn(person)).toBe(true);
      expect(await now(person)).toMatchObject({ generation: round, revokedClosings: round });
    }
    expect((await now(person)).closings).toBe(10);
  });

  it('would be back with the sessions of before where the opening waited for no revocation', async () => {
    const person = await somebody();
    await (
      await signIn.begin(person)
    )();
    await leave(person);
    await comeBack(person);
    // The lifecycle by hand says of every kind that it is gone, and ends none.
    await drive(tenure, person.membershipId);
    expect(await mayLogIn(person)).toBe(true);
    expect(await alive(person, signIn)).toBe(1);
  });
});
