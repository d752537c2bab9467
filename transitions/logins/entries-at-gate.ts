import type { AccessQuestion, GateEntry } from '../../domain/decide-access.ts';
import type { Transaction } from '../../platform/mongo/store.ts';

/**
 * The gate's entries of one organization that any of the identities matches, or the address of the SSO
 * profile, as this transaction sees them.
 */
export async function entriesAtGate(
  tx: Transaction,
  organizationId: string,
  { userId, directoryUserId, emailKey, sso }: AccessQuestion,
): Promise<GateEntry[]> {
  const emails = [emailKey, sso?.emailKey].filter((key) => key !== undefined);
  const identities: object[] = [];
  if (userId !== undefined) identities.push({ userIds: userId });
  if (directoryUserId !== undefined) identities.push({ directoryUserIds: directoryUserId });
  if (emails.length > 0) identities.push({ emails: { $in: emails } });
  if (sso !== undefined) identities.push({ idpIds: sso.idpId });
  if (identities.length === 0) return [];
  return tx.collections.gate
    .find({ organizationId, $or: identities }, { session: tx.session })
    .toArray();
}
