import { randomInt } from 'node:crypto';

import type { FencedTransaction, Fences } from '../../platform/mongo/fences.ts';
import type { Collections, Store } from '../../platform/mongo/store.ts';

/**
 * Fences that look where the production ones lock: what a program would do that trusts its transactions.
 * The revision it hands out is random, so that nothing else makes two of them collide by chance.
 */
export const readOnlyFences: Fences = {
  async membership(tx, id, revision) {
    const found = await tx.collections.memberships.findOne(
      revision === undefined ? { _id: id } : { _id: id, revision },
      { session: tx.session },
    );
    return found === null ? null : { ...found, revision: found.revision + 1 + randomInt(1e9) };
  },
  async user(tx, userId, by = 1) {
    const user = await tx.collections.users.findOne({ _id: userId }, { session: tx.session });
    return (user?.revision ?? 0) + by;
  },
  async organization(tx, organizationId) {
    await readKey(tx, `organization/${organizationId}`);
  },
  async keys(tx, keys) {
    for (const key of keys) await readKey(tx, key);
  },
};

async function readKey(tx: FencedTransaction, key: string): Promise<void> {
  await tx.collections.fences.findOne({ _id: key }, { session: tx.session });
}

/**
 * A store on which nothing locks: fences only read, and a membership, its row at the gate and a guard are
 * written without their transaction, since a write inside it would be the lock by itself. For negative
 * controls. `more`: other collections in which a write of the race would be a lock.
 */
export function unlocked(store: Store, more: (keyof Collections)[] = []): Store {
  const { memberships, gate, guards } = store.collections;
  const others = more.map((name) => [name, outsideTransactions(store.collections[name])]);
  return {
    ...store,
    fences: readOnlyFences,
    collections: {
      ...store.collections,
      memberships: outsideTransactions(memberships),
      gate: outsideTransactions(gate),
      guards: outsideTransactions(guards),
      ...Object.fromEntries(others),
    },
  };
}

/** The collection, whose writes to existing documents forget the session that they are given. */
function outsideTransactions<T extends object>(collection: T): T {
  return new Proxy(collection, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name === 'deleteOne') {
        return async (filter: object, options: object) =>
          value.call(target, filter, { ...options, session: undefined });
      }
      if (name !== 'replaceOne' && name !== 'updateOne') return value.bind(target);
      return async (filter: object, change: object, options: object) =>
        value.call(target, filter, change, { ...options, session: undefined });
    },
  });
}

/**
 * A store whose next `parties` transactions wait for each other at their first fence, each with its
 * snapshot taken: none of them sees what another one commits. Repeated tries do not wait any more.
 */
export function meeting(store: Store, parties: number): { store: Store; openedAtMs: () => number } {
  let missing = parties;
  let openedAtMs = Number.POSITIVE_INFINITY;
  let open = (): void => undefined;
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  const waited = new WeakSet<object>();
  const meet = async (tx: FencedTransaction): Promise<void> => {
    if (waited.has(tx.session) || missing === 0) return;
    waited.add(tx.session);
    // A transaction has no snapshot before its first read.
    await tx.collections.fences.findOne({ _id: 'any' }, { session: tx.session });
    missing -= 1;
    if (missing === 0) {
      openedAtMs = Date.now();
      open();
    }
    await Promise.race([all, new Promise((resolve) => setTimeout(resolve, 1000))]);
  };
  const { fences } = store;
  const met: Fences = {
    membership: async (tx, id, revision) =>
      meet(tx).then(async () => fences.membership(tx, id, revision)),
    user: async (tx, userId, by) => meet(tx).then(async () => fences.user(tx, userId, by)),
    organization: async (tx, id) => meet(tx).then(async () => fences.organization(tx, id)),
    keys: async (tx, keys) => meet(tx).then(async () => fences.keys(tx, keys)),
  };
  return { store: { ...store, fences: met }, openedAtMs: () => openedAtMs };
}

/** A store whose transactions are slow to write after they have locked, or looked at, a membership. */
export function slow(store: Store, ms: number): Store {
  const { fences } = store;
  return {
    ...store,
    fences: {
      ...fences,
      async membership(tx, id, revision) {
        const found = await fences.membership(tx, id, revision);
        await new Promise((resolve) => setTimeout(resolve, ms));
        return found;
      },
    },
  };
}

/** A store on which one membership, or the facts of one organization, can never be changed. */
export function poisoned(store: Store, poisonedId: string): Store {
  const { fences } = store;
  const refuse = (id: string): void => {
    if (id === poisonedId) throw new TypeError('It cannot be changed.');
  };
  return {
    ...store,
    fences: {
      ...fences,
      async membership(tx, id, revision) {
        refuse(id);
        return fences.membership(tx, id, revision);
      },
      async organization(tx, id) {
        refuse(id);
        return fences.organization(tx, id);
      },
    },
  };
}
