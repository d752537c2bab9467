import type { Store } from '../../platform/mongo/store.ts';
import type { AuthkitMembershipDocument } from '../../platform/mongo/authkit-membership-document.ts';
import type { Accounts } from '../../platform/workos/accounts.ts';

const batchSize = 50;

/**
 * Reactivates at WorkOS the organization memberships that Tenure deactivated, of people who were let in again.
 * Done beside the lifecycle, so that nobody waits at the door for WorkOS, and repeated until WorkOS answers.
 * What somebody else deactivated stays as it is: Tenure has no line about it.
 *
 * The person may leave again meanwhile, and the revocation may have read before the reactivation arrived. So
 * the membership is read once more afterwards, and what was reactivated is deactivated again where they left.
 *
 * @returns whether there may be more
 */
export async function reactivateMemberships(store: Store, accounts: Accounts): Promise<boolean> {
  const wanted = await store.collections.authkitMemberships
    .find({ reactivateSince: { $exists: true } })
    .sort({ reactivateSince: 1 })
    .limit(batchSize)
    .toArray();
  let failed: unknown = null;
  for (const line of wanted) {
    try {
      await reactivate(store, accounts, line);
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

async function reactivate(
  store: Store,
  accounts: Accounts,
  line: AuthkitMembershipDocument,
): Promise<void> {
  const { authkitMemberships } = store.collections;
  if (await isIn(store, line)) await accounts.reactivateMembership(line._id);
  if (await isIn(store, line)) {
    // By its time: the line of a leaving that came meanwhile stays for the next return.
    await authkitMemberships.deleteOne({ _id: line._id, deactivatedAt: line.deactivatedAt });
    return;
  }
  await accounts.deactivateMembership(line._id);
  await authkitMemberships.updateOne({ _id: line._id }, { $unset: { reactivateSince: '' } });
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
