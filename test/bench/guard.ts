import { resolvePolicy } from '../../platform/policy-schema.ts';
import { putPolicy } from '../../transitions/organization/put-policy.ts';
import { directoryEvent, userEvent } from '../support/events.ts';
import { openEndpoint, personMaker, type BenchPerson } from './deliveries.ts';
import { startTenure, type BenchStack, type BenchTenure } from './stack.ts';
import { percentile, type Figure } from './stats.ts';
import { until } from './waiting.ts';

const inFlight = 16;
/** Everybody must be locked out within this time, sandbox or not. */
const lockedOutWithinS = 300;
/** Far shorter than the removal takes: whoever is not held up by the guard is erased meanwhile. */
const coolingOffSeconds = 120;

/**
 * A directory loses everybody at once: how long until nobody is let in any more, and until every session is
 * verified gone; and that nobody is erased before an admin approves, although their due time passes.
 */
export async function measureGuard(
  stack: BenchStack,
  people: number,
  report: (line: string) => void,
): Promise<Figure[]> {
  const newPerson = personMaker(1);
  const everybody = Array.from({ length: people }, newPerson);
  await populate(stack, everybody, report);
  const tenure = await startTenure(stack, { name: 'guard', worker: true });
  const { memberships, gate, guards } = tenure.store.collections;
  const { organizationId } = everybody[0] ?? { organizationId: '' };

  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  await send(
    tenure,
    everybody.map((person) => userEvent('deleted', person)),
  );
  const takenIn = seconds();
  const stillIn = await gate.countDocuments({ 'access.state': 'open' });
  if (stillIn > 0) throw new Error(`${stillIn} people are still let in.`);
  report(`guard: ${people} people are locked out after ${takenIn.toFixed(0)} s`);

  let reported = 0;
  await until('everybody to wait', 3_600_000, 1000, async () => {
    const waiting = await memberships.countDocuments({ phase: 'blocked', 'guard.state': 'waits' });
    if (waiting >= reported + people / 10) {
      reported = waiting;
      report(`guard: ${waiting} wait after ${seconds().toFixed(0)} s`);
    }
    return waiting === people ? true : null;
  });
  const allWait = seconds();
  const erased = await memberships.countDocuments({ erasure: { $ne: null } });
  const open = await guards.find({ organizationId }).toArray();
  const emptied = await untilEmptied(tenure);

  const approvedAt = performance.now();
  for (const { _id } of open) await approve(tenure, _id);
  await until('the approval to reach everybody', 600_000, 100, async () =>
    (await memberships.countDocuments({ 'guard.state': 'waits' })) === 0 ? true : null,
  );
  const carried = (performance.now() - approvedAt) / 1000;
  await tenure.stop();
  const of = `${people.toLocaleString('en')} people removed at once`;
  return [
    figure(`${of}: taken in and locked out, per second`, 'people/s', people / takenIn),
    {
      ...figure(`${of}: until the last one is locked out`, 's', takenIn),
      ...atMost(lockedOutWithinS),
    },
    figure(`${of}: until sessions are verified empty, p50`, 's', percentile(emptied, 0.5)),
    figure(`${of}: until sessions are verified empty, last`, 's', percentile(emptied, 1)),
    figure(`${of}: until everybody waits at the guard`, 's', allWait),
    { ...figure(`${of}: erased before anybody decided`, 'people', erased), ...atMost(0) },
    { ...figure(`${of}: guards to decide`, 'guards', open.length), ...atMost(1) },
    figure(`${of}: until an approval has reached everybody`, 's', carried),
  ];
}

function figure(name: string, unit: string, value: number): Figure {
  return { name, unit, value };
}

function atMost(limit: number): Pick<Figure, 'goal' | 'goalOf'> {
  return { goal: { atMost: limit }, goalOf: 'value' };
}

/** Everybody is in, with a session in the host application; let in as the lifecycle would have done. */
async function populate(
  stack: BenchStack,
  everybody: readonly BenchPerson[],
  report: (line: string) => void,
): Promise<void> {
  const tenure = await startTenure(stack, { name: 'guard', worker: false });
  const [first] = everybody;
  if (first === undefined) return;
  const { organizationId, directoryId } = first;
  await until('the migrations', 60_000, 100, async () =>
    tenure.store.collections.fences.findOne({ _id: 'schema' }),
  );
  await putPolicy(tenure.store, organizationId, {
    policy: {
      ...resolvePolicy(null, { deletionAllowed: true }),
      sandbox: true,
      sandboxCoolingOffSeconds: coolingOffSeconds,
    },
  });
  await send(tenure, [directoryEvent('activated', { id: directoryId, organizationId })]);
  await send(
    tenure,
    everybody.map((person) => userEvent('created', person)),
  );
  const access = { state: 'open', reason: 'open' } as const;
  const { memberships, gate } = tenure.store.collections;
  await memberships.updateMany({}, [
    {
      $set: {
        access,
        phase: 'settled',
        resting: true,
        lookedRevision: '$revision',
        'projection.done': '$projection.wanted',
      },
    },
    { $unset: 'pendingSince' },
  ]);
  await gate.updateMany({}, { $set: { access } });
  await signIn(stack, tenure);
  await tenure.stop();
  report(`guard: ${everybody.length} people are there`);
}

async function signIn({ mongo }: BenchStack, { store, hostDatabase }: BenchTenure): Promise<void> {
  const db = mongo.db(hostDatabase);
  const people = await store.collections.memberships
    .find()
    .project<{ userId: string; organizationId: string }>({ _id: 0, userId: 1, organizationId: 1 })
    .toArray();
  await db.collection('sessions').insertMany(people.map((one) => ({ ...one })));
  // As a host application has them: without, every revocation would read all sessions.
  for (const name of ['sessions', 'refreshTokens', 'apiKeys']) {
    await db.collection(name).createIndex({ userId: 1 });
  }
}

async function send(tenure: BenchTenure, events: ReturnType<typeof userEvent>[]): Promise<void> {
  const endpoint = openEndpoint(tenure.webhookUrl);
  const waiting = events[Symbol.iterator]();
  const sender = async (): Promise<void> => {
    for (const event of waiting) await endpoint.send(event);
  };
  await Promise.all(Array.from({ length: inFlight }, sender));
  endpoint.close();
}

/** How long each one waited from the closing of access to sessions verified empty, in seconds. */
async function untilEmptied({ store }: BenchTenure): Promise<number[]> {
  const lines = await store.collections.timeline
    .find({ type: { $in: ['left', 'sessionsVerifiedEmpty'] } })
    .project<{ membershipId: string; type: string; at: Date }>({ membershipId: 1, type: 1, at: 1 })
    .toArray();
  const left = new Map(
    lines.filter(({ type }) => type === 'left').map((line) => [line.membershipId, line.at]),
  );
  return lines
    .filter(({ type }) => type === 'sessionsVerifiedEmpty')
    .map(
      ({ membershipId, at }) => (at.getTime() - (left.get(membershipId)?.getTime() ?? 0)) / 1000,
    );
}

async function approve({ apiUrl }: BenchTenure, guardId: string): Promise<void> {
  const response = await fetch(`${apiUrl}/v1/guards/${guardId}/approve`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer bench-admin-key-of-no-value',
      'content-type': 'application/json',
    },
    body: '{}',
  });
  if (response.status !== 200) throw new Error(`The approval was answered ${response.status}.`);
}
