import { currentRecord, type DirectoryUser } from '../../domain/directory-user.ts';
import { linkKey } from '../../domain/link-keys.ts';
import type { Membership } from '../../domain/membership.ts';
import type { UserDocument } from '../../platform/mongo/documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';

/**
 * Writes by which identities the gate finds a membership: its user, every WorkOS id of its directory users,
 * their identity providers' ids and their current e-mails. Kept in the transaction that changes them.
 */
export async function writeGateIdentities(
  tx: Transaction,
  membership: Membership,
  user: UserDocument | null,
  directoryUsers: DirectoryUser[],
): Promise<void> {
  const emails = directoryUsers.map((mirror) => linkKey(currentRecord(mirror).profile?.email));
  emails.push(user?.emailKey ?? null);
  const entry = {
    membershipId: membership._id,
    userId: membership.userId,
    userIds: [membership.userId, ...(user?.hostUserId === undefined ? [] : [user.hostUserId])],
    organizationId: membership.organizationId,
    directoryUserIds: directoryUsers.flatMap(({ records }) => records.map(({ id }) => id)),
    emails: [...new Set(emails.filter((key) => key !== null))],
    access: membership.access,
    roles: membership.roles.map(({ role }) => role),
    permissions: membership.permissions,
    features: membership.features,
  };
  const idpIds = directoryUsers.flatMap(({ idpId }) => (idpId === undefined ? [] : [idpId]));
  await tx.collections.gate.updateOne(
    { _id: membership._id },
    [{ $set: { ...literally(entry), idpIds: { $setUnion: [{ $literal: idpIds }, taught] } } }],
    { session: tx.session, upsert: true },
  );
}

/** What logins taught: no directory tells it, so none takes it away. */
const taught = { $ifNull: ['$ssoIdpIds', []] };

/** In a pipeline a text that begins with `$` is a field's name, unless it is said to be a text. */
function literally(fields: Record<string, unknown>): Record<string, { $literal: unknown }> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, { $literal: value }]),
  );
}

/**
 * Takes a directory user, and every address, from a membership that is past its commit point. The erasure
 * may wait for the host application for days, and the person who came back would be found twice until then.
 */
export async function removeGateIdentities(
  tx: Transaction,
  membershipId: string,
  mirror: DirectoryUser,
): Promise<void> {
  const ids = mirror.records.map(({ id }) => id);
  const idpIds = mirror.idpId === undefined ? [] : [mirror.idpId];
  const gone = { $concatArrays: [{ $literal: idpIds }, taught] };
  await tx.collections.gate.updateOne(
    { _id: membershipId },
    [
      {
        $set: {
          directoryUserIds: { $setDifference: ['$directoryUserIds', { $literal: ids }] },
          idpIds: { $setDifference: ['$idpIds', gone] },
          emails: [],
        },
      },
      { $unset: ['ssoIdpIds', 'ssoConnectionIds'] },
    ],
    { session: tx.session },
  );
}

/** Writes the gate's entry of a directory user that waits for a link decision: known, and denied. */
export async function writeGatePendingLink(
  tx: Transaction,
  linkRequestId: string,
  mirror: DirectoryUser,
): Promise<void> {
  const email = linkKey(currentRecord(mirror).profile?.email);
  await tx.collections.gate.replaceOne(
    { _id: linkRequestId },
    {
      membershipId: null,
      userId: null,
      userIds: [],
      organizationId: mirror.organizationId,
      directoryUserIds: mirror.records.map(({ id }) => id),
      idpIds: mirror.idpId === undefined ? [] : [mirror.idpId],
      emails: email === null ? [] : [email],
      access: { state: 'closed', reason: 'pendingLink' },
      roles: [],
      permissions: [],
      features: [],
    },
    { session: tx.session, upsert: true },
  );
}
