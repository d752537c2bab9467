import { lifecycleWorkflowId, lookAgainSignalName, taskQueuesOf } from '../../domain/messages.ts';
import { userEvent } from '../support/events.ts';
import { openEndpoint, personMaker, type BenchPerson, type Endpoint } from './deliveries.ts';
import { floorQueue } from './floor-queue.ts';
import { startFloor, startTenure, type BenchStack, type BenchTenure } from './stack.ts';
import { processorTime, timeEach, type ProcessorTime } from './processor-time.ts';
import { figureOfRounds, percentile, processorFigures, type Figure } from './stats.ts';
import { countRuns, until, untilMembership, untilSettled } from './waiting.ts';

const rounds = 5;
const leavers = 30;

/**
 * Joins against the smallest possible workflow. A round gives each side the same number at once and waits for
 * the last one: for ours from the first webhook until everybody's access is open and their runs have ended, for
 * the floor until its runs have ended. Then leavings, one at a time, on an idle system.
 */
export async function measureLifecycle(
  stack: BenchStack,
  seconds: number,
  report: (line: string) => void,
): Promise<Figure[]> {
  const floorWorker = await startFloor(stack, 'floor-lifecycle.ts');
  const tenure = await startTenure(stack, { name: 'lifecycle', worker: true });
  const endpoint = openEndpoint(tenure.webhookUrl);
  const newPerson = personMaker();
  const perRound = Math.max(20, Math.round(seconds * 40));
  const measured: { ours: number; floor: number }[] = [];
  const used: { ours: ProcessorTime; floor: ProcessorTime }[] = [];
  const pids = {
    ours: { ...stack.pids, api: tenure.apiPid, worker: tenure.workerPid },
    floor: { ...stack.pids, worker: floorWorker.pid },
  };
  await joins(stack, tenure, endpoint, people(newPerson, 40));
  await floorRuns(stack, 40);
  for (let round = 1; round <= rounds; round += 1) {
    const atFloor = await processorTime(pids.floor);
    const floor = await floorRuns(stack, perRound);
    const afterFloor = await processorTime(pids.floor);
    const atOurs = await processorTime(pids.ours);
    const ours = await joins(stack, tenure, endpoint, people(newPerson, perRound));
    const afterOurs = await processorTime(pids.ours);
    measured.push({ ours, floor });
    used.push({
      ours: timeEach(atOurs, afterOurs, perRound),
      floor: timeEach(atFloor, afterFloor, perRound),
    });
    report(`joins, round ${round}: ours ${ours.toFixed(1)}/s, floor ${floor.toFixed(1)}/s`);
  }
  const figures = [
    figureOfRounds('settled joins', 'joins/s', measured, 0.8),
    ...processorFigures('a settled join', used),
  ];
  figures.push(...(await oneByOne(stack, tenure, endpoint, newPerson)));
  endpoint.close();
  await tenure.stop();
  await stack.group.kill('floor-lifecycle');
  return figures;
}

function people(newPerson: () => BenchPerson, count: number): BenchPerson[] {
  return Array.from({ length: count }, newPerson);
}

/** How many joins a second settle, the last one included. */
async function joins(
  stack: BenchStack,
  tenure: BenchTenure,
  endpoint: Endpoint,
  newcomers: BenchPerson[],
): Promise<number> {
  const { client } = stack;
  const queue = taskQueuesOf(tenure.queuePrefix).lifecycle;
  const before = await countRuns(client, queue, 'Completed');
  const events = newcomers.map((person) => userEvent('created', person));
  const start = performance.now();
  await inParallel(events, 8, async (event) => endpoint.send(event));
  await untilSettled(tenure, 300_000);
  await until('the runs to end', 60_000, 50, async () => {
    const completed = (await countRuns(client, queue, 'Completed')) - before;
    const running = await countRuns(client, queue, 'Running');
    return completed >= newcomers.length && running === 0 ? true : null;
  });
  const perSecond = newcomers.length / ((performance.now() - start) / 1000);
  const open = await tenure.store.collections.memberships.countDocuments({
    'access.state': 'closed',
  });
  if (open > 0) throw new Error(`${open} people were not let in.`);
  return perSecond;
}

let floorRunsStarted = 0;

async function floorRuns({ client }: BenchStack, count: number): Promise<number> {
  const before = await countRuns(client, floorQueue, 'Completed');
  const numbers = Array.from({ length: count }, () => (floorRunsStarted += 1));
  const start = performance.now();
  await inParallel(numbers, 20, async (number) =>
    client.workflow.signalWithStart('floor', {
      workflowId: `floor-lifecycle/${number}`,
      taskQueue: floorQueue,
      signal: lookAgainSignalName,
    }),
  );
  await until('the runs of the floor to end', 300_000, 50, async () =>
    (await countRuns(client, floorQueue, 'Completed')) - before >= count ? true : null,
  );
  return count / ((performance.now() - start) / 1000);
}

async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const waiting = items[Symbol.iterator]();
  const runner = async (): Promise<void> => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: width }, runner));
}

/** What one person waits for, with nothing else going on: by the sender's clock and the timeline's. */
async function oneByOne(
  stack: BenchStack,
  tenure: BenchTenure,
  endpoint: Endpoint,
  newPerson: () => BenchPerson,
): Promise<Figure[]> {
  const samples = { opened: [0], closed: [0], emptied: [0] };
  for (const list of Object.values(samples)) list.length = 0;
  for (let count = 0; count < leavers; count += 1) {
    const person = newPerson();
    const joinedAt = Date.now();
    await endpoint.send(userEvent('created', person));
    const joined = await untilMembership(tenure, person.id, (m) => m.resting);
    samples.opened.push((await timeOf(tenure, joined._id, 'opened')) - joinedAt);
    await signIn(stack, tenure, joined.userId, joined.organizationId);
    await untilNoRun(stack, joined._id);
    const leftAt = Date.now();
    samples.closed.push(await endpoint.send(userEvent('deleted', person)));
    await untilMembership(tenure, person.id, (m) => m.phase === 'coolingOff');
    samples.emptied.push((await timeOf(tenure, joined._id, 'sessionsVerifiedEmpty')) - leftAt);
  }
  return [
    ...spread('join: receipt to open access, idle', samples.opened),
    ...spread('leaving: receipt to closed access (the answer), idle', samples.closed),
    ...spread('leaving: receipt to sessions verified empty, idle', samples.emptied),
  ];
}

function spread(name: string, samples: number[]): Figure[] {
  return (
    [
      ['p50', 0.5],
      ['p95', 0.95],
      ['max', 1],
    ] as const
  ).map(([of, p]) => ({
    name: `${name}, ${of}`,
    unit: 'ms',
    value: percentile(samples, p),
  }));
}

/** A leaver's credentials in the host application: three sessions, two refresh tokens, an API key. */
async function signIn(
  { mongo }: BenchStack,
  { hostDatabase }: BenchTenure,
  userId: string,
  organizationId: string,
): Promise<void> {
  const db = mongo.db(hostDatabase);
  const one = { userId, organizationId };
  await db.collection('sessions').insertMany([{ ...one }, { ...one }, { ...one }]);
  await db.collection('refreshTokens').insertMany([{ ...one }, { ...one }]);
  await db.collection('apiKeys').insertOne({ userId });
}

async function timeOf({ store }: BenchTenure, membershipId: string, type: string): Promise<number> {
  const line = await store.collections.timeline.findOne(
    { membershipId, type },
    { sort: { revision: -1 } },
  );
  if (line === null) throw new Error(`The timeline has no line "${type}".`);
  return line.at.getTime();
}

async function untilNoRun({ client }: BenchStack, membershipId: string): Promise<void> {
  const handle = client.workflow.getHandle(lifecycleWorkflowId(membershipId));
  await until('the run to end', 30_000, 10, async () =>
    (await handle.describe()).status.name === 'RUNNING' ? null : true,
  );
}
