import type { Store } from '../../platform/mongo/store.ts';
import type { AuthkitMembershipDocument } from '../../platform/mongo/authkit-membership-document.ts';
import type { Accounts } from '../../platform/workos/accounts.ts';

const batchSize = 50;
/** A refusal stands until somebody changes something at WorkOS: it is not asked again every few seconds. */
const refusedPauseMs = 600_000;

type OnRefused = (id: string, pauseMs: number) => Promise<void>;

/**
 * Reactivates at WorkOS the organization memberships that Tenure deactivated, of people who were let in again.
 * Done beside the lifecycle, so that nobody waits at the door for WorkOS, and repeated until WorkOS answers.
 * What somebody else deactivated stays as it is: Tenure has no line about it.
 *
 * What WorkOS refuses to reactivate, though it knows it and says that it is not active, is asked for again after ten
 * minutes, for ever, and told of by the notice `reactivationRefused`: the person is in, and cannot sign in there.
 *
 * The person may leave again meanwhile, and the revocation may have read before the reactivation arrived. So
 * the membership is read once more afterwards, and what was reactivated is deactivated again where they left.
 *
 * @param onRefused is told WorkOS's id of what it refused, and puts it back by the pause, in milliseconds
 * @returns whether there may be more
 */
export async function reactivateMemberships(
  store: Store,
  accounts: Accounts,
  onRefused: OnRefused,
): Promise<boolean> {
  const wanted = await store.collections.authkitMemberships
    .find({ reactivateSince: { $exists: true, $lte: new Date() } })
    .sort({ reactivateSince: 1 })
    .limit(batchSize)
    .toArray();
  let failed: unknown = null;
  for (const line of wanted) {
    try {
      const refused = await reactivate(store, accounts, line);
      if (refused) await onRefused(line._id, refusedPauseMs);
    } catch (error) {
      failed = error;
      await putBack(store, line);
    }
  }
  if (failed !== null) throw failed;
  return wanted.length === batchSize;
}

/** One that WorkOS refuses for good stands behind the others, not in their way. */
async function putBack(store: Store, { _id }: AuthkitMembershipDocument): Promise<void> {
  await store.collections.authkitMemberships.updateOne(
    { _id, reactivateSince: { $exists: true } },
    { $set: { reactivateSince: new Date() } },
  );
}

/** Returns whether WorkOS refuses it, and the person is still in. */
async function reactivate(
  store: Store,
  accounts: Accounts,
  line: AuthkitMembershipDocument,
): Promise<boolean> {
  const { authkitMemberships } = store.collections;
  const done = !(await isIn(store, line)) || (await isReactivated(accounts, line));
  if (await isIn(store, line)) {
    if (!done) return true;
    // By its time: the line of a leaving that came meanwhile stays for the next return.
    await authkitMemberships.deleteOne({ _id: line._id, deactivatedAt: line.deactivatedAt });
    return false;
  }
  await accounts.deactivateMembership(line._id);
  await authkitMemberships.updateOne({ _id: line._id }, { $unset: { reactivateSince: '' } });
  return false;
}

/**
 * What was just deactivated is to work again where the person is in: a revocation that stood still for long, in a
 * process that was frozen and taken for dead, may reach WorkOS after the return that another one made possible.
 * Nothing else would ever tell WorkOS then, and somebody who is in could not sign in.
 */
export async function wantBackIfIn(
  store: Store,
  line: Pick<AuthkitMembershipDocument, '_id' | 'membershipId'>,
): Promise<void> {
  if (!(await isIn(store, line))) return;
  const at = new Date();
  const { _id, membershipId } = line;
  // The return may have been told to WorkOS before, and the line be gone with it.
  await store.collections.authkitMemberships.updateOne(
    { _id },
    { $set: { membershipId, deactivatedAt: at, reactivateSince: at } },
    { upsert: true },
  );
}

/** A refusal alone says nothing: it may be active already, or gone. */
async function isReactivated(
  accounts: Accounts,
  { _id }: AuthkitMembershipDocument,
): Promise<boolean> {
  if (await accounts.reactivateMembership(_id)) return true;
  const now = await accounts.membership(_id);
  return now === null || now.status === 'active';
}

async function isIn(
  store: Store,
  line: Pick<AuthkitMembershipDocument, 'membershipId'>,
): Promise<boolean> {
  const membership = await store.collections.memberships.findOne(
    { _id: line.membershipId },
    { projection: { access: 1 } },
  );
  return membership?.access.state === 'open';
}
