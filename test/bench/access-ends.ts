import { setTimeout as pause } from 'node:timers/promises';

import { userEvent } from '../support/events.ts';
import { openEndpoint, personMaker, type BenchPerson, type Endpoint } from './deliveries.ts';
import { startTenure, type BenchStack, type BenchTenure } from './stack.ts';
import { percentile, type Figure } from './stats.ts';
import { until, untilMembership, untilSettled } from './waiting.ts';

/** Leavings a second of the promise, and those beyond it by which the knee of the curve is found. */
const promised = 5;
const beyond = [10, 15, 20, 25];
/** Of the promise, idle and busy; each rate beyond it takes a third. */
const stageSeconds = 30;
const inFlight = 16;

/** One leaving: milliseconds from the moment at which its webhook was sent. */
interface Leaving {
  answered: number;
  verified: number;
  /** The access check that began after the answer. */
  allowed: boolean;
}

/**
 * How fast access ends: people leave at a fixed rate, whatever is answered when, each with three sessions, two
 * refresh tokens and an API key in the host application. After the answer of each webhook the gate is asked:
 * nobody may be allowed. Then the same with a first sync in the way.
 *
 * @param joins how many joins are pending when the measurement of the busy system begins
 */
export async function measureAccessEnds(
  stack: BenchStack,
  joins: number,
  report: (line: string) => void,
): Promise<Figure[]> {
  const tenure = await startTenure(stack, { name: 'access-ends', worker: true });
  const endpoint = openEndpoint(tenure.webhookUrl);
  const newPerson = personMaker(1);
  const leave = async (perSecond: number, seconds: number): Promise<Leaving[]> => {
    const people = Array.from({ length: perSecond * seconds }, newPerson);
    await settle(endpoint, people);
    await untilSettled(tenure, 600_000);
    return leaveAtRate(stack, tenure, endpoint, { people, perSecond });
  };
  // The first ones also pay for what is compiled and connected once.
  await leave(promised, 5);
  const idle = await leave(promised, stageSeconds);
  report(`access: ${promised}/s ${describe(idle)}`);
  const figures = [...promiseFigures(idle), ...gateFigures(idle)];
  for (const perSecond of beyond) {
    const measured = await leave(perSecond, stageSeconds / 3);
    report(`access: ${perSecond}/s ${describe(measured)}`);
    figures.push(
      ...spread(`receipt to sessions verified empty, ${perSecond} leavings/s`, measured),
    );
  }
  figures.push(...(await busyFigures({ stack, tenure, endpoint, newPerson, idle }, joins, report)));
  endpoint.close();
  await tenure.stop();
  return figures;
}

interface Busy {
  stack: BenchStack;
  tenure: BenchTenure;
  endpoint: Endpoint;
  newPerson: () => BenchPerson;
  idle: Leaving[];
}

/** Those who leave are settled before the others come, as they would be. */
async function busyFigures(
  { stack, tenure, endpoint, newPerson, idle }: Busy,
  joins: number,
  report: (line: string) => void,
): Promise<Figure[]> {
  const people = Array.from({ length: promised * stageSeconds }, newPerson);
  await settle(endpoint, people);
  await untilSettled(tenure, 600_000);
  await settle(endpoint, Array.from({ length: joins }, newPerson));
  const from = await pendingJoins(tenure);
  const busy = await leaveAtRate(stack, tenure, endpoint, { people, perSecond: promised });
  const to = await pendingJoins(tenure);
  report(`access: ${promised}/s with ${from} to ${to} joins pending ${describe(busy)}`);
  return (
    [
      ['p50', 0.5],
      ['p99', 0.99],
    ] as const
  ).map(([of, p]) => {
    const [value, floor] = [timeOf(busy, p), timeOf(idle, p)];
    const ratio = value / floor;
    return {
      name: `receipt to sessions verified empty, ${from} to ${to} joins pending, ${of}`,
      unit: 'ms',
      value,
      floor,
      ratio: { median: ratio, lowest: ratio, highest: ratio },
      ...(of === 'p50' ? { goal: { atMost: 3 }, goalOf: 'ratio' as const } : {}),
    };
  });
}

function promiseFigures(idle: Leaving[]): Figure[] {
  const name = `receipt to sessions verified empty, ${promised} leavings/s`;
  const goals = { p50: 1000, p99: 5000 };
  return spread(name, idle).map((figure) => {
    const atMost = figure.name.endsWith('p50') ? goals.p50 : goals.p99;
    return { ...figure, goal: { atMost }, goalOf: 'value' };
  });
}

/** The gate says no from the answer of the webhook on: the time is the webhook's own. */
function gateFigures(leavings: Leaving[]): Figure[] {
  const answered = leavings.map((each) => each.answered);
  const name = 'receipt to the gate saying no (the answer of the webhook)';
  return [
    { name: `${name}, p50`, unit: 'ms', value: percentile(answered, 0.5) },
    { name: `${name}, p99`, unit: 'ms', value: percentile(answered, 0.99) },
    {
      name: 'access checks begun after the answer and allowed',
      unit: '',
      value: leavings.filter(({ allowed }) => allowed).length,
      goal: { atMost: 0 },
      goalOf: 'value',
    },
  ];
}

function spread(name: string, leavings: Leaving[]): Figure[] {
  return [
    { name: `${name}, p50`, unit: 'ms', value: timeOf(leavings, 0.5) },
    { name: `${name}, p99`, unit: 'ms', value: timeOf(leavings, 0.99) },
  ];
}

function timeOf(leavings: Leaving[], p: number): number {
  return percentile(
    leavings.map(({ verified }) => verified),
    p,
  );
}

function describe(leavings: Leaving[]): string {
  return `p50 ${timeOf(leavings, 0.5).toFixed(0)} ms, p99 ${timeOf(leavings, 0.99).toFixed(0)} ms`;
}

async function settle(endpoint: Endpoint, people: readonly BenchPerson[]): Promise<void> {
  const waiting = people[Symbol.iterator]();
  const sender = async (): Promise<void> => {
    for (const person of waiting) await endpoint.send(userEvent('created', person));
  };
  await Promise.all(Array.from({ length: inFlight }, sender));
}

async function pendingJoins({ store }: BenchTenure): Promise<number> {
  return store.collections.memberships.countDocuments({ 'access.state': 'closed', backed: true });
}

async function leaveAtRate(
  stack: BenchStack,
  tenure: BenchTenure,
  endpoint: Endpoint,
  { people, perSecond }: { people: readonly BenchPerson[]; perSecond: number },
): Promise<Leaving[]> {
  const ids = await signInAll(stack, tenure, people);
  const start = performance.now();
  const sent = await Promise.all(
    people.map(async (person, index) => {
      await pause(Math.max(0, start + (index * 1000) / perSecond - performance.now()));
      const sentAt = Date.now();
      await endpoint.send(userEvent('deleted', person));
      const answered = Date.now() - sentAt;
      const { _id, userId, organizationId } = known(ids.get(person.id));
      const allowed = await isAllowed(tenure, { userId, organizationId });
      return { _id, sentAt, answered, allowed };
    }),
  );
  const verifiedAt = await timesVerified(tenure, sent);
  return sent.map(({ _id, sentAt, answered, allowed }) => {
    const verified = (verifiedAt.get(_id) ?? Number.NaN) - sentAt;
    return { answered, allowed, verified };
  });
}

/** By the timeline. One query for all of them, so that the waiting costs what is measured nothing. */
async function timesVerified(
  { store }: BenchTenure,
  leavers: readonly { _id: string }[],
): Promise<Map<string, number>> {
  const { timeline } = store.collections;
  const filter = {
    membershipId: { $in: leavers.map(({ _id }) => _id) },
    type: 'sessionsVerifiedEmpty',
  };
  await until('the sessions to be gone', 600_000, 1000, async () =>
    (await timeline.countDocuments(filter)) === leavers.length ? true : null,
  );
  const lines = await timeline.find(filter).toArray();
  return new Map(lines.map(({ membershipId, at }) => [membershipId, at.getTime()]));
}

interface Ids {
  _id: string;
  userId: string;
  organizationId: string;
}

function known(ids: Ids | undefined): Ids {
  if (ids === undefined) throw new Error('A person without a membership leaves.');
  return ids;
}

/** A leaver's credentials in the host application: three sessions, two refresh tokens, an API key. */
async function signInAll(
  { mongo }: BenchStack,
  tenure: BenchTenure,
  people: readonly BenchPerson[],
): Promise<Map<string, Ids>> {
  const db = mongo.db(tenure.hostDatabase);
  const ids = new Map<string, Ids>();
  for (const { id } of people) {
    const { _id, userId, organizationId } = await untilMembership(tenure, id, () => true);
    ids.set(id, { _id, userId, organizationId });
  }
  const owners = [...ids.values()].map(({ userId, organizationId }) => ({
    userId,
    organizationId,
  }));
  await db
    .collection('sessions')
    .insertMany(owners.flatMap((one) => [{ ...one }, { ...one }, { ...one }]));
  await db
    .collection('refreshTokens')
    .insertMany(owners.flatMap((one) => [{ ...one }, { ...one }]));
  await db.collection('apiKeys').insertMany(owners.map(({ userId }) => ({ userId })));
  return ids;
}

async function isAllowed(tenure: BenchTenure, question: object): Promise<boolean> {
  const response = await fetch(`${tenure.apiUrl}/v1/access-checks`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer bench-admin-key-of-no-value',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ ...question, action: 'read' }),
  });
  if (!response.ok) throw new Error(`The access check was answered ${response.status}`);
  const answer: unknown = await response.json();
  return (
    typeof answer === 'object' && answer !== null && 'allowed' in answer && answer.allowed !== false
  );
}
