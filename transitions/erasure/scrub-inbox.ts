import type { Store } from '../../platform/mongo/store.ts';
import type { Traces } from './person-traces.ts';

/**
 * Removes a person from the bodies that the inbox still keeps. A body about the person goes; one about
 * somebody else that only mentions their address (a manager's, in a group event) loses the address.
 * Returns how many entries changed.
 */
export async function scrubInbox(
  store: Store,
  membershipId: string,
  traces: Traces,
): Promise<number> {
  const { inbox } = store.collections;
  const about = await inbox.updateMany(
    { subjects: { $in: traces.directoryUserIds }, body: { $exists: true } },
    {
      $unset: { body: '', bodyExpiresAt: '' },
      // Of an edge that waited in quarantine: the line must not say which group it was.
      $pull: { subjects: { $nin: traces.directoryUserIds } },
    },
  );
  let changed = about.modifiedCount;
  await forgetReasons(store, traces.directoryUserIds);
  const gone = await nobodysAddresses(store, membershipId, traces.emails);
  // Bodies of unknown types carry no organization that could be trusted: all kept ones are looked through.
  const kept = inbox
    .find({ bodyExpiresAt: { $exists: true }, body: { $exists: true } })
    .project<{ _id: string; body: string }>({ body: 1 });
  for await (const { _id, body } of kept) {
    const scrubbed = withoutAddresses(body, gone);
    if (scrubbed === body) continue;
    await inbox.updateOne({ _id }, { $set: { body: scrubbed } });
    changed += 1;
  }
  return changed;
}

/** Why an admin retried or discarded an event about the person: such words may name them. */
async function forgetReasons(store: Store, directoryUserIds: string[]): Promise<void> {
  const { inbox, reasons } = store.collections;
  const handled = await inbox
    .find({ subjects: { $in: directoryUserIds }, 'handled.reasonId': { $type: 'string' } })
    .toArray();
  const ids = handled.flatMap((entry) => entry.handled?.reasonId ?? []);
  if (ids.length > 0) await reasons.deleteMany({ _id: { $in: ids } });
}

/**
 * Bodies of other organizations are looked through as well: an address that somebody who is known has there,
 * perhaps the same person by another membership, is theirs, and what waits about them must stay whole.
 */
async function nobodysAddresses(
  store: Store,
  membershipId: string,
  emails: string[],
): Promise<string[]> {
  const inUse = await store.collections.gate
    .find({ emails: { $in: emails }, _id: { $ne: membershipId } })
    .toArray();
  return emails.filter((email) => !inUse.some((entry) => entry.emails.includes(email)));
}

function withoutAddresses(body: string, emails: string[]): string {
  const lower = body.normalize('NFC').toLowerCase();
  if (!emails.some((email) => lower.includes(JSON.stringify(email).slice(1, -1)))) return body;
  return JSON.stringify(JSON.parse(body), (_key, value: unknown) => {
    if (typeof value !== 'string') return value;
    const text = value.normalize('NFC').toLowerCase();
    return emails.some((email) => text.includes(email)) ? null : value;
  });
}
