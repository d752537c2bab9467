import '../../platform/check-node.js';
import { writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';

import { measureAccessChecks } from './access-checks.ts';
import { measureAccessEnds } from './access-ends.ts';
import { measureGuard } from './guard.ts';
import { measureIntake } from './intake.ts';
import { measureLifecycle } from './lifecycle.ts';
import { measureMemory } from './memory.ts';
import { measureRoundTrips } from './round-trips.ts';
import { measureGrowth } from './growth.ts';
import { startStack, type BenchStack } from './stack.ts';
import { isMet, table, type Figure } from './stats.ts';
import { measureSync } from './sync.ts';
import { measureTenure } from './tenure.ts';

const usage = `npm run bench -- intake|lifecycle|sync|growth|access|memory|tenure|all|guard [--seconds n] [--idle n] [--json file]

  intake     our webhook against a bare Koa + HMAC + one insert + one signalWithStart
  lifecycle  settled joins against the smallest workflow with one activity; leavings
  sync       a first sync of 5,000 people with three groups each, while others leave
  growth     intake and access checks at 1,000, 10,000 and 100,000 people
  access     access checks against a bare findOne by id; leavings at 5 to 25 a second until no session is left,
             idle and with 5,000 joins pending
  memory     resident memory of the idle processes
  tenure     Temporal actions and history bytes of a whole tenure
  all        everything so far
  guard      10,000 people removed at once: locked out, sessions gone, nobody erased. Takes long
  --seconds  length of a round (default 5)
  --idle     how long the processes idle before their memory is read (default 60)
  --people   how many the first sync has, and how many joins are pending (default 5000)
  --sizes    the numbers of people of growth (default 1000,10000,100000)
  --leavers  how many are removed at once (default 10000)
  --json     writes the figures there too
`;

/** Prints figures; what misses its goal is said, and never fails: a time says more about the machine than of the code. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '5' },
      idle: { type: 'string', default: '60' },
      people: { type: 'string', default: '5000' },
      sizes: { type: 'string', default: '1000,10000,100000' },
      leavers: { type: 'string', default: '10000' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  const [what = 'all'] = positionals;
  const seconds = Number(values.seconds);
  const idle = Number(values.idle);
  const people = Number(values.people);
  const sizes = values.sizes.split(',').map(Number);
  const leavers = Number(values.leavers);
  const known = [
    'intake',
    'lifecycle',
    'sync',
    'growth',
    'guard',
    'access',
    'memory',
    'tenure',
    'all',
  ];
  const areCounts = [people, leavers, ...sizes].every(
    (count) => Number.isInteger(count) && count >= 200,
  );
  if (
    !known.includes(what) ||
    positionals.length > 1 ||
    !(seconds > 0) ||
    !(idle >= 0) ||
    !areCounts
  ) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }
  const report = (line: string): void => void process.stderr.write(`${line}\n`);
  const startedAt = new Date().toISOString();
  const stack = await startStack(report);
  try {
    const wanted = (name: string): boolean => what === name || what === 'all';
    const figures: Figure[] = [
      ...(wanted('memory') ? await measureMemory(stack, idle, report) : []),
      ...(wanted('intake') ? await measureRoundTrips(stack) : []),
      ...(wanted('tenure') ? await measureTenure(stack, report) : []),
      ...(wanted('lifecycle') ? await measureLifecycle(stack, seconds, report) : []),
      ...(wanted('intake') ? await measureIntake(stack, seconds, report) : []),
      ...(wanted('access') ? await measureAccessChecks(stack, seconds, report) : []),
      ...(wanted('access') ? await measureAccessEnds(stack, people, report) : []),
      ...(wanted('sync') ? await measureSync(stack, people, report) : []),
      ...(what === 'guard' ? await measureGuard(stack, leavers, report) : []),
      ...(wanted('growth') ? await measureGrowth(stack, sizes, report) : []),
    ];
    const machine = machineOf(stack);
    process.stdout.write(`\n${describe(machine)}\n\n${table(figures)}\n`);
    if (values.json !== undefined) {
      const withGoals = figures.map((figure) => ({ ...figure, met: isMet(figure) }));
      const result = { startedAt, what, seconds, idle, machine, figures: withGoals };
      await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
    }
  } finally {
    await stack.stop();
  }
}

function machineOf({ versions }: BenchStack) {
  return {
    processors: cpus().length,
    model: cpus()[0]?.model ?? '',
    memoryGb: Math.round(totalmem() / 1e9),
    ...versions,
  };
}

function describe(machine: Record<string, string | number>): string {
  return Object.entries(machine)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

await main();
process.exit();
