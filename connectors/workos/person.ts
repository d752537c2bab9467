import { linkKey } from '../../domain/link-keys.ts';
import type { UserDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import type { HostMembership } from '../host-application.ts';

/** An address of a person, as a link key. */
export interface Address {
  email: string;
  /** Somebody else of the organization who is in, or about to be let in, has it now. */
  shared: boolean;
  /**
   * Since when it is somebody else's, and theirs no more, as far as Tenure was told, which is later than it happened;
   * null: it is not shared, or is theirs too, or nobody knows.
   */
  handedOverAt: Date | null;
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
  const givenUp = givenUpBy(user);
  const known = new Set([...current, ...givenUp.keys()]);
  const all = [...known].filter((email) => email.length <= 254 && address.test(email));
  const others = await gate
    .find({
      organizationId: entry?.organizationId ?? membership.organizationId,
      emails: { $in: all },
      userId: { $ne: userId },
      'access.reason': { $in: ['open', 'opening'] },
    })
    .toArray();
  const holders = await users
    .find({ _id: { $in: others.flatMap((other) => other.userId ?? []) } })
    .toArray();
  return {
    userId,
    externalIds: [...new Set([membership.userId, userId, user?.hostUserId ?? userId])],
    addresses: all.map((email) => {
      const having = others.filter(({ emails }) => emails.includes(email));
      const shared = having.length > 0;
      // Of an address that nobody else has, or that is still theirs, no time says that it is not theirs.
      if (!shared || current.has(email)) return { email, shared, handedOverAt: null };
      const people = having.map((other) => holders.find(({ _id }) => _id === other.userId));
      const sinces = people.map((holder) => holdsSince(holder, email));
      return { email, shared, handedOverAt: latest([givenUp.get(email) ?? null, ...sinces]) };
    }),
  };
}

/** The addresses that were once the user's, with the time at which each was last given up. */
function givenUpBy(user: UserDocument | null): Map<string, Date> {
  const givenUp = new Map<string, Date>();
  for (const { email, until } of user?.emailHistory ?? []) {
    const key = linkKey(email);
    if (key !== null) givenUp.set(key, latest([until, givenUp.get(key) ?? until]) ?? until);
  }
  return givenUp;
}

/** Since when the address is a user's; null for one of another directory than the profile is from: nobody wrote it down. */
function holdsSince(user: UserDocument | undefined, email: string): Date | null {
  if (user?.emailKey !== email) return null;
  return latest([user.createdAt, ...user.emailHistory.map(({ until }) => until)]);
}

/** The latest of these times; null if one of them is not known. */
function latest(times: (Date | null)[]): Date | null {
  const known = times.filter((time) => time !== null);
  if (known.length < times.length || known.length === 0) return null;
  return new Date(Math.max(...known.map((time) => time.getTime())));
}
