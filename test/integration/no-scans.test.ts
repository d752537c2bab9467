import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Document } from 'mongodb';

import { checkAccess } from '../../gate/decide.ts';
import { linkKey } from '../../domain/link-keys.ts';
import type { RevocationSubject } from '../../domain/revocation-subject.ts';
import { newId } from '../../platform/ids.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { revokeSubject } from '../../transitions/commands/revoke-subject.ts';
import { countAtGuard } from '../../transitions/guards/trip-guard.ts';
import { logIn } from '../../transitions/logins/log-in.ts';
import { hostUserIdOf } from '../../transitions/notifications/host-user-ids.ts';
import { learnHostUserId } from '../../transitions/notifications/learn-host-user-id.ts';
import { importUser } from '../../transitions/organization/import-users.ts';
import { createDispatcher } from '../../workers/dispatcher.ts';
import {
  afterCoolingOff,
  drive,
  membershipById,
  membershipOf,
  sandbox,
} from '../support/by-hand.ts';
import { directoryEvent, groupEvent, userEvent, workosId } from '../support/events.ts';
import { edge, mapGroups, mapped } from '../support/groups.ts';
import { multiplyPeople } from '../support/multiply-people.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

/** So many others are there; whatever reads a hundredth of them for one person reads too much. */
const crowd = 2000;
const mostDocuments = 20;

let tenure: TestTenure;
const organizationId = workosId('org');
const directoryId = workosId('directory');
const groupId = workosId('directory_group');
const sketch = () => ({
  id: workosId('directory_user'),
  organizationId,
  directoryId,
  username: workosId('name'),
});

beforeAll(async () => {
  tenure = await openTenure();
  const patterns = Array.from({ length: 20 }, sketch);
  await sandbox(tenure, organizationId);
  await tenure.take(directoryEvent('activated', { id: directoryId, organizationId }));
  await tenure.take(groupEvent('created', { id: groupId, directoryId, organizationId }));
  await mapGroups(tenure, organizationId, [mapped(groupId, { roles: ['editor'] })]);
  for (const person of patterns) {
    await tenure.take(userEvent('created', person));
    await tenure.take(edge('added', person, groupId));
    await drive(tenure, (await membershipOf(tenure, person.id))._id);
  }
  await multiplyPeople(tenure.store, crowd);
  await tenure.store.db.createCollection('system.profile', { capped: true, size: 32_000_000 });
}, 120_000);

afterAll(async () => tenure.close());

let person: ReturnType<typeof sketch>;

beforeEach(async () => {
  person = sketch();
  await tenure.take(userEvent('created', person));
  await drive(tenure, (await membershipOf(tenure, person.id))._id);
});

/** The operations of `work` that read more documents than one person's. */
async function tooMuchReadBy(work: () => Promise<unknown>): Promise<string[]> {
  const { db } = tenure.store;
  const from = new Date();
  await db.command({ profile: 2, slowms: 0, sampleRate: 1 });
  await work();
  await db.command({ profile: 0 });
  const done = await db
    .collection('system.profile')
    .find({ ts: { $gte: from }, ns: { $not: /system\.profile$/ } })
    .toArray();
  // A profiler that was off would find nothing wrong with anything.
  expect(done.length).toBeGreaterThan(0);
  return done.filter(readsTooMuch).map(inWords);
}

function readsTooMuch({ docsExamined = 0, nreturned = 0, nModified = 0 }: Document): boolean {
  return docsExamined > mostDocuments + Math.max(Number(nreturned), Number(nModified));
}

function inWords({ op, ns, planSummary, docsExamined }: Document): string {
  return `${String(op)} ${String(ns).replace(/^[^.]*\./, '')}: ${String(planSummary)}, ${String(docsExamined)} documents`;
}

describe('with thousands of people, nothing that is done for one of them reads the others', () => {
  it.each([
    ['somebody new is announced', async () => tenure.take(userEvent('created', sketch()))],
    [
      'their profile changes',
      async () => tenure.take(userEvent('updated', { ...person, lastName: 'Byron' })),
    ],
    [
      'their address changes',
      async () =>
        tenure.take(userEvent('updated', { ...person, email: `${person.id}@other.test` })),
    ],
    ['they are deleted', async () => tenure.take(userEvent('deleted', person))],
    ['they come into a group', async () => tenure.take(edge('added', person, groupId))],
    [
      'a re-created record of theirs comes',
      async () => tenure.take(userEvent('created', { ...person, id: workosId('directory_user') })),
    ],
    [
      'their lifecycle looks and steps',
      async () => {
        const newcomer = sketch();
        await tenure.take(userEvent('created', newcomer));
        await drive(tenure, (await membershipOf(tenure, newcomer.id))._id);
      },
    ],
    [
      'they leave to the end of the countdown',
      async () => {
        await tenure.take(userEvent('deleted', person));
        await drive(tenure, (await membershipOf(tenure, person.id))._id);
      },
    ],
    [
      'their leaving is counted at the guard',
      async () => {
        const { _id: membershipId } = await membershipOf(tenure, person.id);
        await tenure.take(userEvent('deleted', person));
        await countAtGuard(tenure.store, tenure.file, { membershipId, generation: 1 });
      },
    ],
    [
      'they log in by their identity provider',
      async () =>
        logIn(
          tenure.store,
          {
            organizationId,
            sso: {
              idpId: workosId('idp'),
              connectionId: null,
              email: `${person.id}@example.com`,
              firstName: null,
              lastName: null,
              name: null,
            },
          },
          { file: tenure.file, newUserId: () => newId('user'), mode: 'login' },
        ),
    ],
    [
      'the host application says by what id it knows them',
      async () => {
        const { userId } = await membershipOf(tenure, person.id);
        await inTransaction(tenure.store, async (tx) =>
          learnHostUserId(tx, { users: null }, { userId, organizationId }, workosId('row')),
        );
        expect(await hostUserIdOf(tenure.store, userId)).not.toBe(userId);
      },
    ],
    [
      'they are forgotten, and the id that the host application has of them',
      async () => {
        const { _id, userId } = await membershipOf(tenure, person.id);
        await inTransaction(tenure.store, async (tx) =>
          learnHostUserId(tx, { users: null }, { userId, organizationId }, workosId('row')),
        );
        await tenure.take(userEvent('deleted', person));
        await drive(tenure, _id, { nowMs: afterCoolingOff() });
        expect((await membershipById(tenure, _id)).outcome).toBe('anonymized');
      },
    ],
    ...(
      [
        ['opaque', async () => (await membershipOf(tenure, person.id)).userId],
        ['iss_sub', async () => `idp-${person.id}`],
        ['email', async () => `${person.id}@example.com`],
      ] as const
    ).map(([format, idOf]): [string, () => Promise<unknown>] => [
      `everything that they hold is revoked, in whatever organization, by ${format}`,
      async () => {
        const id = await idOf();
        const subject: RevocationSubject =
          format === 'opaque'
            ? { format, id }
            : format === 'iss_sub'
              ? { format, sub: id }
              : { format, emailKey: linkKey(id) ?? '' };
        const request = { subject, organizationId: null, actor: 'test', receivedAt: new Date() };
        await revokeSubject(tenure.store, request);
      },
    ]),
    [
      'somebody is imported',
      async () => {
        const id = workosId('host_user');
        const user = { id, organizationId, email: `${id}@example.com`, username: id, name: id };
        await importUser(tenure.store, { ...user, roles: [], status: 'active' }, 'import');
      },
    ],
    [
      'those who wait are signalled',
      async () => {
        await tenure.take(userEvent('updated', { ...person, lastName: 'Hopper' }));
        await createDispatcher({
          store: tenure.store,
          signals: { signal: async () => undefined } as never,
          joinAdmission: 100,
          onSignalled: () => undefined,
        }).tick();
      },
    ],
  ])('when %s', async (_name, work) => {
    await expect(tooMuchReadBy(work)).resolves.toEqual([]);
  });

  it.each([
    ['userId', async () => ({ userId: (await membershipOf(tenure, person.id)).userId })],
    ['directoryUserId', async () => ({ directoryUserId: person.id })],
    ['email', async () => ({ emailKey: linkKey(`${person.id}@example.com`) ?? '' })],
    ['sso', async () => ({ sso: { idpId: `idp-${person.id}` } })],
  ])('when the gate is asked by %s', async (_name, identity) => {
    const asked = await identity();
    let allowed = false;
    const read = await tooMuchReadBy(async () => {
      ({ allowed } = await checkAccess(tenure.store.db, { organizationId, ...asked }));
    });
    expect({ allowed, read }).toEqual({ allowed: true, read: [] });
  });
});
