import { userEvent, workosId } from '../support/events.ts';
import { multiplyPeople } from '../support/multiply-people.ts';
import { openEndpoint, personMaker, type BenchPerson, type Endpoint } from './deliveries.ts';
import { startTenure, type BenchStack, type BenchTenure } from './stack.ts';
import { median, percentile, type Figure } from './stats.ts';

const rounds = 8;
const samplesARound = 60;

/** One deployment with so many people. */
interface Size {
  people: number;
  tenure: BenchTenure;
  endpoint: Endpoint;
  newPerson: () => BenchPerson;
  /** Some of the people who are in, to be asked about. */
  known: BenchPerson[];
  samples: Record<Kind, number[]>;
}

const kinds = ['created', 'updated', 'access check'] as const;
type Kind = (typeof kinds)[number];

/**
 * Whether the intake and the access check stay as fast as the number of people grows: three deployments, each
 * with its own database and API, measured in turns in the same run, one request at a time.
 */
export async function measureGrowth(
  stack: BenchStack,
  sizes: readonly number[],
  report: (line: string) => void,
): Promise<Figure[]> {
  const deployments: Size[] = [];
  for (const people of sizes) deployments.push(await deployment(stack, people, report));
  for (let round = 0; round <= rounds; round += 1) {
    for (const size of deployments) await measureRound(size, round > 0);
    report(`growth, round ${round} of ${rounds}`);
  }
  for (const { tenure, endpoint } of deployments) {
    endpoint.close();
    await tenure.stop();
  }
  const [smallest] = deployments;
  return smallest === undefined
    ? []
    : deployments.flatMap((size) => kinds.map((kind) => figureOf(size, smallest, kind)));
}

function figureOf(size: Size, smallest: Size, kind: Kind): Figure {
  const value = percentile(size.samples[kind], 0.5);
  const floor = percentile(smallest.samples[kind], 0.5);
  const name = `${kind}, ${size.people.toLocaleString('en')} people, p50`;
  if (size === smallest) return { name, unit: 'ms', value };
  const inRounds = Array.from({ length: rounds }, (_, round) => {
    const of = ({ samples }: Size): number =>
      percentile(samples[kind].slice(round * samplesARound, (round + 1) * samplesARound), 0.5);
    return of(size) / of(smallest);
  });
  return {
    name,
    unit: 'ms',
    value,
    floor,
    ratio: {
      median: median(inRounds),
      lowest: Math.min(...inRounds),
      highest: Math.max(...inRounds),
    },
    goal: { atMost: 1.2 },
    goalOf: 'ratio',
  };
}

async function deployment(
  stack: BenchStack,
  people: number,
  report: (line: string) => void,
): Promise<Size> {
  const tenure = await startTenure(stack, { name: `growth-${people}`, worker: false });
  const endpoint = openEndpoint(tenure.webhookUrl);
  const newPerson = personMaker();
  const known = Array.from({ length: 200 }, newPerson);
  for (const person of known) await endpoint.send(userEvent('created', person));
  // No worker runs here: they are let in as the lifecycle would have done.
  const access = { state: 'open', reason: 'open' } as const;
  const { memberships, gate } = tenure.store.collections;
  await memberships.updateMany({}, [
    { $set: { access, phase: 'settled', resting: true, lookedRevision: '$revision' } },
    { $unset: 'pendingSince' },
  ]);
  await gate.updateMany({}, { $set: { access } });
  await multiplyPeople(tenure.store, people - known.length);
  report(`growth: ${people.toLocaleString('en')} people are there`);
  const samples = { created: [0], updated: [0], 'access check': [0] };
  for (const list of Object.values(samples)) list.length = 0;
  return { people, tenure, endpoint, newPerson, known, samples };
}

async function measureRound(size: Size, counts: boolean): Promise<void> {
  const { endpoint, tenure, known, samples } = size;
  const keep = (kind: Kind, ms: number): void => {
    if (counts) samples[kind].push(ms);
  };
  for (let nth = 0; nth < samplesARound; nth += 1) {
    const one = known[Math.floor(Math.random() * known.length)];
    if (one === undefined) return;
    keep('created', await endpoint.send(userEvent('created', size.newPerson())));
    const renaming = { ...one, lastName: workosId('name') };
    keep('updated', await endpoint.send(userEvent('updated', renaming)));
    keep('access check', await check(tenure, one));
  }
}

async function check({ apiUrl }: BenchTenure, person: BenchPerson): Promise<number> {
  const start = performance.now();
  const response = await fetch(`${apiUrl}/v1/access-checks`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer bench-gate-key-of-no-value',
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      organizationId: person.organizationId,
      action: 'read',
      directoryUserId: person.id,
    }),
  });
  const answer: unknown = await response.json();
  const ms = performance.now() - start;
  if (response.status !== 200) throw new Error(`An access check was answered ${response.status}.`);
  const allowed = typeof answer === 'object' && answer !== null && 'allowed' in answer;
  if (!allowed || answer.allowed !== true) throw new Error('Nobody was let in.');
  return ms;
}
