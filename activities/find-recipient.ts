import type { HostApplication } from '../connectors/host-application.ts';
import { currentRecord } from '../domain/directory-user.ts';
import { linkKey } from '../domain/link-keys.ts';
import type { Membership } from '../domain/membership.ts';
import type { Policy } from '../domain/policy.ts';
import type { ActivityDeps } from './deps.ts';

/**
 * Who receives the resources of a leaver: the first of the policy's recipients who is there now. The
 * organization's own account always is, so nothing is ever left to nobody.
 */
export async function findRecipient(
  deps: ActivityDeps,
  host: HostApplication,
  membership: Membership,
  policy: Policy,
): Promise<string> {
  for (const recipient of policy.ownership.recipients) {
    if (recipient === 'organization') break;
    const userId =
      recipient === 'manager'
        ? await managerOf(deps, membership)
        : await openUser(deps, membership, recipient.userId);
    if (userId !== null) return userId;
  }
  return host.organizationOwner(membership.organizationId);
}

/**
 * The manager: the one open membership of the same organization with the e-mail that the directory names
 * as manager at this moment. Two with that address, or none: nobody, and the next recipient counts.
 */
async function managerOf(deps: ActivityDeps, membership: Membership): Promise<string | null> {
  const mirrors = await deps.store.collections.directoryUsers
    .find({ membershipId: membership._id })
    .toArray();
  const managers = mirrors.map((mirror) => linkKey(currentRecord(mirror).profile?.managerEmail));
  const email = managers.find((key) => key !== null);
  if (email === undefined) return null;
  const found = await deps.store.collections.gate
    .find({
      organizationId: membership.organizationId,
      emails: email,
      'access.state': 'open',
      _id: { $ne: membership._id },
    })
    .limit(2)
    .toArray();
  return found.length === 1 ? (found[0]?.userId ?? null) : null;
}

async function openUser(
  deps: ActivityDeps,
  membership: Membership,
  userId: string,
): Promise<string | null> {
  const found = await deps.store.collections.memberships.findOne(
    {
      userId,
      organizationId: membership.organizationId,
      'access.state': 'open',
      _id: { $ne: membership._id },
    },
    { projection: { userId: 1 } },
  );
  return found?.userId ?? null;
}
