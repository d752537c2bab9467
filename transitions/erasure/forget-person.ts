import type { ErasureFact, Membership } from '../../domain/membership.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { forgetAsManager } from './forget-as-manager.ts';
import { forgetLinks } from './forget-links.ts';
import { forgetMirrors } from './forget-mirrors.ts';
import { tracesOf } from './person-traces.ts';
import { scrubInbox } from './scrub-inbox.ts';

/**
 * Forgets a person in Tenure's own database: the mirror keeps WorkOS ids and versions, the user's profile,
 * keys and e-mail history go with the last membership, as do reasons that name them, bodies in the inbox,
 * and their address where others name them as manager. Returns changed documents per collection.
 *
 * May be repeated after a crash: what is forgotten already is found forgotten.
 */
export async function forgetPerson(
  store: Store,
  membership: Membership,
  erasure: ErasureFact,
): Promise<Record<string, number>> {
  const traces = await tracesOf(store, membership);
  const inbox = await scrubInbox(store, membership._id, traces);
  return inTransaction(store, async (tx) => ({
    inbox,
    directoryUsers: await forgetMirrors(tx, membership._id),
    managers: await forgetAsManager(tx, membership, traces.emails),
    links: await forgetLinks(tx, membership),
    reasons: await forgetReasons(tx, membership, erasure),
    users: erasure.wholeUser ? await forgetUser(tx, membership.userId) : 0,
    gate: await forgetAtGate(tx, membership),
    authkitMemberships: await forgetAtWorkos(tx, membership),
  }));
}

/**
 * The reasons about the membership go, those about the user with their last membership, and those of holds
 * on resources that stood in the way of this person: they may name whose resource it was.
 */
async function forgetReasons(
  tx: Transaction,
  membership: Membership,
  erasure: ErasureFact,
): Promise<number> {
  const { session } = tx;
  const lines = await tx.collections.timeline
    .find(
      { membershipId: membership._id, type: { $in: ['holdPlaced', 'holdReleased'] } },
      { session },
    )
    .toArray();
  const holdIds = lines
    .map(({ detail }) => detail['holdId'])
    .filter((id) => typeof id === 'string');
  const holds = await tx.collections.holds.find({ _id: { $in: holdIds } }, { session }).toArray();
  const ofHolds = [...lines, ...holds].map(({ reasonId }) => reasonId).filter((id) => id !== null);
  const { deletedCount } = await tx.collections.reasons.deleteMany(
    {
      $or: [
        { membershipId: membership._id },
        { _id: { $in: ofHolds }, userId: null },
        ...(erasure.wholeUser ? [{ userId: membership.userId }] : []),
      ],
    },
    { session },
  );
  return deletedCount;
}

async function forgetUser(tx: Transaction, userId: string): Promise<number> {
  const { modifiedCount } = await tx.collections.users.updateOne(
    { _id: userId },
    {
      $inc: { revision: 1 },
      $set: {
        profile: null,
        emailKey: null,
        usernameKey: null,
        emailHistory: [],
        anonymizedAt: tx.at,
      },
      $unset: { emailReleased: '' },
    },
    { session: tx.session },
  );
  return modifiedCount;
}

/** The gate still says `anonymized` for the user's own id; every other identity is gone. */
async function forgetAtGate(tx: Transaction, membership: Membership): Promise<number> {
  const { modifiedCount } = await tx.collections.gate.updateOne(
    { _id: membership._id },
    {
      $set: {
        directoryUserIds: [],
        idpIds: [],
        emails: [],
        roles: [],
        permissions: [],
        features: [],
      },
      $unset: { ssoIdpIds: '', ssoConnectionIds: '' },
    },
    { session: tx.session },
  );
  return modifiedCount;
}

/** Whoever comes back is another user: nothing is reactivated for somebody who is forgotten. */
async function forgetAtWorkos(tx: Transaction, membership: Membership): Promise<number> {
  const { deletedCount } = await tx.collections.authkitMemberships.deleteMany(
    { membershipId: membership._id },
    { session: tx.session },
  );
  return deletedCount;
}
