import {
  closedLoop,
  mixedEvents,
  openEndpoint,
  openLoop,
  personMaker,
  type Delivery,
  type Endpoint,
} from './deliveries.ts';
import { startFloor, startTenure, type BenchStack, type BenchTenure } from './stack.ts';
import { processorTime, timeEach, type ProcessorTime } from './processor-time.ts';
import { figureOfRounds, percentile, processorFigures, type Figure } from './stats.ts';
import { untilSettled } from './waiting.ts';

const inFlight = 16;
const rounds = 5;
const steadyPerSecond = 50;

/**
 * The intake against its floor. Closed loop for the throughput, ours and the floor one right after the other in
 * each round; open loop at 50 events a second for what an acknowledgement takes. Twice: with the API alone, and
 * with a worker that dispatches and runs the lifecycles of what was taken in on the same processors.
 */
export async function measureIntake(
  stack: BenchStack,
  seconds: number,
  report: (line: string) => void,
): Promise<Figure[]> {
  const floorProcess = await startFloor(stack, 'floor-intake.ts');
  const floor = openEndpoint(floorProcess.url);
  const figures: Figure[] = [];
  for (const worker of [false, true]) {
    const tenure = await startTenure(stack, {
      name: worker ? 'intake-worker' : 'intake-alone',
      worker,
    });
    const pids = {
      ours: { ...stack.pids, api: tenure.apiPid, worker: tenure.workerPid },
      floor: { ...stack.pids, floor: floorProcess.pid },
    };
    const side = { ours: openEndpoint(tenure.webhookUrl), floor, tenure, worker, pids };
    figures.push(...(await measureSide(side, seconds, report)));
    side.ours.close();
    await tenure.stop();
  }
  floor.close();
  await stack.group.kill('floor-intake');
  return figures;
}

interface Side {
  ours: Endpoint;
  floor: Endpoint;
  tenure: BenchTenure;
  worker: boolean;
  /** The processes that take part, by name. */
  pids: { ours: Record<string, number | null>; floor: Record<string, number | null> };
}

async function measureSide(
  side: Side,
  seconds: number,
  report: (line: string) => void,
): Promise<Figure[]> {
  const { worker } = side;
  const ms = seconds * 1000;
  const events = { ours: mixedEvents(personMaker()), floor: mixedEvents(personMaker()) };
  const label = worker ? 'worker running' : 'API alone';
  await closedLoop(side.floor, events.floor, { inFlight, ms: ms / 2 });
  await closedLoop(side.ours, events.ours, { inFlight, ms: ms / 2 });
  const measured: { ours: number; floor: number }[] = [];
  const used: { ours: ProcessorTime; floor: ProcessorTime }[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    await settle(side);
    const atFloor = await processorTime(side.pids.floor);
    const floor = await closedLoop(side.floor, events.floor, { inFlight, ms });
    const afterFloor = await processorTime(side.pids.floor);
    const atOurs = await processorTime(side.pids.ours);
    const ours = await closedLoop(side.ours, events.ours, { inFlight, ms });
    const afterOurs = await processorTime(side.pids.ours);
    used.push({
      ours: timeEach(atOurs, afterOurs, ours.events),
      floor: timeEach(atFloor, afterFloor, floor.events),
    });
    measured.push({ ours: ours.perSecond, floor: floor.perSecond });
    report(
      `intake, ${label}, round ${round}: ours ${ours.perSecond.toFixed(0)}/s, ` +
        `floor ${floor.perSecond.toFixed(0)}/s`,
    );
  }
  return [
    figureOfRounds(`intake, ${label}`, 'events/s', measured, 0.7),
    ...processorFigures(`an event, ${label}`, used),
    ...(await acknowledgements(side, events, ms * 4, label)),
  ];
}

/** What an acknowledgement takes at a rate that both can keep up with, by the sender's clock. */
async function acknowledgements(
  side: Side,
  events: { ours: () => Delivery; floor: () => Delivery },
  ms: number,
  label: string,
): Promise<Figure[]> {
  await settle(side);
  const rate = { perSecond: steadyPerSecond, ms };
  const floor = await openLoop(side.floor, events.floor, rate);
  const ours = await openLoop(side.ours, events.ours, rate);
  return (
    [
      ['p50', 0.5],
      ['p95', 0.95],
      ['p99', 0.99],
      ['max', 1],
    ] as const
  ).map(([name, p]) => ({
    name: `ack at ${steadyPerSecond}/s, ${label}, ${name}`,
    unit: 'ms',
    value: percentile(ours, p),
    floor: percentile(floor, p),
    ...(name === 'p99' ? { goal: { atMost: 150 }, goalOf: 'value' as const } : {}),
  }));
}

/** The floor must not be measured while our lifecycles still run. */
async function settle({ tenure, worker }: Side): Promise<void> {
  if (worker) await untilSettled(tenure, 300_000);
}
