import { linkKey } from '../../domain/link-keys.ts';
import type { Store } from '../../platform/mongo/store.ts';
import type { Account, Accounts, OrganizationMembership } from '../../platform/workos/accounts.ts';
import type { Person } from './person.ts';

/**
 * Thrown where an account at the person's address may as well be somebody else's who is in: to end their
 * sessions would be wrong, to call it done would be worse. Somebody has to say whose it is, by giving the
 * account the `external_id` of its person.
 */
export class AccountUnclear extends Error {
  override readonly name = 'AccountUnclear';
  readonly code = 'accountUnclear';

  constructor() {
    super('An account at WorkOS could belong to several people.');
  }
}

/** Where a person's accounts are looked for. */
export interface AccountSearch {
  accounts: Accounts;
  store: Store;
  /** WorkOS's ids of the membership's organization. */
  organizationIds: string[];
}

/** An account, with its memberships of the organization, of whatever status. */
export interface FoundAccount {
  account: Account;
  memberships: OrganizationMembership[];
}

/** A person's accounts at WorkOS user management, and the addresses that are theirs alone. */
export interface FoundAccounts {
  accounts: FoundAccount[];
  /** For what is known by its address only, as invitations are. */
  emails: string[];
}

/**
 * Finds the accounts of one person: the one whose `external_id` is the user's id, and those with an address of
 * the person that are members of the organization. An address is not enough by itself, since the company may have
 * given it to somebody else: it counts only where nobody else who is in has it. Former addresses count too,
 * because WorkOS keeps the address by which an account was made, and makes a second account at a login under
 * the new one.
 *
 * @throws AccountUnclear where somebody else who is in has the same address now, and the account there does not
 *   say whose it is
 */
export async function findAccounts(search: AccountSearch, person: Person): Promise<FoundAccounts> {
  const found = new Map<string, FoundAccount>();
  for (const externalId of person.externalIds) {
    const account = await search.accounts.byExternalId(externalId);
    if (account === null) continue;
    found.set(account.id, { account, memberships: await membershipsOf(search, account) });
  }
  for (const { email, current, shared } of person.addresses) {
    for (const account of await accountsAt(search, person, email)) {
      if (found.has(account.id)) continue;
      const memberships = await membershipsOf(search, account);
      if (memberships.length === 0) continue;
      if (!shared) found.set(account.id, { account, memberships });
      else if (current) throw new AccountUnclear();
    }
  }
  return {
    accounts: [...found.values()],
    emails: person.addresses.filter(({ shared }) => !shared).map(({ email }) => email),
  };
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
  const user = await collections.users.findOne({ _id: externalId }, { projection: { _id: 1 } });
  return user !== null;
}

async function membershipsOf(
  { accounts, organizationIds }: AccountSearch,
  { id }: Account,
): Promise<OrganizationMembership[]> {
  const found: OrganizationMembership[] = [];
  for (const organizationId of organizationIds) {
    found.push(...(await accounts.memberships(id, organizationId)));
  }
  return found;
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
