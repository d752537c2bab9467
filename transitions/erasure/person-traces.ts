import { linkKey } from '../../domain/link-keys.ts';
import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';

/** The WorkOS ids and e-mail addresses by which traces of the person are found. */
export interface Traces {
  directoryUserIds: string[];
  emails: string[];
}

/** Collects them before anything is forgotten: afterwards nothing leads to the rest. */
export async function tracesOf(store: Store, membership: Membership): Promise<Traces> {
  const mirrors = await store.collections.directoryUsers
    .find({ membershipId: membership._id })
    .toArray();
  const user = await store.collections.users.findOne({ _id: membership.userId });
  const emails = [
    ...mirrors.flatMap(({ records }) => records.map(({ profile }) => profile?.email)),
    user?.profile?.email,
    ...(user?.emailHistory ?? []).map(({ email }) => email),
  ];
  return {
    directoryUserIds: mirrors.flatMap(({ records }) => records.map(({ id }) => id)),
    emails: [...new Set(emails.map(linkKey).filter((email) => email !== null))],
  };
}
