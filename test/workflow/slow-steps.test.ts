import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import type { CredentialSource } from '../../connectors/credential-source.ts';
import type { Membership } from '../../domain/membership.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import type { DirectoryListing } from '../../platform/workos/directory-listing.ts';
import { disableMembership } from '../../transitions/commands/disable-membership.ts';
import { wantFreshRead } from '../../transitions/membership/want-fresh-read.ts';
import { userEvent, workosId } from '../support/events.ts';
import { edge, mapGroups, mapped } from '../support/groups.ts';
import { startTenure, type RunningTenure } from '../support/tenure.ts';

/** Who does not answer until a test lets them go, and what they were asked. */
const silent = { who: null as string | null, asked: 0, letGo: [] as (() => void)[] };

async function waitIfSilent(who: string): Promise<void> {
  if (silent.who !== who) return;
  silent.asked += 1;
  await new Promise<void>((resolve) => silent.letGo.push(resolve));
}

function speak(): void {
  silent.who = null;
  for (const go of silent.letGo.splice(0)) go();
}

/** A WorkOS of which nobody knows anything, once it answers. */
const listing = {
  marginMs: 10,
  async directory() {
    await waitIfSilent('readAfresh');
    return null;
  },
} as unknown as DirectoryListing;

/** What ends sessions: how often it fails first, how often it was asked, and by how many at the same time. */
const ending = { failures: 0, asked: 0, atOnce: 0, mostAtOnce: 0 };

function watched(source: CredentialSource): CredentialSource {
  if (source.kind !== 'session') return source;
  return {
    ...source,
    count: async (whose) => source.count(whose),
    async revoke(...given) {
      ending.asked += 1;
      ending.atOnce += 1;
      ending.mostAtOnce = Math.max(ending.mostAtOnce, ending.atOnce);
      try {
        await new Promise((resolve) => setTimeout(resolve, 100));
        if (ending.failures === 0) return await source.revoke(...given);
        ending.failures -= 1;
        throw new Error('the database is away');
      } finally {
        ending.atOnce -= 1;
      }
    },
  };
}

let tenure: RunningTenure;

beforeAll(async () => {
  tenure = await startTenure({ listing });
  const { host, lookup } = tenure;
  const inner = { ...host };
  Object.assign(host, {
    credentialSources: host.credentialSources.map(watched),
    async answerRoleLoss(...given: Parameters<typeof host.answerRoleLoss>) {
      await waitIfSilent('answerRoleLoss');
      return inner.answerRoleLoss(...given);
    },
    async ownedResources(...given: Parameters<typeof host.ownedResources>) {
      await waitIfSilent('transferOwnership');
      return inner.ownedResources(...given);
    },
    async projectUser(...given: Parameters<typeof host.projectUser>) {
      await waitIfSilent('projectUser');
      return inner.projectUser(...given);
    },
  });
  const asked = { ...lookup };
  lookup.directory = async (id) => {
    await waitIfSilent('checkConditions');
    return asked.directory(id);
  };
}, 120_000);

afterEach(() => {
  speak();
  Object.assign(ending, { failures: 0, asked: 0, atOnce: 0, mostAtOnce: 0 });
});

afterAll(async () => tenure.close(), 60_000);

interface Ada {
  id: string;
  organizationId: string;
  directoryId: string;
}

/** Somebody who is in, and has a role that a group gives. */
async function member(seconds = 3600): Promise<{ ada: Ada; admins: string; _id: string }> {
  const organizationId = workosId('org');
  const ada = { id: workosId('directory_user'), organizationId, directoryId: workosId('dir') };
  const admins = workosId('directory_group');
  await tenure.sandbox(organizationId, seconds);
  await mapGroups(tenure, organizationId, [mapped(admins, { roles: ['admin'] })]);
  await tenure.deliver(userEvent('created', ada));
  await tenure.deliver(edge('added', ada, admins));
  const { _id } = await tenure.until(
    ada.id,
    (m) => m.access.state === 'open' && m.resting && m.roles.length === 1,
  );
  return { ada, admins, _id };
}

/** Begins the step at which somebody is silent, and waits until they are asked. */
async function hangIn(step: string, begin: () => Promise<unknown>): Promise<void> {
  Object.assign(silent, { who: step, asked: 0 });
  await begin();
  const deadline = Date.now() + 20_000;
  while (silent.asked === 0) {
    if (Date.now() > deadline) throw new Error(`${step} was not begun.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Signs in, is disabled, and waits until the sessions are verified gone. Returns after how many milliseconds. */
async function disable({ userId, organizationId, _id }: Membership): Promise<number> {
  const sessions = tenure.hostDb.collection('sessions');
  await sessions.insertOne({ userId, organizationId, token: workosId('session') });
  const closedAtMs = Date.now();
  const { closings } = await disableMembership(tenure.store, {
    membershipId: _id,
    actor: 'admin:ada',
    reason: null,
  });
  await tenure.untilMembership(_id, (m) => m.revokedClosings === closings, 30_000);
  expect(await sessions.countDocuments({ userId })).toBe(0);
  return Date.now() - closedAtMs;
}

type Begin = (of: Awaited<ReturnType<typeof member>>) => Promise<unknown>;

const contradict: Begin = async ({ _id }) =>
  inTransaction(tenure.store, async (tx) => wantFreshRead(tx, _id));

const leave: Begin = async ({ ada }) => tenure.deliver(userEvent('deleted', ada));

describe('a closing while a step waits for somebody who does not answer', () => {
  it.each<[string, Begin, number]>([
    ['readAfresh', contradict, 3600],
    [
      'answerRoleLoss',
      async ({ ada, admins }) => tenure.deliver(edge('removed', ada, admins)),
      3600,
    ],
    [
      'projectUser',
      async ({ ada }) => tenure.deliver(userEvent('updated', { ...ada, email: null })),
      3600,
    ],
    ['transferOwnership', leave, 3600],
    ['checkConditions', leave, 1],
  ])('is revoked at once: %s', async (step, begin, seconds) => {
    const somebody = await member(seconds);
    await hangIn(step, async () => begin(somebody));
    const before = await tenure.untilMembership(somebody._id, () => true);
    expect(await disable(before)).toBeLessThan(5000);
    expect(silent.who).toBe(step);
    speak();
    await tenure.untilMembership(
      somebody._id,
      (m) => m.resting || m.phase === 'coolingOff',
      30_000,
    );
  });

  it('begins no second step and no second revocation beside them, and goes on after both', async () => {
    const somebody = await member();
    await hangIn('readAfresh', async () => contradict(somebody));
    ending.failures = 2;
    const before = await tenure.untilMembership(somebody._id, () => true);
    const disabled = disable(before);
    for (let signals = 0; signals < 20; signals += 1) {
      tenure.signals.lookAgain([
        { membershipId: before._id, organizationId: before.organizationId },
      ]);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await disabled;
    expect(ending).toMatchObject({ failures: 0, mostAtOnce: 1 });
    expect(silent.asked).toBe(1);
    expect((await tenure.untilMembership(before._id, () => true)).readAfresh.done).toBe(0);
    speak();
    const after = await tenure.untilMembership(before._id, (m) => m.resting, 30_000);
    expect(after.readAfresh).toMatchObject({ done: after.readAfresh.wanted });
    expect(after.access).toMatchObject({ state: 'closed', reason: 'disabled' });
  });
});
