import { linkKey } from '../../domain/link-keys.ts';
import type { Store } from '../../platform/mongo/store.ts';
import type { Account, Accounts } from '../../platform/workos/accounts.ts';
import { AccountUnclear, ApiKeysForbidden, type Doubt } from './doubts.ts';
import type { Address, Person } from './person.ts';
import { hasTrace, letsIn, readAccount, type FoundAccount } from './read-account.ts';

/** Where a person's accounts are looked for. */
export interface AccountSearch {
  accounts: Accounts;
  store: Store;
  /** WorkOS's ids of the membership's organization. */
  organizationIds: string[];
}

/** A person's accounts at WorkOS user management, and the addresses that are theirs alone. */
export interface FoundAccounts {
  accounts: FoundAccount[];
  /** For what is known by its address only, as invitations are. */
  emails: string[];
  /** Why there may be more that is theirs; null: there is not. */
  doubt: Doubt | null;
}

/**
 * WorkOS says when an account was made, Tenure when an address changed hands. The two clocks may differ by as much as
 * a webhook's signature allows. Milliseconds.
 */
const clocksDifferMs = 300_000;

/**
 * Finds the accounts of one person: the one whose `external_id` is the user's id, and those with an address of
 * the person that have a trace in the organization (a membership, a live session, a key). An address is not enough
 * by itself, since the company may have given it to somebody else: it counts only where nobody else who is in has
 * it. Former addresses count too, because WorkOS keeps the address by which an account was made, and makes a second
 * account at a login under the new one.
 *
 * Where somebody else who is in has the address now, an account that was made after it changed hands is theirs. Any
 * other one may be either's: whoever made it, WorkOS lets in the one who has the address now, and the one who knows
 * the password. It is left alone, and is a doubt as long as it lets anybody in.
 */
export async function findAccounts(search: AccountSearch, person: Person): Promise<FoundAccounts> {
  const { accounts, organizationIds } = search;
  const found = new Map<string, FoundAccount>();
  let doubt: Doubt | null = null;
  for (const externalId of person.externalIds) {
    const account = await accounts.byExternalId(externalId);
    if (account === null || found.has(account.id)) continue;
    found.set(account.id, await readAccount(accounts, organizationIds, account));
  }
  for (const address of person.addresses) {
    for (const account of await accountsAt(search, person, address.email)) {
      if (found.has(account.id) || isNewHolders(account, address)) continue;
      const candidate = await readAccount(accounts, organizationIds, account);
      const isOfOrganization = hasTrace(candidate, organizationIds);
      if (isOfOrganization && !address.shared) found.set(account.id, candidate);
      else if (isOfOrganization && letsIn(candidate, organizationIds)) doubt = new AccountUnclear();
      else if (candidate.apiKeys === null) doubt ??= new ApiKeysForbidden();
    }
  }
  if ([...found.values()].some(({ apiKeys }) => apiKeys === null)) doubt ??= new ApiKeysForbidden();
  return {
    accounts: [...found.values()],
    emails: person.addresses.filter(({ shared }) => !shared).map(({ email }) => email),
    doubt,
  };
}

/** Made at an address when it was somebody else's already: by nobody who had given it up before. */
function isNewHolders({ createdAt }: Account, { handedOverAt }: Address): boolean {
  if (createdAt === null || handedOverAt === null) return false;
  return createdAt.getTime() - handedOverAt.getTime() > clocksDifferMs;
}

/** Accounts at an address, without those that say that they are another's. */
async function accountsAt(
  { accounts, store }: AccountSearch,
  person: Person,
  email: string,
): Promise<Account[]> {
  const found: Account[] = [];
  for (const account of await accounts.byEmail(email)) {
    if (linkKey(account.email) !== email) continue;
    if (!(await belongsToAnother(store, person, account))) found.push(account);
  }
  return found;
}

/** An `external_id` that Tenure does not know says nothing: the host application may mean something else by it. */
async function belongsToAnother(
  { collections }: Store,
  { externalIds }: Person,
  { externalId }: Account,
): Promise<boolean> {
  if (externalId === null || externalIds.includes(externalId)) return false;
  // Two reads: as one part of an `$or` a partial index is not used, and all users would be read.
  const only = { projection: { _id: 1 } };
  const user =
    (await collections.users.findOne({ _id: externalId }, only)) ??
    (await collections.users.findOne({ hostUserId: externalId }, only));
  return user !== null;
}

/**
 * Whether another user who is in somewhere has the account's address: in another organization the same human is
 * another user, and has the same account. What the account has there is not this person's to lose.
 */
export async function isSharedElsewhere(
  { collections }: Store,
  { userId }: Person,
  { email }: Account,
): Promise<boolean> {
  const emailKey = linkKey(email);
  if (emailKey === null) return false;
  const users = await collections.users
    .find({ emailKey, _id: { $ne: userId } }, { projection: { _id: 1 } })
    .toArray();
  const open = await collections.memberships.findOne(
    { userId: { $in: users.map(({ _id }) => _id) }, 'access.state': 'open' },
    { projection: { _id: 1 } },
  );
  return open !== null;
}
