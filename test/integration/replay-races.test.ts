import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { createDeliver } from '../../activities/deliver-notifications.ts';
import type { ActivityDeps } from '../../activities/deps.ts';
import type { NotificationDocument } from '../../platform/mongo/notification-document.ts';
import { tellEndpoints } from '../../platform/mongo/telling.ts';
import type { Store } from '../../platform/mongo/store.ts';
import type { Notifier } from '../../platform/outgoing/notifier.ts';
import { disableMembership } from '../../transitions/commands/disable-membership.ts';
import { replayNotification } from '../../transitions/notifications/replay-notification.ts';
import { importUser } from '../../transitions/organization/import-users.ts';
import { workosId } from '../support/events.ts';
import { describeRaces, unlessRefused, type Races } from '../support/races.ts';
import { notifierOf, startReceiver, type Receiver } from '../support/receiver.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;
let app: Receiver;
let notifier: Notifier;

beforeAll(async () => {
  app = await startReceiver('app', { events: ['access.closed'] });
  const telling = tellEndpoints([app.endpoint], { wake: () => undefined });
  tenure = await openTenure((store) => ({ ...store, telling }));
  notifier = notifierOf([app.endpoint]);
}, 60_000);

afterEach(() => {
  app.answer.with = undefined;
});

afterAll(async () => {
  await app.close();
  await tenure.close();
});

/** One notification that the endpoint was not told yet, and whose time is over should a try fail. */
async function lastChance(): Promise<NotificationDocument> {
  const organizationId = workosId('org');
  const id = workosId('host_user');
  const email = `${id}@example.com`;
  const user = { id, organizationId, email, username: null, name: null, roles: [] };
  const { membershipId } = await importUser(tenure.store, { ...user, status: 'active' }, 'import');
  await disableMembership(tenure.store, { membershipId, actor: 'admin:ada', reason: null });
  await tenure.store.collections.notifications.updateMany(
    { userId: id },
    { $set: { giveUpAt: new Date(Date.now() - 1) } },
  );
  const written = await tenure.store.collections.notifications.find({ userId: id }).toArray();
  const [only] = written;
  if (only === undefined || written.length > 1) throw new Error(`${written.length} were written.`);
  return only;
}

async function read({ _id }: NotificationDocument): Promise<NotificationDocument | null> {
  return tenure.store.collections.notifications.findOne({ _id });
}

/** What a worker does, and what it counts. */
async function deliver({ userId }: NotificationDocument): Promise<string[]> {
  const counted: string[] = [];
  const deps = {
    store: tenure.store,
    file: tenure.file,
    notifier,
    onTold: (outcome: string) => void counted.push(outcome),
  } as unknown as ActivityDeps;
  await createDeliver(deps)({ userId, endpoint: 'app', nowMs: Date.now() });
  return counted;
}

async function replay(
  { _id }: NotificationDocument,
  store: Store = tenure.store,
): Promise<unknown> {
  return replayNotification(store, { id: _id, by: 'admin:ada', reason: null });
}

const toldOf = ({ _id, userId }: NotificationDocument) =>
  app.about(userId).filter(({ id }) => id === _id).length;

/**
 * A worker sends it and is frozen before the answer arrives. Another one sends it too, and `settles` it. An admin
 * replays it, and then the first one hears what its own request came to.
 */
async function frozenWhileReplayed(
  settles: number,
  hears: number,
): Promise<{
  notification: NotificationDocument;
  counted: string[];
}> {
  const notification = await lastChance();
  const held: ServerResponse[] = [];
  app.answer.with = (_got, response) => void held.push(response);
  const frozen = deliver(notification);
  while (held.length === 0) await pause(5);
  app.answer.with = (_got, response) => void response.writeHead(settles).end();
  await deliver(notification);
  expect((await read(notification))?.state).toBe(settles < 300 ? 'delivered' : 'dead');
  await replay(notification);
  app.answer.with = undefined;
  held[0]?.writeHead(hears).end();
  return { notification, counted: await frozen };
}

describe('a replay, and a try that is under way since before it', () => {
  it.each([
    ['that fails is not the end of the replay', 500, 503],
    ['that is told 410 is not the end of the replay', 500, 410],
    ['that succeeds is not what the admin asked for', 500, 204],
    ['that succeeds where the host application lost it is not, either', 204, 204],
  ])('%s', async (_what, settles, hears) => {
    const { notification, counted } = await frozenWhileReplayed(settles, hears);
    const now = await read(notification);
    expect(now).toMatchObject({ state: 'delivered', attempts: 1, replayed: { by: 'admin:ada' } });
    // By both workers before, and once more because of the replay.
    expect(toldOf(notification)).toBe(3);
    expect(counted).not.toContain('dead');
    expect(counted.at(-1)).toBe('delivered');
  });

  it('leaves a replay its three days', async () => {
    const notification = await lastChance();
    app.answer.with = (_got, response) => void response.writeHead(500).end();
    expect(await deliver(notification)).toEqual(['dead']);
    await replay(notification);
    expect(await deliver(notification)).toEqual(['failed']);
    const now = await read(notification);
    expect(now).toMatchObject({ state: 'pending', attempts: 1, nextAt: expect.any(Date) });
    expect(now?.giveUpAt.getTime()).toBeGreaterThan(Date.now() + 2 * 86_400_000);
  });
});

describeRaces(
  'replays',
  {
    'of one notification by two admins': async () => {
      const notification = await lastChance();
      app.answer.with = (_got, response) => void response.writeHead(410).end();
      await deliver(notification);
      let done = 0;
      const once = async (store: Store): Promise<void> => {
        if ((await unlessRefused(replay(notification, store))) === 'done') done += 1;
      };
      return {
        atOnce: [once, once],
        meets: false,
        wrong: async () => (done === 1 ? null : `${done} of two were done`),
      };
    },
  } satisfies Races,
  { store: () => tenure.store, locks: ['notifications'] },
);
