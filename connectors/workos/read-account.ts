import { OutgoingFailed } from '../../platform/outgoing/outgoing-failed.ts';
import type {
  Account,
  AccountItem,
  Accounts,
  OrganizationMembership,
} from '../../platform/workos/accounts.ts';

/** An account, and what lets somebody in through it. */
export interface FoundAccount {
  account: Account;
  /** Those of the organization that was left, of whatever status. */
  memberships: OrganizationMembership[];
  /** The live ones, of every organization. */
  sessions: AccountItem[];
  /** Of every organization; null: WorkOS does not let Tenure list them. */
  apiKeys: AccountItem[] | null;
}

/**
 * Reads an account whole.
 *
 * @param organizationIds WorkOS's ids of the organization that was left
 */
export async function readAccount(
  accounts: Accounts,
  organizationIds: string[],
  account: Account,
): Promise<FoundAccount> {
  const memberships: OrganizationMembership[] = [];
  for (const organizationId of organizationIds) {
    memberships.push(...(await accounts.memberships(account.id, organizationId)));
  }
  const sessions = await accounts.sessions(account.id);
  return { account, memberships, sessions, apiKeys: await readableKeys(accounts, account) };
}

async function readableKeys(accounts: Accounts, { id }: Account): Promise<AccountItem[] | null> {
  try {
    return await accounts.apiKeys(id);
  } catch (error) {
    if (error instanceof OutgoingFailed && error.status === 403) return null;
    throw error;
  }
}

/**
 * Whether the account has to do with the organization. Not by its membership alone: WorkOS's may be gone, and a
 * session of that organization live on.
 */
export function hasTrace(found: FoundAccount, organizationIds: string[]): boolean {
  const isThere = ({ organizationId }: AccountItem): boolean =>
    organizationId !== null && organizationIds.includes(organizationId);
  return (
    found.memberships.length > 0 ||
    found.sessions.some(isThere) ||
    (found.apiKeys ?? []).some(isThere)
  );
}

/** Whether anything of it that can be read lets somebody into the organization, or into none in particular. */
export function letsIn(found: FoundAccount, organizationIds: string[]): boolean {
  const isAlive = ({ organizationId }: AccountItem): boolean =>
    organizationId === null || organizationIds.includes(organizationId);
  return (
    found.memberships.some(({ status }) => status !== 'inactive') ||
    found.sessions.some(isAlive) ||
    (found.apiKeys ?? []).some(isAlive)
  );
}
