import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { currentRecord } from '../../domain/directory-user.ts';
import { checkAccess } from '../../gate/decide.ts';
import type { EventEnvelope } from '../../platform/workos/wire.ts';
import { openMembership } from '../../transitions/open-membership.ts';
import { membershipById } from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

const schedules = Number(process.env['TENURE_TEST_INTAKE_SCHEDULES'] ?? 200);
const seed = Number(process.env['TENURE_TEST_SEED'] ?? Date.now() % 0x7fffffff);

/** Schedules on organizations of their own that run at once: the journal is written for all of them. */
const atOnce = 20;

type Change = 'update' | 'deactivate' | 'reactivate' | 'delete' | 'recreate';

/** What happens to one person in one directory, in order, after they are created there. */
interface Story {
  person: number;
  directory: number;
  changes: { change: Change; at: number }[];
}

interface Plan {
  stories: Story[];
  /** Sort keys of the deliveries: any permutation. */
  order: number[];
  /** Which deliveries come twice. */
  twice: boolean[];
}

const story: fc.Arbitrary<Story> = fc.record({
  person: fc.integer({ min: 0, max: 2 }),
  directory: fc.integer({ min: 0, max: 1 }),
  changes: fc.array(
    fc.record({
      change: fc.constantFrom<Change[]>('update', 'deactivate', 'reactivate', 'delete', 'recreate'),
      at: fc.nat(1000),
    }),
    { maxLength: 4 },
  ),
});

const plan: fc.Arbitrary<Plan> = fc.record({
  stories: fc.uniqueArray(story, {
    minLength: 1,
    maxLength: 4,
    selector: ({ person, directory }) => `${person}/${directory}`,
  }),
  order: fc.array(fc.nat(), { minLength: 20, maxLength: 20 }),
  twice: fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
});

/** One person in one directory, with every WorkOS id that they had there. */
interface Told {
  person: number;
  directoryId: string;
  ids: string[];
  idpId: string;
  active: boolean;
  firstName: string;
}

/** The events of a plan in the order in which they happened, and what is so at their end. */
function eventsOf({ stories }: Plan, organizationId: string): [EventEnvelope[], Told[]] {
  const start = Date.UTC(2026, 0, 1);
  const events: { atMs: number; event: EventEnvelope }[] = [];
  const told = stories.map(({ person, directory, changes }): Told => {
    const directoryId = `directory_${directory}_${organizationId}`;
    const state: Told = {
      person,
      directoryId,
      ids: [workosId('directory_user')],
      idpId: `idp-${person}-${directoryId}`,
      active: true,
      firstName: 'Ada',
    };
    const tell = (type: 'created' | 'updated' | 'deleted', atMs: number, active: boolean): void => {
      const sketch = {
        id: state.ids.at(-1) ?? '',
        directoryId,
        organizationId,
        idpId: state.idpId,
        email: `person-${person}@${organizationId.toLowerCase()}.example.com`,
        firstName: state.firstName,
        state: active ? 'active' : 'inactive',
      };
      events.push({ atMs, event: userEvent(type, sketch, new Date(atMs).toISOString()) });
    };
    let exists = true;
    let atMs = start + person * 7 + directory * 3;
    tell('created', atMs, true);
    for (const { change, at } of changes) {
      // Now and then two events of one millisecond: their ids decide.
      atMs += at % 10 === 0 ? 0 : at;
      if (change === 'recreate' && !exists) {
        state.ids.push(workosId('directory_user'));
        exists = state.active = true;
        tell('created', atMs, true);
      } else if (exists && change === 'delete') {
        exists = state.active = false;
        tell('deleted', atMs, true);
      } else if (exists && change !== 'recreate') {
        if (change !== 'update') state.active = change === 'reactivate';
        state.firstName = `Ada ${atMs}`;
        tell('updated', atMs, state.active);
      }
    }
    return state;
  });
  const inOrder = events
    .toSorted((a, b) => a.atMs - b.atMs || (a.event.id < b.event.id ? -1 : 1))
    .map(({ event }) => event);
  return [inOrder, told];
}

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

/** Delivers, lets the lifecycles run, and returns what people would see, by person. */
async function deliver(events: EventEnvelope[], told: Told[], organizationId: string) {
  for (const event of events) await tenure.take(event);
  const { memberships, directoryUsers, users } = tenure.store.collections;
  for (const { _id } of await memberships.find({ organizationId }).toArray()) {
    const membership = await membershipById(tenure, _id);
    // Which is what the lifecycle does, after steps that need a host application.
    await openMembership(tenure.store, _id, membership.revision);
  }
  const seen = [];
  for (const { person, ids, directoryId, idpId } of told) {
    const mirror = await directoryUsers.findOne({ directoryId, idpId });
    const id = ids.at(-1) ?? '';
    const decision = await checkAccess(tenure.store.db, { organizationId, directoryUserId: id });
    const alone = told.filter((other) => other.person === person).length === 1;
    const user = decision.userId === null ? null : await users.findOne({ _id: decision.userId });
    seen.push({
      person,
      directoryId: directoryId.slice(0, 11),
      known: mirror?.records.length,
      state: mirror === null ? null : currentRecord(mirror).state,
      // What a record of somebody unknown said is not kept; of who is in, everything is.
      allowed: decision.allowed,
      profile: decision.allowed && alone ? user?.profile?.firstName : null,
    });
  }
  return seen;
}

/** Each person is let in by a directory user of theirs; which one may differ with who was linked to whom. */
function byPerson(seen: { person: number; allowed: boolean }[]): Record<number, boolean> {
  const allowed: Record<number, boolean> = {};
  for (const one of seen) allowed[one.person] = (allowed[one.person] ?? false) || one.allowed;
  return allowed;
}

function withoutAccess<T extends { allowed: boolean }>(seen: T[]): T[] {
  return seen.map((one) => ({ ...one, allowed: false }));
}

async function compare(one: Plan): Promise<void> {
  const organizations = [workosId('org'), workosId('org')] as const;
  const [events, told] = eventsOf(one, organizations[0]);
  const [again, toldAgain] = eventsOf(one, organizations[1]);
  const shuffled = again
    .map((event, nth) => ({ event, key: one.order[nth % 20] ?? 0, nth }))
    .toSorted((a, b) => a.key - b.key || a.nth - b.nth)
    .flatMap(({ event, nth }) => (one.twice[nth % 20] === true ? [event, event] : [event]));
  const [expected, seen] = await Promise.all([
    deliver(events, told, organizations[0]),
    deliver(shuffled, toldAgain, organizations[1]),
  ]);
  expect(withoutAccess(seen)).toEqual(withoutAccess(expected));
  expect(byPerson(seen)).toEqual(byPerson(expected));
  // Not only alike, but right: whom some directory has as active is in.
  const truth: Record<number, boolean> = {};
  for (const { person, active } of told) truth[person] = (truth[person] ?? false) || active;
  expect(byPerson(seen)).toEqual(truth);
}

describe('the intake', () => {
  it(`comes to the same end whatever the order and repetition of events, seed ${seed}`, async () => {
    process.stdout.write(`intake: ${schedules} schedules, seed ${seed}\n`);
    await fc.assert(
      fc.asyncProperty(fc.array(plan, { minLength: atOnce, maxLength: atOnce }), async (plans) => {
        await Promise.all(plans.map(compare));
      }),
      { seed, numRuns: Math.ceil(schedules / atOnce), endOnFailure: false },
    );
  }, 600_000);
});
