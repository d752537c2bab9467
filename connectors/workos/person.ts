import { linkKey } from '../../domain/link-keys.ts';
import type { Store } from '../../platform/mongo/store.ts';
import type { HostMembership } from '../host-application.ts';

/** An address of a person, as a link key. */
export interface Address {
  email: string;
  /** Theirs now; else they had it once. */
  current: boolean;
  /** Somebody else of the organization who is in, or about to be let in, has it now. */
  shared: boolean;
}

/** Whom a membership is about, as WorkOS user management may know them. */
export interface Person {
  /** Tenure's user. */
  userId: string;
  /** Every id that the host application may have given an account: its own, and Tenure's. */
  externalIds: string[];
  addresses: Address[];
}

/** What a directory holds as an address may be anything; WorkOS refuses to look for what no account can have. */
const address = /^[^\s@]+@[^\s@]+$/;

/** Reads by which ids and addresses a person's accounts can be recognized. */
export async function personOf(
  { collections }: Store,
  membership: HostMembership,
): Promise<Person> {
  const { gate, users } = collections;
  const entry = await gate.findOne({ _id: membership.membershipId });
  const userId = entry?.userId ?? membership.userId;
  const user = await users.findOne({ _id: userId });
  const current = new Set(
    [...(entry?.emails ?? []), user?.emailKey ?? null].filter((email) => email !== null),
  );
  const former = (user?.emailHistory ?? []).map(({ email }) => linkKey(email));
  const known = new Set([...current, ...former.filter((email) => email !== null)]);
  const all = [...known].filter((email) => email.length <= 254 && address.test(email));
  const others = await gate
    .find({
      organizationId: entry?.organizationId ?? membership.organizationId,
      emails: { $in: all },
      userId: { $ne: userId },
      'access.reason': { $in: ['open', 'opening'] },
    })
    .toArray();
  const taken = new Set(others.flatMap(({ emails }) => emails));
  return {
    userId,
    externalIds: [...new Set([membership.userId, userId, user?.hostUserId ?? userId])],
    addresses: all.map((email) => ({
      email,
      current: current.has(email),
      shared: taken.has(email),
    })),
  };
}
