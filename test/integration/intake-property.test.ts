import { isDeepStrictEqual } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  connect,
  deliver,
  open,
  seenOf,
  spreadAll,
  truthOf,
  type Delivery,
  type Seen,
} from '../support/deliver-history.ts';
import {
  historyPlan,
  playHistory,
  type History,
  type HistoryPlan,
} from '../support/directory-history.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';
import type { EventEnvelope } from '../../platform/workos/wire.ts';

/** The nightly form: `TENURE_TEST_INTAKE_SCHEDULES=10000`. */
const schedules = Number(process.env['TENURE_TEST_INTAKE_SCHEDULES'] ?? 500);
const seed = Number(process.env['TENURE_TEST_SEED'] ?? Date.now() % 0x7fffffff);

/** Schedules on organizations of their own that run at once: the journal is written for all of them. */
const atOnce = 50;
/** Every so many schedules is the history in its order, all of it by webhook: what the others are compared with. */
const inOrderEvery = 10;

/** How a history is told. */
interface Telling {
  plan: HistoryPlan;
  /** Of each event: how it comes. What is lost is only told by the listing at the end, what is late after it. */
  transports: ('webhook' | 'twice' | 'late' | 'poll' | 'lost')[];
  /** Sort keys of what comes in any order. */
  order: number[];
  /** How much older than it is each listing says it is, milliseconds. */
  margins: number[];
  pages: number;
  listsAtTheEnd: boolean;
  spreads: boolean;
}

const most = 40;

const telling: fc.Arbitrary<Telling> = fc.record({
  plan: historyPlan,
  transports: fc.array(
    fc.constantFrom<Telling['transports']>('webhook', 'twice', 'late', 'poll', 'lost'),
    {
      minLength: most,
      maxLength: most,
    },
  ),
  order: fc.array(fc.nat(), { minLength: most, maxLength: most }),
  margins: fc.array(fc.nat(1500), { minLength: most, maxLength: most }),
  pages: fc.integer({ min: 1, max: 3 }),
  listsAtTheEnd: fc.boolean(),
  spreads: fc.boolean(),
});

/** An item of an endless list made of a finite one. */
function nth<T>(list: readonly T[], index: number): T {
  const item = list[index % list.length];
  if (item === undefined) throw new TypeError('An empty list has no items.');
  return item;
}

function inOrder({ events, mappings }: History): Delivery[] {
  const told = events.map(({ event }): Delivery => ({ by: 'webhook', event }));
  return [...mappings.map((one): Delivery => ({ by: 'admin', mappings: one })), ...told];
}

/** Any order, any repetition, any split between webhook, poll and listing. */
function shuffled(history: History, how: Telling): Delivery[] {
  const stampOf = (atMs: number, index: number): number => atMs - nth(how.margins, index);
  const lastStamp = stampOf(history.end.atMs, 0);
  const anywhere: Delivery[] = [];
  const late: Delivery[] = [];
  const polled: Extract<Delivery, { by: 'poll' }>['events'] = [];
  let lost = false;
  history.events.forEach(({ atMs, event }, index) => {
    const transport = nth(how.transports, index);
    // Where no event says when a record was created, its creation is what says it.
    const mayBeLost = how.plan.births || event.event !== 'dsync.user.created';
    if (transport === 'lost' && mayBeLost && how.listsAtTheEnd && atMs < lastStamp) lost = true;
    else if (transport === 'late' && isOfSomebody(event, history)) {
      late.push({ by: 'webhook', event });
    } else if (transport === 'poll') polled.push(event);
    else anywhere.push({ by: 'webhook', event });
    if (transport === 'twice') anywhere.push({ by: 'webhook', event });
  });
  history.snapshots.forEach((snapshot, index) => {
    const asOfMs = stampOf(snapshot.atMs, index + 1);
    anywhere.push({ by: 'listing', snapshot, asOfMs });
  });
  if (how.spreads) anywhere.push({ by: 'spread' });
  // A poller reads in order, page by page, and an admin acts in order: both between all the rest.
  const size = Math.max(1, Math.ceil(polled.length / how.pages));
  const pages: Delivery[] = [];
  for (let at = 0; at < polled.length; at += size) {
    pages.push({ by: 'poll', events: polled.slice(at, at + size) });
  }
  const acts = history.mappings.map((mappings): Delivery => ({ by: 'admin', mappings }));
  const told = interleaved([sortedBy(how.order, anywhere), pages, acts], how.order);
  const end: Delivery = { by: 'listing', snapshot: history.end, asOfMs: lastStamp };
  // What was listed whole is not undone by what comes late; of people it takes another listing.
  return [...told, ...(lost ? [end] : []), ...late];
}

/** An edge of somebody who is there at the end. */
function isOfSomebody({ event, data }: EventEnvelope, { end }: History): boolean {
  if (!event.startsWith('dsync.group.user_')) return false;
  const { user } = data as { user: { id: string } };
  return end.users.some(({ id }) => id === user.id);
}

function sortedBy<T>(keys: readonly number[], items: readonly T[]): T[] {
  return items
    .map((item, index) => ({ item, index, key: nth(keys, index) }))
    .toSorted((a, b) => a.key - b.key || a.index - b.index)
    .map(({ item }) => item);
}

/** Each list keeps its own order. */
function interleaved<T>(lists: readonly T[][], keys: readonly number[]): T[] {
  const rest = lists.map((list) => [...list]).filter((list) => list.length > 0);
  const merged: T[] = [];
  for (let index = 0; rest.length > 0; index += 1) {
    const list = nth(rest, nth(keys, index));
    merged.push(...list.splice(0, 1));
    if (list.length === 0) rest.splice(rest.indexOf(list), 1);
  }
  return merged;
}

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

/** Tells some histories at once. Returns the first end that is not seen as it is. */
async function tellAll(
  tellings: readonly Telling[],
  firstNth: number,
): Promise<{ seen: Seen; truth: Seen } | null> {
  const all = tellings.map((how, index) => {
    const history = playHistory(how.plan);
    const ordered = (firstNth + index) % inOrderEvery === 0;
    return { how, history, deliveries: ordered ? inOrder(history) : shuffled(history, how) };
  });
  const ids = all.map(({ history }) => history.organizationId);
  await Promise.all(
    all.map(async ({ how, history: { organizationId }, deliveries }) => {
      await connect(tenure, organizationId, how.plan);
      await deliver(tenure, organizationId, deliveries);
    }),
  );
  await spreadAll(tenure, ids);
  await Promise.all(ids.map(async (id) => open(tenure, id)));
  for (const [index, { how, history, deliveries }] of all.entries()) {
    const seen = await seenOf(tenure, history);
    const truth = truthOf(history, how.plan);
    if (isDeepStrictEqual(seen, truth)) continue;
    process.stdout.write(`Schedule ${firstNth + index} of seed ${seed}, as it was told:\n`);
    for (const delivery of deliveries) process.stdout.write(`${JSON.stringify(delivery)}\n`);
    return { seen, truth };
  }
  return null;
}

describe('the intake', () => {
  it(`comes to the end of the history whatever the order, repetition and transport of what is told, seed ${seed}`, async () => {
    process.stdout.write(`intake: ${schedules} schedules, seed ${seed}\n`);
    const tellings = fc.sample(telling, { seed, numRuns: schedules });
    for (let done = 0; done < schedules; done += atOnce) {
      const wrong = await tellAll(tellings.slice(done, done + atOnce), done);
      expect(wrong?.seen).toEqual(wrong?.truth);
    }
  }, 3_600_000);
});
