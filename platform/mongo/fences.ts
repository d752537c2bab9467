import type { ClientSession, Collection } from 'mongodb';

import type { Membership } from '../../domain/membership.ts';
import type { UserDocument } from './documents.ts';
import type { FenceDocument } from './fence-document.ts';

/** What a fence needs of a transaction; said here, because the store is made of its fences. */
export interface FencedTransaction {
  collections: {
    memberships: Collection<Membership>;
    users: Collection<UserDocument>;
    fences: Collection<FenceDocument>;
  };
  session: ClientSession;
}

/**
 * The locks of Tenure. A snapshot transaction only conflicts with another one that WRITES the same
 * document: two directory users leaving at once each see the other one still there, and both leave the
 * door open. So whoever decides from several documents first writes the one document they all share.
 *
 * An interface, so that a test can run without the writes and see the race happen.
 */
export interface Fences {
  /** Locks a membership by raising its revision and returns it; null if it is unknown, or not at `revision`. */
  membership(tx: FencedTransaction, id: string, revision?: number): Promise<Membership | null>;
  /**
   * Locks the facts of a whole user by raising the user's revision `by` so many (default 1), and returns it: of
   * two transactions the one that commits later has the higher one. 0 for an unknown user.
   */
  user(tx: FencedTransaction, userId: string, by?: number): Promise<number>;
  /** Locks the facts of a whole organization (its holds, its policy) without making its people look again. */
  organization(tx: FencedTransaction, organizationId: string): Promise<void>;
  /** Locks keys (`resourceHolds`, `key/...`) in sorted order, so that two holders cannot wait for each other. */
  keys(tx: FencedTransaction, keys: string[]): Promise<void>;
}

export const productionFences: Fences = {
  async membership(tx, id, revision) {
    return tx.collections.memberships.findOneAndUpdate(
      revision === undefined ? { _id: id } : { _id: id, revision },
      { $inc: { revision: 1 } },
      { session: tx.session, returnDocument: 'after' },
    );
  },

  async user(tx, userId, by = 1) {
    const user = await tx.collections.users.findOneAndUpdate(
      { _id: userId },
      { $inc: { revision: by } },
      { session: tx.session, returnDocument: 'after', projection: { revision: 1 } },
    );
    return user?.revision ?? 0;
  },

  async organization(tx, organizationId) {
    await lockKeys(tx, [`organization/${organizationId}`]);
  },

  async keys(tx, keys) {
    await lockKeys(tx, [...new Set(keys)].toSorted());
  },
};

/** In one command, one after the other. */
async function lockKeys(tx: FencedTransaction, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await tx.collections.fences.bulkWrite(
    keys.map((key) => ({
      updateOne: { filter: { _id: key }, update: { $inc: { revision: 1 } }, upsert: true },
    })),
    { session: tx.session, ordered: true },
  );
}

/** The fence of holds on resources whose organization cannot be known: every commit writes it. */
export const resourceHoldsFence = 'resourceHolds';
