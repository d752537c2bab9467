import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Store } from '../../platform/mongo/store.ts';
import { takeIn } from '../../intake/take-in.ts';
import { carryDecision } from '../../transitions/guards/carry-decision.ts';
import { approveGuard, rejectGuard } from '../../transitions/guards/decide-guard.ts';
import {
  reviveDecidedGuards,
  withdrawEmptyGuards,
} from '../../transitions/guards/withdraw-guards.ts';
import { userEvent } from '../support/events.ts';
import { meeting, slow, unlocked } from '../support/fences.ts';
import { GuardedDirectory } from '../support/guarded.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

const times = 5;
const controls = 10;
/** How long a slow transaction takes between its reads and its commit. */
const slowMs = 700;

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

const word = (guardId: string, by = 'ada') => ({ guardId, by, reason: null });
const approve = async (guardId: string, store: Store = tenure.store) =>
  approveGuard(store, { ...word(guardId), admins: 1 });

/** What runs at once, and what is wrong afterwards (null: nothing). */
interface Ready {
  atOnce: ((store: Store) => Promise<unknown>)[];
  wrong: () => Promise<string | null>;
}

/** A directory of which four have left and wait, and a fifth who has not. */
async function massLeaving() {
  const directory = await GuardedDirectory.open(tenure);
  const people = await directory.people(5);
  const leavers = people.slice(0, 4);
  await directory.leaveAndCount(leavers);
  return { directory, leavers, stayer: people[4]!, guard: await directory.guard() };
}

/** The fifth leaves and is counted by a transaction that is slow to commit; `meanwhile` happens before. */
async function joinSlowly(
  { directory, stayer }: Awaited<ReturnType<typeof massLeaving>>,
  meanwhile: () => Promise<void>,
): Promise<void> {
  await directory.leave([stayer], new Date());
  const { guards } = tenure.store.collections;
  const until = new Date(Date.now() + 60_000);
  await guards.updateMany(
    { organizationId: directory.organizationId },
    { $set: { 'window.until': until } },
  );
  const joining = directory.count([stayer], slow(tenure.store, slowMs));
  await new Promise((resolve) => setTimeout(resolve, slowMs / 2));
  await meanwhile();
  await joining;
}

const races: Record<string, () => Promise<Ready>> = {
  'two lifecycles find the mass': async () => {
    const directory = await GuardedDirectory.open(tenure);
    const leavers = await directory.people(4);
    await directory.leave(leavers);
    return {
      atOnce: leavers.slice(0, 2).map((one) => async (store) => directory.count([one], store)),
      async wrong() {
        const { length } = await directory.guards();
        return length === 1 ? null : `${length} guards of one mass`;
      },
    };
  },

  'an approval reaches somebody who comes back': async () => {
    const { directory, leavers, guard } = await massLeaving();
    const [first] = leavers;
    const approved = await approve(guard._id);
    const event = userEvent('updated', first!);
    const delivery = { transport: 'webhook' as const, receivedAt: new Date() };
    return {
      atOnce: [
        async (store) => carryDecision(slow(store, 60), approved, first!.membershipId, tenure),
        async (store) => takeIn(store, event, delivery, tenure.intake),
      ],
      async wrong() {
        const { backed, dueAt, guard: fact } = await directory.membership(first!);
        if (!backed) return 'the return is lost';
        return dueAt === null && fact === null ? null : 'a countdown for somebody who is in';
      },
    };
  },
};

async function outcome(prepare: () => Promise<Ready>, base: Store): Promise<string | null> {
  const { atOnce, wrong } = await prepare();
  const { store } = meeting(base, atOnce.length);
  await Promise.all(atOnce.map(async (run) => run(store)));
  return wrong();
}

describe('two transactions at the guard that both began before either committed', () => {
  it.each(Object.entries(races))(
    '%s: never wrong with the fences',
    async (_name, prepare) => {
      for (let nth = 0; nth < times; nth += 1) {
        expect(await outcome(prepare, tenure.store)).toBe(null);
      }
    },
    60_000,
  );

  it.each(Object.entries(races))(
    '%s: wrong where fences only read, so this test can see it',
    async (_name, prepare) => {
      const outcomes: (string | null)[] = [];
      for (let nth = 0; nth < controls && !outcomes.some((seen) => seen !== null); nth += 1) {
        outcomes.push(await outcome(prepare, unlocked(tenure.store)));
      }
      expect(outcomes.at(-1)).not.toBeNull();
    },
    60_000,
  );
});

describe('two decisions at the same moment', () => {
  /** The store, whose first two reads of a guard wait for each other. */
  function bothHaveRead(base: Store): Store {
    let missing = 2;
    let open = (): void => undefined;
    const both = new Promise<void>((resolve) => (open = resolve));
    const guards = new Proxy(base.collections.guards, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name !== 'findOne') return value.bind(target);
        return async (...args: unknown[]) => {
          const found: unknown = await value.apply(target, args);
          missing -= 1;
          if (missing === 0) open();
          await both;
          return found;
        };
      },
    });
    return { ...base, collections: { ...base.collections, guards } };
  }

  async function decideBoth(base: Store): Promise<string[]> {
    const { guard } = await massLeaving();
    const store = bothHaveRead(base);
    const both = await Promise.allSettled([
      approve(guard._id, store),
      rejectGuard(store, word(guard._id, 'bob')),
    ]);
    return both.map(({ status }) => status).toSorted();
  }

  it('are one, and the other is told so', async () => {
    expect(await decideBoth(tenure.store)).toEqual(['fulfilled', 'rejected']);
  });

  it('are two where nothing locks, so this test can see it', async () => {
    expect(await decideBoth(unlocked(tenure.store))).toEqual(['fulfilled', 'fulfilled']);
  });
});

describe('a leaver who comes to a guard while an admin decides', () => {
  it('is decided on with the others', async () => {
    const mass = await massLeaving();
    const { directory, stayer, guard } = mass;
    await joinSlowly(mass, async () => {
      await approve(guard._id);
      await directory.spread();
    });
    expect(await directory.states([stayer])).toEqual(['waits']);
    await directory.spread();
    expect(await directory.states([stayer])).toEqual(['approved']);
  });

  it('would be left behind if the spreading did not outlast them; the sweep finds them even then', async () => {
    const mass = await massLeaving();
    const { directory, stayer, guard } = mass;
    await joinSlowly(mass, async () => {
      await approve(guard._id);
      await directory.spread();
      await directory.letTimePass();
      await directory.spread();
    });
    await directory.spread();
    expect(await directory.states([stayer])).toEqual(['waits']);
    expect(await reviveDecidedGuards(tenure.store)).toBe(1);
    await directory.spread();
    expect(await directory.states([stayer])).toEqual(['approved']);
  });

  it('is counted afresh where it was withdrawn, since everybody else came back', async () => {
    const mass = await massLeaving();
    const { directory, leavers, stayer } = mass;
    for (const one of leavers) await directory.return(one);
    await directory.letTimePass();
    await directory.spread();
    await joinSlowly(mass, async () => {
      await withdrawEmptyGuards(tenure.store);
      await directory.spread();
    });
    await directory.spread();
    expect(await directory.states([stayer])).toEqual([null]);
    await directory.count([stayer]);
    expect(await directory.states([stayer])).toEqual(['passed']);
  });

  it('passes no more once the mass was found, however late the passing is written', async () => {
    const directory = await GuardedDirectory.open(tenure);
    const leavers = await directory.people(4);
    await directory.leave(leavers.slice(0, 3));
    const passing = directory.count([leavers[0]!], slow(tenure.store, slowMs));
    await directory.leaveAndCount(leavers.slice(3));
    expect((await directory.states(leavers))[3]).toBe('waits');
    await passing;
    await directory.spread();
    expect((await directory.states(leavers))[0]).toBe('waits');
  });
});

describe('a spreading that breaks off', () => {
  /** The store of a process that dies at the nth membership it would change. */
  function dyingAt(nth: number): Store {
    let left = nth;
    return failing(() => (left -= 1) < 0);
  }

  function failing(fails: (membershipId: string) => boolean): Store {
    const { store } = tenure;
    return {
      ...store,
      fences: {
        ...store.fences,
        async membership(tx, id, revision) {
          if (fails(id)) throw new Error('It cannot be done.');
          return store.fences.membership(tx, id, revision);
        },
      },
    };
  }

  it('goes on where it stood, and writes the decision on each person once', async () => {
    const { directory, leavers, guard } = await massLeaving();
    await approve(guard._id);
    await expect(directory.spread(dyingAt(2))).rejects.toThrow('failed.');
    const halfway = await directory.states(leavers);
    expect(halfway).toContain('waits');
    expect(halfway).toContain('approved');
    await directory.spread();
    expect(await directory.states(leavers)).toEqual(Array(4).fill('approved'));
    for (const one of leavers) {
      expect(await directory.timeline(one, 'guardApproved')).toHaveLength(1);
    }
  });

  it('passes over somebody who cannot be reached', async () => {
    const { directory, leavers, guard } = await massLeaving();
    await approve(guard._id);
    const poisoned = leavers[0]!.membershipId;
    await expect(directory.spread(failing((id) => id === poisoned))).rejects.toThrow('failed.');
    expect(await directory.states(leavers)).toEqual(['waits', ...Array(3).fill('approved')]);
  });
});
