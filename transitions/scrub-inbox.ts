import type { Store } from '../platform/mongo/store.ts';
import type { Traces } from './person-traces.ts';

/**
 * Removes a person from the bodies that the inbox still keeps. A body about the person goes; one about
 * somebody else that only mentions their address (a manager's, in a group event) loses the address.
 * Returns how many entries changed.
 */
export async function scrubInbox(store: Store, traces: Traces): Promise<number> {
  const { inbox } = store.collections;
  const about = await inbox.updateMany(
    { subjects: { $in: traces.directoryUserIds }, body: { $exists: true } },
    { $unset: { body: '', bodyExpiresAt: '' } },
  );
  let changed = about.modifiedCount;
  // Bodies of unknown types carry no organization that could be trusted: all kept ones are looked through.
  const kept = inbox.find({ body: { $exists: true } }).project<{ _id: string; body: string }>({
    body: 1,
  });
  for await (const { _id, body } of kept) {
    const scrubbed = withoutAddresses(body, traces.emails);
    if (scrubbed === body) continue;
    await inbox.updateOne({ _id }, { $set: { body: scrubbed } });
    changed += 1;
  }
  return changed;
}

function withoutAddresses(body: string, emails: string[]): string {
  const lower = body.toLowerCase();
  if (!emails.some((email) => lower.includes(JSON.stringify(email).slice(1, -1)))) return body;
  return JSON.stringify(JSON.parse(body), (_key, value: unknown) => {
    if (typeof value !== 'string') return value;
    const text = value.normalize('NFC').toLowerCase();
    return emails.some((email) => text.includes(email)) ? null : value;
  });
}
