import { setTimeout as pause } from 'node:timers/promises';

import { lookAgainSignalName } from '../../domain/messages.ts';
import type { EventEnvelope } from '../../platform/workos/wire.ts';
import { directoryEvent, edgeEvent, groupEvent, userEvent, workosId } from '../support/events.ts';
import {
  closedLoop,
  mixedEvents,
  openEndpoint,
  personMaker,
  type BenchPerson,
  type Endpoint,
} from './deliveries.ts';
import { floorQueue } from './floor-queue.ts';
import { startFloor, startTenure, type BenchStack, type BenchTenure } from './stack.ts';
import { percentile, type Figure } from './stats.ts';
import { countRuns, until, untilMembership, untilSettled } from './waiting.ts';

const inFlight = 16;
const groupsEach = 3;
const leavers = 20;

/**
 * The first sync of a directory: everybody, three groups each that are mapped to roles, as fast as they are
 * taken in. Meanwhile people of another organization leave: while the joins wait, and once more while events
 * come as fast as they are answered. The time until their sessions are verified gone must not wait behind the
 * joins. The floors are those of the intake and of the lifecycle, in the same run.
 */
export async function measureSync(
  stack: BenchStack,
  people: number,
  report: (line: string) => void,
): Promise<Figure[]> {
  const floors = await measureFloors(stack);
  report(`sync: floors ${floors.events.toFixed(0)} events/s, ${floors.runs.toFixed(1)} runs/s`);
  const tenure = await startTenure(stack, { name: 'sync', worker: true });
  const endpoint = openEndpoint(tenure.webhookUrl);
  const others = await settledPeople(tenure, endpoint, 3 * leavers);
  const leave = async (turn: number): Promise<Leavings> => {
    const joinsPending = await pending(tenure);
    const those = others.slice(turn * leavers, (turn + 1) * leavers);
    const ms = await leaveOneByOne(stack, tenure, endpoint, those);
    return { joinsPending, ms };
  };
  const idle = await leave(0);
  report('sync: leavings measured on an idle system');

  const company = newCompany(people);
  await prepare(tenure, endpoint, company);
  const start = performance.now();
  const usersMs = await sendAll(endpoint, company.users);
  report(`sync: ${people} people are in`);
  const waiting = await leave(1);
  report(`sync: leavings measured with ${waiting.joinsPending} joins pending`);
  const [edgesMs, flooded] = await Promise.all([sendAll(endpoint, company.edges), leave(2)]);
  report('sync: every event is in');
  await untilSettled(tenure, 3_600_000);
  await untilAllIn(tenure, company);
  const settledPerSecond = people / ((performance.now() - start) / 1000);
  endpoint.close();
  await tenure.stop();
  const perSecond = (people + company.edges.length) / ((usersMs + edgesMs) / 1000);
  return [
    against('first sync: events taken in', 'events/s', perSecond, floors.events, 0.7),
    against(
      'first sync: people settled with their roles',
      'people/s',
      settledPerSecond,
      floors.runs,
    ),
    ...leavings(idle, waiting, '', 3),
    ...leavings(idle, flooded, ', events coming in'),
  ];
}

/** How long each leaving took, milliseconds, and how many joins were pending when they began. */
interface Leavings {
  joinsPending: number;
  ms: number[];
}

function against(name: string, unit: string, value: number, floor: number, goal?: number): Figure {
  const ratio = value / floor;
  return {
    name,
    unit,
    value,
    floor,
    ratio: { median: ratio, lowest: ratio, highest: ratio },
    ...(goal === undefined ? {} : { goal: { atLeast: goal }, goalOf: 'ratio' as const }),
  };
}

function leavings(idle: Leavings, busy: Leavings, meanwhile: string, goal?: number): Figure[] {
  return (
    [
      ['p50', 0.5],
      ['p95', 0.95],
    ] as const
  ).map(([of, p]) => {
    const ratio = percentile(busy.ms, p) / percentile(idle.ms, p);
    return {
      name: `receipt to sessions verified empty, ${busy.joinsPending} joins pending${meanwhile}, ${of}`,
      unit: 'ms',
      value: percentile(busy.ms, p),
      floor: percentile(idle.ms, p),
      ratio: { median: ratio, lowest: ratio, highest: ratio },
      ...(of === 'p50' && goal !== undefined
        ? { goal: { atMost: goal }, goalOf: 'ratio' as const }
        : {}),
    };
  });
}

async function measureFloors(stack: BenchStack): Promise<{ events: number; runs: number }> {
  const floor = await startFloor(stack, 'floor-intake.ts');
  const endpoint = openEndpoint(floor.url);
  const events = mixedEvents(personMaker());
  await closedLoop(endpoint, events, { inFlight, ms: 2000 });
  const { perSecond } = await closedLoop(endpoint, events, { inFlight, ms: 10_000 });
  endpoint.close();
  await stack.group.kill('floor-intake');
  await startFloor(stack, 'floor-lifecycle.ts');
  const runs = await floorRuns(stack, 300);
  await stack.group.kill('floor-lifecycle');
  return { events: perSecond, runs };
}

async function floorRuns({ client }: BenchStack, count: number): Promise<number> {
  const before = await countRuns(client, floorQueue, 'Completed');
  const start = performance.now();
  for (let nth = 0; nth < count; nth += 20) {
    await Promise.all(
      Array.from({ length: Math.min(20, count - nth) }, async () =>
        client.workflow.signalWithStart('floor', {
          workflowId: `floor-sync/${workosId('run')}`,
          taskQueue: floorQueue,
          signal: lookAgainSignalName,
        }),
      ),
    );
  }
  await until('the runs of the floor to end', 300_000, 50, async () =>
    (await countRuns(client, floorQueue, 'Completed')) - before >= count ? true : null,
  );
  return count / ((performance.now() - start) / 1000);
}

interface Company {
  organizationId: string;
  directoryId: string;
  groupIds: string[];
  users: EventEnvelope[];
  edges: EventEnvelope[];
}

/** A first sync: the people, the groups, and group by group who is in it. */
function newCompany(size: number): Company {
  const organizationId = workosId('org');
  const directoryId = workosId('directory');
  const groups = Array.from({ length: 30 }, () => ({
    id: workosId('directory_group'),
    directoryId,
    organizationId,
  }));
  const people = Array.from({ length: size }, (_, nth) => ({
    id: workosId('directory_user'),
    directoryId,
    organizationId,
    lastName: `Lovelace ${nth}`,
  }));
  return {
    organizationId,
    directoryId,
    groupIds: groups.map(({ id }) => id),
    users: people.map((person) => userEvent('created', person)),
    edges: [
      ...groups.map((group) => groupEvent('created', group)),
      ...groups.flatMap((group, at) =>
        people
          .filter((_, nth) => (at - nth + size * groups.length) % groups.length < groupsEach)
          .map((person) => edgeEvent('user_added', person, group)),
      ),
    ],
  };
}

/** The directory is there, and every group gives a role before anybody comes. */
async function prepare(tenure: BenchTenure, endpoint: Endpoint, company: Company): Promise<void> {
  const { organizationId, directoryId, groupIds } = company;
  await endpoint.send(directoryEvent('activated', { id: directoryId, organizationId }));
  const mappings = groupIds.map((directoryGroupId, nth) => ({
    directoryGroupId,
    roles: [`role-${nth}`],
    permissions: [],
    features: [],
  }));
  const url = `${tenure.apiUrl}/v1/organizations/${organizationId}/role-mappings`;
  const response = await fetch(url, {
    method: 'PUT',
    headers: {
      authorization: 'Bearer bench-admin-key-of-no-value',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ data: mappings, reason: 'bench' }),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`The mappings were answered ${response.status}: ${answer}`);
}

/** Returns how long it took to have all of them taken in, milliseconds. */
async function sendAll(endpoint: Endpoint, events: readonly EventEnvelope[]): Promise<number> {
  const waiting = events[Symbol.iterator]();
  const start = performance.now();
  const sender = async (): Promise<void> => {
    for (const event of waiting) await endpoint.send(event);
  };
  await Promise.all(Array.from({ length: inFlight }, sender));
  return performance.now() - start;
}

async function pending({ store }: BenchTenure): Promise<number> {
  return store.collections.memberships.countDocuments({ 'access.state': 'closed', backed: true });
}

async function untilAllIn({ store }: BenchTenure, { organizationId }: Company): Promise<void> {
  const wrong = await store.collections.memberships.countDocuments({
    organizationId,
    $or: [{ 'access.state': 'closed' }, { roles: { $not: { $size: groupsEach } } }],
  });
  if (wrong > 0) throw new Error(`${wrong} people are not in, or lack a role.`);
}

async function settledPeople(
  tenure: BenchTenure,
  endpoint: Endpoint,
  count: number,
): Promise<BenchPerson[]> {
  const newPerson = personMaker(1);
  const people = Array.from({ length: count }, newPerson);
  await sendAll(
    endpoint,
    people.map((person) => userEvent('created', person)),
  );
  await untilSettled(tenure, 300_000);
  return people;
}

/** Receipt to sessions verified empty, by the timeline, one leaving a second. */
async function leaveOneByOne(
  { mongo }: BenchStack,
  tenure: BenchTenure,
  endpoint: Endpoint,
  people: readonly BenchPerson[],
): Promise<number[]> {
  const sessions = mongo.db(tenure.hostDatabase).collection('sessions');
  const samples: number[] = [];
  for (const person of people) {
    const { _id, userId, organizationId } = await untilMembership(tenure, person.id, () => true);
    await sessions.insertMany([
      { userId, organizationId },
      { userId, organizationId },
    ]);
    const leftAt = Date.now();
    await endpoint.send(userEvent('deleted', person));
    const { timeline } = tenure.store.collections;
    const line = await until('the sessions to be gone', 300_000, 10, async () =>
      timeline.findOne({ membershipId: _id, type: 'sessionsVerifiedEmpty' }),
    );
    samples.push(line.at.getTime() - leftAt);
    await pause(Math.max(0, 1000 - (Date.now() - leftAt)));
  }
  return samples;
}
