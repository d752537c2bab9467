import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/activity';

import {
  pollEvents,
  type Counts,
  type PollResult,
  type PollReports,
} from '../../activities/poll-events.ts';
import { takeIn } from '../../intake/take-in.ts';
import type { EventCursorDocument } from '../../platform/mongo/event-cursor-document.ts';
import type { Store } from '../../platform/mongo/store.ts';
import type { Signalled } from '../../platform/temporal/lifecycle-signals.ts';
import {
  createEventsApi,
  type EventsAnswer,
  type EventsApi,
  type Position,
} from '../../platform/workos/events-api.ts';
import type { EventEnvelope } from '../../platform/workos/wire.ts';
import { emptyStore } from '../support/empty-store.ts';
import { userEvent, workosId } from '../support/events.ts';
import { startForTest } from '../support/simulator-in-test.ts';
import type { TestSimulator, TestSimulatorOptions } from '../support/simulator.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';
import { eventually } from '../support/time-skipping.ts';

const day = 24 * 3600 * 1000;
/** One database for all, emptied after each. */
let shared: TestTenure;

beforeAll(async () => {
  shared = await openTenure();
}, 60_000);

afterEach(async () => emptyStore(shared.store));

afterAll(async () => shared.close());

/** Tenure with a poller on an Events API, without Temporal. */
interface Poller {
  tenure: TestTenure;
  store: Store;
  poll(options?: { signal?: AbortSignal; store?: Store; api?: EventsApi }): Promise<PollResult>;
  cursor(): Promise<EventCursorDocument | null>;
  /** What the poller asked the Events API for. */
  asked: Position[];
  signalled: Signalled[];
  outcomes: string[];
  /** Ids in the inbox, as they came in. */
  stored(): Promise<string[]>;
}

async function pollerOn(api: EventsApi): Promise<Poller> {
  const tenure = shared;
  const { store, file } = tenure;
  const asked: Position[] = [];
  const signalled: Signalled[] = [];
  const outcomes: string[] = [];
  const reports: PollReports = {
    answered: (outcome) => void outcomes.push(outcome),
    tookIn: () => undefined,
    accessClosed: () => void outcomes.push('accessClosed'),
    notApplied: () => void outcomes.push('notApplied'),
  };
  return {
    tenure,
    store,
    asked,
    signalled,
    outcomes,
    cursor: async () => store.collections.eventCursors.findOne({}),
    async stored() {
      const found = await store.collections.inbox.find().sort({ $natural: 1 }).toArray();
      return found.map(({ _id }) => _id);
    },
    async poll(options = {}) {
      const real = options.api ?? api;
      const page = async (position: Position): Promise<EventsAnswer> => {
        asked.push(position);
        return real.page(position);
      };
      const lookAgain = (memberships: Signalled[]): void => void signalled.push(...memberships);
      return pollEvents(
        {
          store: options.store ?? store,
          file,
          newUserId: tenure.intake.newUserId,
          polling: {
            api: { page },
            intervalMs: 1234,
            bodyDays: 30,
            signals: { lookAgain },
            reports,
          },
        },
        options.signal ?? new AbortController().signal,
      );
    },
  };
}

async function simulated(
  options: TestSimulatorOptions = {},
): Promise<Poller & { simulator: TestSimulator; directoryId: string; dsync: () => string[] }> {
  const simulator = await startForTest(options);
  const { directory } = simulator.tenant();
  const { apiKey, url } = simulator;
  const poller = await pollerOn(createEventsApi({ apiKey, apiUrl: url, timeoutMs: 20_000 }));
  const dsync = (): string[] =>
    simulator
      .events()
      .filter(({ event }) => event.startsWith('dsync.'))
      .map(({ id }) => id);
  return { ...poller, simulator, directoryId: directory.id, dsync };
}

function webhook({ tenure, store }: Poller, event: unknown): Promise<unknown> {
  const delivery = { transport: 'webhook', receivedAt: new Date() } as const;
  return takeIn(store, event as EventEnvelope, delivery, tenure.intake);
}

function counted(taken: number, known = 0, quarantined = 0): Counts {
  return { taken, known, quarantined };
}

async function accessOf({ store }: Poller, directoryUserId: string): Promise<string | undefined> {
  const { directoryUsers, memberships } = store.collections;
  const mirror = await directoryUsers.findOne({ 'records.id': directoryUserId });
  return (await memberships.findOne({ _id: mirror?.membershipId ?? '' }))?.access.reason;
}

async function failureOf(poll: Promise<unknown>): Promise<ApplicationFailure> {
  const error = await poll.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof ApplicationFailure) return error;
  throw new Error(`No failure: ${String(error)}`);
}

/** An Events API that answers with these events to whatever it is asked. */
function always(...items: unknown[]): EventsApi {
  return { page: async () => ({ answer: 'page', items, next: null }) };
}

function someone(directoryId = 'directory_1', organizationId = 'org_1') {
  return { id: workosId('directory_user'), directoryId, organizationId };
}

describe('a poll', () => {
  it('takes every event in, in its order, and goes on after the last one', async () => {
    const poller = await simulated();
    const { simulator, directoryId, dsync } = poller;
    for (let nth = 0; nth < 204; nth += 1) simulator.join(directoryId, { firstName: `p${nth}` });
    expect(await poller.poll()).toMatchObject({ polls: true, more: false, ...counted(205) });
    expect(await poller.stored()).toEqual(dsync());
    expect(await poller.cursor()).toMatchObject({ after: dsync().at(-1), counts: counted(205) });
    const afters = poller.asked.map((position) => ('after' in position ? position.after : null));
    expect(afters).toEqual([null, dsync()[99], dsync()[199]]);

    const { user } = simulator.join(directoryId, { firstName: 'new' });
    expect(await poller.poll()).toMatchObject({ ...counted(1), pauseMs: 1234 });
    expect(poller.asked.at(-1)).toEqual({ after: dsync().at(-2) });
    expect(await accessOf(poller, user.id)).toBe('opening');
    expect(await poller.store.collections.inbox.distinct('transport')).toEqual(['poll']);
  });

  it('begins 30 days back, in one span that WorkOS accepts', async () => {
    const poller = await simulated({ now: () => Date.now() - 29 * day });
    poller.simulator.join(poller.directoryId, { firstName: 'early' });
    expect(await poller.poll()).toMatchObject(counted(2));
    const [first] = poller.asked;
    if (first === undefined || 'after' in first) throw new Error('no span');
    const { rangeStart, rangeEnd } = first;
    expect(rangeEnd.getTime() - rangeStart.getTime()).toBeLessThanOrEqual(30 * day);
    expect(rangeEnd.getTime() - rangeStart.getTime()).toBeGreaterThan(29.9 * day);
    expect(Math.abs(rangeEnd.getTime() - Date.now())).toBeLessThan(60_000);
    expect((await poller.cursor())?.rangeStart).toEqual(rangeStart);
  });

  it('begins anew each time until there is an event', async () => {
    const simulator = await startForTest();
    const { apiKey, url } = simulator;
    const poller = await pollerOn(createEventsApi({ apiKey, apiUrl: url, timeoutMs: 20_000 }));
    await poller.poll();
    await poller.poll();
    expect(poller.asked.map((position) => 'rangeStart' in position)).toEqual([true, true]);
    expect(await poller.cursor()).toMatchObject({ after: null, polledAt: expect.any(Date) });
  });

  it('skips by one read what webhooks brought, and repairs the one that was missed', async () => {
    const poller = await simulated();
    const { simulator, directoryId } = poller;
    const { user } = simulator.join(directoryId, { firstName: 'Ada' });
    for (const event of simulator.events().filter((e) => e.event.startsWith('dsync.'))) {
      await webhook(poller, event);
    }
    // Its webhook never comes.
    simulator.leave(user.id);
    expect(await accessOf(poller, user.id)).toBe('opening');
    const inserts = jest.spyOn(poller.store.collections.inbox, 'insertOne');
    expect(await poller.poll()).toMatchObject(counted(1, 2));
    expect(inserts).toHaveBeenCalledTimes(1);
    expect(await accessOf(poller, user.id)).toBe('notBacked');
    expect(poller.signalled).toMatchObject([{ membershipId: expect.stringMatching(/^member/) }]);
    expect(poller.outcomes).toContain('accessClosed');
    // What the poll brought is known to the webhook that comes after all.
    expect(await webhook(poller, simulator.events().at(-1))).toEqual({ duplicate: true });
  });

  it('loses no older event to a newer one that a webhook brought first', async () => {
    let nowMs = Date.now() - 60_000;
    const poller = await simulated({ now: () => nowMs, settings: { visibilityDelayMs: 3000 } });
    const { simulator, directoryId } = poller;
    const { user } = simulator.join(directoryId, { firstName: 'Ada' });
    nowMs += 10_000;
    await poller.poll();
    const before = (await poller.cursor())?.after;

    simulator.leave(user.id);
    const left = simulator.events().at(-1)?.id;
    nowMs += 100;
    simulator.join(directoryId, { firstName: 'Bob' });
    await webhook(poller, simulator.events().at(-1));
    expect(await poller.poll()).toMatchObject(counted(0));
    expect((await poller.cursor())?.after).toBe(before);

    nowMs += 3000;
    expect(await poller.poll()).toMatchObject(counted(1, 1));
    expect(await poller.stored()).toContain(left);
    expect(await accessOf(poller, user.id)).toBe('notBacked');
  });

  it('takes an event in once, however many pollers read at once', async () => {
    const poller = await simulated();
    const { simulator, directoryId, dsync } = poller;
    for (let nth = 0; nth < 110; nth += 1) simulator.join(directoryId, { firstName: `p${nth}` });
    await Promise.all([poller.poll(), poller.poll(), poller.poll()]);
    expect((await poller.stored()).toSorted()).toEqual(dsync().toSorted());
    expect(await poller.store.collections.users.countDocuments()).toBe(110);
    expect((await poller.cursor())?.after).toBe(dsync().at(-1));
  });

  it('never throws back a cursor that another poller moved meanwhile', async () => {
    const events = Array.from({ length: 3 }, () => userEvent('created', someone()));
    const poller = await pollerOn(always());
    const late: EventsApi = {
      async page() {
        await poller.poll({ api: always(...events) });
        return { answer: 'page', items: events.slice(0, 1), next: null };
      },
    };
    expect(await poller.poll({ api: late })).toMatchObject({ more: false });
    expect((await poller.cursor())?.after).toBe(events[2]?.id);
  });

  it('that is stopped in the middle of a page goes on there', async () => {
    const poller = await simulated();
    const { simulator, directoryId, dsync } = poller;
    for (let nth = 0; nth < 20; nth += 1) simulator.join(directoryId, { firstName: `p${nth}` });
    const stop = new AbortController();
    const { inbox } = poller.store.collections;
    const stopping = eventually(async () => (await inbox.countDocuments()) >= 5, 'the middle').then(
      () => stop.abort(new Error('stopped')),
    );
    await expect(poller.poll({ signal: stop.signal })).rejects.toThrow('stopped');
    await stopping;
    const half = await inbox.countDocuments();
    expect(half).toBeGreaterThanOrEqual(5);
    expect(half).toBeLessThan(21);
    expect((await poller.cursor())?.after).toBeNull();

    expect(await poller.poll()).toMatchObject(counted(21 - half, half));
    expect(await poller.stored()).toEqual(dsync());
    expect(await poller.store.collections.users.countDocuments()).toBe(20);
  });
});

describe('a poll that meets what is no event', () => {
  it('puts aside what has no id, and moves on', async () => {
    const [before, after] = [userEvent('created', someone()), userEvent('created', someone())];
    const lost = someone();
    const { id: _id, ...withoutId } = userEvent('created', lost);
    const poller = await pollerOn(always(before, withoutId, null, after));
    expect(await poller.poll()).toMatchObject(counted(2, 0, 2));
    expect((await poller.cursor())?.after).toBe(after.id);
    const { inbox, notices } = poller.store.collections;
    const aside = await inbox.find({ outcome: 'quarantined' }).toArray();
    expect(aside.map(({ event }) => event).toSorted()).toEqual([
      'dsync.user.created',
      'unreadable',
    ]);
    expect(aside.map(({ problems }) => problems?.[0]?.path ?? 'none').toSorted()).toEqual([
      '',
      'id',
    ]);
    // So that it goes with the person, when they are forgotten.
    expect(aside.find(({ event }) => event !== 'unreadable')?.subjects).toEqual([lost.id]);
    expect(await notices.countDocuments({ code: 'eventQuarantined' })).toBe(2);
    // Reading the page again does not put it aside twice.
    expect(await poller.poll()).toMatchObject(counted(0, 4));
    expect(await notices.countDocuments({ code: 'eventQuarantined' })).toBe(2);
  });

  it('goes on by the place that the list names where no event has an id', async () => {
    const last = userEvent('created', someone());
    const poller = await pollerOn({
      page: async (position) =>
        'after' in position && position.after === 'event_place'
          ? { answer: 'page', items: [last], next: null }
          : { answer: 'page', items: [{ event: 'dsync.x' }], next: 'event_place' },
    });
    expect(await poller.poll()).toMatchObject(counted(1, 0, 1));
    expect((await poller.cursor())?.after).toBe(last.id);
  });

  it('does not read a page for ever that leads nowhere', async () => {
    const poller = await pollerOn({
      page: async () => ({ answer: 'page', items: [{ event: 'dsync.x' }], next: null }),
    });
    await poller.poll();
    const stuck = userEvent('created', someone());
    const endless = { page: async () => ({ answer: 'page', items: [stuck], next: 'x' }) as const };
    expect(await poller.poll({ api: endless })).toMatchObject({ more: false });
    expect(poller.asked).toHaveLength(3);
  });

  it('puts aside what has unexpected data, and takes in what comes after it', async () => {
    const poison = { ...userEvent('deleted', someone()), data: { id: 5 } };
    const after = userEvent('created', someone());
    const poller = await pollerOn(always(poison, after));
    expect(await poller.poll()).toMatchObject(counted(1, 0, 1));
    expect((await poller.cursor())?.after).toBe(after.id);
    expect(poller.outcomes).not.toContain('notApplied');
  });

  it('puts aside what a defect does not let in, and tells of it', async () => {
    const [ada, bob] = [someone(), someone()];
    const [poison, after] = [userEvent('created', ada), userEvent('created', bob)];
    const poller = await pollerOn(always(poison, after));
    const { store } = poller;
    // A defect that concerns one person only.
    const mirrors = new Proxy(store.collections.directoryUsers, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (JSON.stringify(args[0] ?? null).includes(ada.id)) throw new TypeError('a defect');
          return value.apply(target, args);
        };
      },
    });
    const broken = { ...store, collections: { ...store.collections, directoryUsers: mirrors } };
    expect(await poller.poll({ store: broken })).toMatchObject(counted(1, 0, 1));
    expect(poller.outcomes).toContain('notApplied');
    const aside = await store.collections.inbox.findOne({ _id: poison.id });
    expect(aside).toMatchObject({
      outcome: 'quarantined',
      problems: [{ path: '', code: 'TypeError' }],
      body: JSON.stringify(poison.data),
    });
    expect(await accessOf(poller, bob.id)).toBe('opening');
  });

  it('does not stumble over one that is too large to be stored', async () => {
    const poison = { ...userEvent('created', someone()), event: 'dsync.group.strange' };
    const large = { ...poison, data: { id: 'x', text: 'a'.repeat(17 * 1024 * 1024) } };
    const after = userEvent('created', someone());
    const poller = await pollerOn(always(large, after));
    expect(await poller.poll()).toMatchObject(counted(1, 0, 1));
    const aside = await poller.store.collections.inbox.findOne({ _id: poison.id });
    expect(aside).toMatchObject({ outcome: 'quarantined', body: 'null' });
  });

  it('takes in what comes newest first, but does not read on into the past', async () => {
    const at = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();
    const ages = [1, 5, 9];
    const events = ages.map((age) => userEvent('created', someone(), at(age)));
    const poller = await pollerOn(always(...events));
    expect(await failureOf(poller.poll())).toMatchObject({ type: 'unordered' });
    expect(await poller.cursor()).toMatchObject({ after: null, polledAt: null });
    expect(await poller.stored()).toHaveLength(3);
    // Neighbours that merely came close together are no reason to stop.
    const jitter = [2.01, 2].map((age) => userEvent('created', someone(), at(age))).toReversed();
    expect(await poller.poll({ api: always(...jitter) })).toMatchObject(counted(2));
  });
});

describe('a cursor that WorkOS does not know any more', () => {
  async function expire({ url }: TestSimulator, before: Date): Promise<void> {
    const body = JSON.stringify({ before: before.toISOString() });
    await fetch(`${url}/simulator/expire-events`, { method: 'POST', body });
  }

  it('is cleared, what is kept is read again, and every directory is to be compared', async () => {
    let nowMs = Date.now() - 5 * day;
    const poller = await simulated({ now: () => nowMs });
    const { simulator, directoryId } = poller;
    const gone = simulator.directory({ organizationId: null, name: 'Gone' });
    simulator.deleteDirectory(gone.id);
    await poller.poll();
    nowMs += day;
    simulator.join(directoryId, { firstName: 'Ada' });
    const after = await poller.cursor();
    await expire(simulator, new Date(nowMs - 1000));

    expect(await poller.poll()).toMatchObject(counted(1));
    expect(poller.outcomes).toContain('cursorLost');
    expect(poller.asked.slice(-2)).toEqual([
      { after: after?.after },
      { rangeStart: expect.any(Date), rangeEnd: expect.any(Date) },
    ]);
    const cursor = await poller.cursor();
    expect(cursor).toMatchObject({
      after: simulator.events().at(-1)?.id,
      lostAt: expect.any(Date),
    });
    const { directories } = poller.store.collections;
    const wanted = await directories
      .find({ reconcileWantedAt: cursor?.lostAt ?? new Date(0) })
      .toArray();
    expect(wanted.map(({ _id }) => _id)).toEqual([directoryId]);
  });

  it('is not cleared over and over: where that does not help, it is told and tried slowly', async () => {
    const event = userEvent('created', someone());
    const poller = await pollerOn({
      page: async (position) =>
        'after' in position
          ? { answer: 'positionRefused' }
          : { answer: 'page', items: [event], next: null },
    });
    await poller.poll();
    await poller.poll();
    const lost = await poller.cursor();
    const { directories } = poller.store.collections;
    await directories.updateMany({}, { $unset: { reconcileWantedAt: '' } });
    const failure = await failureOf(poller.poll());
    expect(failure).toMatchObject({ type: 'requestRefused', nextRetryDelay: 1234 });
    expect(await poller.cursor()).toEqual(lost);
    expect(await directories.countDocuments({ reconcileWantedAt: { $exists: true } })).toBe(0);
  });

  it('is left alone where another poller is further already', async () => {
    const events = Array.from({ length: 2 }, () => userEvent('created', someone()));
    const poller = await pollerOn(always(...events.slice(0, 1)));
    await poller.poll();
    const late: EventsApi = {
      async page(position) {
        if (!('after' in position) || position.after !== events[0]?.id) {
          return { answer: 'page', items: [], next: null };
        }
        await poller.poll({ api: always(...events) });
        return { answer: 'positionRefused' };
      },
    };
    await poller.poll({ api: late });
    expect(await poller.cursor()).toMatchObject({ after: events[1]?.id, lostAt: null });
    expect(poller.outcomes).not.toContain('cursorLost');
  });

  it('is not what is wrong where there is none', async () => {
    const poller = await pollerOn({ page: async () => ({ answer: 'positionRefused' }) });
    const failure = await failureOf(poller.poll());
    expect(failure).toMatchObject({ type: 'requestRefused', nextRetryDelay: 1234 });
    expect(await poller.cursor()).toMatchObject({ lostAt: null });
  });
});

describe('a poll that WorkOS does not answer', () => {
  it.each<[string, object, { type: string; nextRetryDelay: number | undefined }]>([
    [
      'waits as long as it is asked to',
      { status: 429, retryAfter: 7 },
      { type: 'rateLimited', nextRetryDelay: 7000 },
    ],
    ['waits some seconds', { status: 429 }, { type: 'rateLimited', nextRetryDelay: 10_000 }],
    ['tries a refused key slowly', { status: 401 }, { type: 'keyRefused', nextRetryDelay: 1234 }],
    [
      'tries a forbidden call slowly',
      { status: 403 },
      { type: 'keyRefused', nextRetryDelay: 1234 },
    ],
    [
      'leaves the pause after an error to the profile',
      { status: 500 },
      { type: 'uncertain', nextRetryDelay: undefined },
    ],
    [
      'leaves the pause after a cut answer to the profile',
      { malformed: true },
      { type: 'uncertain', nextRetryDelay: undefined },
    ],
  ])('%s: %j', async (_what, fault, expected) => {
    const poller = await simulated();
    poller.simulator.settings.apiFaults.push({ id: 'fault', path: '/events', times: 1, ...fault });
    const failure = await failureOf(poller.poll());
    expect(failure).toMatchObject({ type: expected.type, nonRetryable: false });
    expect(failure.nextRetryDelay).toBe(expected.nextRetryDelay);
    expect(poller.outcomes).toEqual([expected.type]);
    expect(await poller.cursor()).toMatchObject({ after: null, polledAt: null });
    expect(await poller.poll()).toMatchObject(counted(1));
  });
});
