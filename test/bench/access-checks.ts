import { checkAccess } from '../../gate/decide.ts';
import { migrate } from '../../platform/mongo/migrations.ts';
import type { GateDocument } from '../../platform/mongo/documents.ts';
import { storeOn, type Store } from '../../platform/mongo/store.ts';
import type { BenchStack } from './stack.ts';
import { figureOfRounds, percentile, type Figure } from './stats.ts';

const people = 20_000;
const rounds = 9;
const inFlight = 16;

/** What one round did. */
interface Round {
  perSecond: number;
  p99: number;
}

/**
 * Access checks as the gate asks them in a host application, without a cache, against a bare `findOne` by id in
 * the same collection and on the same connections: 16 under way, ours and the floor in turns.
 */
export async function measureAccessChecks(
  stack: BenchStack,
  seconds: number,
  report: (line: string) => void,
): Promise<Figure[]> {
  const store = storeOn(stack.mongo, 'access-checks');
  await migrate(store);
  await fill(store);
  report(`access: ${people.toLocaleString('en')} people are there`);
  const { db, collections } = store;
  const check = async (nth: number): Promise<boolean> => {
    const question = { organizationId: organizationOf(nth), userId: `user_${nth}` };
    return (await checkAccess(db, question)).allowed;
  };
  const floor = async (nth: number): Promise<boolean> =>
    (await collections.gate.findOne({ _id: `membership_${nth}` })) !== null;
  const results: { ours: Round; floor: Round }[] = [];
  await round(check, 1);
  await round(floor, 1);
  for (let nth = 1; nth <= rounds; nth += 1) {
    const length = seconds / 2;
    // Whoever comes first in a round is not always the same.
    const first = nth % 2 === 0;
    const before = first ? await round(check, length) : null;
    const bare = await round(floor, length);
    const ours = before ?? (await round(check, length));
    results.push({ ours, floor: bare });
    report(`access, round ${nth} of ${rounds}: ${ours.perSecond.toFixed(0)} checks a second`);
  }
  await db.dropDatabase();
  const of = (pick: (one: Round) => number) =>
    results.map(({ ours, floor: bare }) => ({ ours: pick(ours), floor: pick(bare) }));
  return [
    figureOfRounds(
      'access checks, no cache',
      'checks/s',
      of(({ perSecond }) => perSecond),
      0.8,
    ),
    figureOfRounds(
      'access check, p99',
      'ms',
      of(({ p99 }) => p99),
    ),
  ];
}

function organizationOf(nth: number): string {
  return `org_${nth % 20}`;
}

async function fill({ collections }: Store): Promise<void> {
  const everybody = Array.from({ length: people }, (_, nth) => entryOf(nth));
  await collections.gate.insertMany(everybody, { ordered: false });
}

/** Somebody in a directory, with three roles: what a check usually has to carry. */
function entryOf(nth: number): GateDocument {
  return {
    _id: `membership_${nth}`,
    membershipId: `membership_${nth}`,
    userId: `user_${nth}`,
    userIds: [`user_${nth}`],
    organizationId: organizationOf(nth),
    directoryUserIds: [`directory_user_${nth}`],
    idpIds: [`idp_${nth}`],
    emails: [`person.${nth}@example.com`],
    access: { state: 'open', reason: 'open' },
    roles: ['editor', 'member', 'billing'],
    permissions: [],
    features: [],
  };
}

async function round(ask: (nth: number) => Promise<boolean>, seconds: number): Promise<Round> {
  const samples: number[] = [];
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1_000;
  const asking = async (): Promise<void> => {
    while (performance.now() < endsAt) {
      const askedAt = performance.now();
      const found = await ask(Math.floor(Math.random() * people));
      samples.push(performance.now() - askedAt);
      if (!found) throw new Error('Somebody who is in was not found.');
    }
  };
  await Promise.all(Array.from({ length: inFlight }, asking));
  const tookS = (performance.now() - startedAt) / 1_000;
  return { perSecond: samples.length / tookS, p99: percentile(samples, 0.99) };
}
