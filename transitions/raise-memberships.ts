import type { Filter } from 'mongodb';

import type { Membership } from '../domain/membership.ts';
import type { Store, Transaction } from '../platform/mongo/store.ts';
import { ensureOrganization } from './organization.ts';

/** How many memberships one batch raises: small enough to be a second's work, and to be repeated. */
const batchSize = 500;

/**
 * Records that a fact about a whole organization changed. Its memberships are made to look again by the
 * dispatchers, in batches; the answer does not wait for ten thousand people.
 */
export async function raiseOrganization(tx: Transaction, organizationId: string): Promise<void> {
  await ensureOrganization(tx, organizationId);
  await tx.collections.organizations.updateOne(
    { _id: organizationId },
    { $inc: { revision: 1 }, $set: { spreadAfter: null, spreading: true } },
    { session: tx.session },
  );
}

/**
 * Spreads changed facts of organizations to their memberships, one batch a call, resumable: where it stands
 * is written with the organization. Returns whether there may be more to do.
 */
export async function spreadOrganizations(store: Store): Promise<boolean> {
  const { organizations } = store.collections;
  const behind = await organizations.findOne({ spreading: true });
  if (behind === null) return false;
  const { _id, revision, spreadAfter } = behind;
  const last = await raiseBatch(
    store,
    { organizationId: _id, phase: { $nin: ['anonymizing', 'anonymized'] } },
    spreadAfter,
  );
  // Only while nobody changed the fact meanwhile: then the spreading begins anew, from the first.
  await organizations.updateOne(
    { _id, revision },
    last === null
      ? { $set: { spreadRevision: revision, spreadAfter: null }, $unset: { spreading: '' } }
      : { $set: { spreadAfter: last } },
  );
  return true;
}

/**
 * Makes every membership look again that `filter` finds, in batches. For the daily sweep and for the loss
 * of Temporal's memory. Returns how many were raised.
 */
export async function raiseAll(store: Store, filter: Filter<Membership>): Promise<number> {
  let raised = 0;
  let after: string | null = null;
  for (;;) {
    const ids = await nextIds(store, filter, after);
    if (ids.length === 0) return raised;
    await raise(store, ids);
    raised += ids.length;
    after = ids.at(-1) ?? null;
  }
}

async function raiseBatch(
  store: Store,
  filter: Filter<Membership>,
  after: string | null,
): Promise<string | null> {
  const ids = await nextIds(store, filter, after);
  if (ids.length > 0) await raise(store, ids);
  return ids.length < batchSize ? null : (ids.at(-1) ?? null);
}

async function nextIds(
  store: Store,
  filter: Filter<Membership>,
  after: string | null,
): Promise<string[]> {
  const found = await store.collections.memberships
    .find(after === null ? filter : { $and: [filter, { _id: { $gt: after } }] })
    .sort({ _id: 1 })
    .limit(batchSize)
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
  return found.map(({ _id }) => _id);
}

async function raise(store: Store, ids: string[]): Promise<void> {
  await store.collections.memberships.updateMany({ _id: { $in: ids } }, [
    {
      $set: {
        revision: { $add: ['$revision', 1] },
        resting: false,
        // A revocation that is still owed goes before everything else, also after an outage.
        urgent: { $or: ['$urgent', { $gt: ['$closings', '$revokedClosings'] }] },
        pendingSince: { $ifNull: ['$pendingSince', '$$NOW'] },
      },
    },
  ]);
}
