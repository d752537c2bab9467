import type { Transaction } from '../../platform/mongo/store.ts';
import type { SsoProfile } from './login.ts';

/**
 * From now on the gate finds the membership by an id of the identity provider that a login taught. Rows of
 * people who are being forgotten let go of it: the person would be found twice until that is done.
 */
export async function learnIdentity(
  tx: Transaction,
  { _id, organizationId }: { _id: string; organizationId: string },
  { idpId, connectionId }: Pick<SsoProfile, 'idpId' | 'connectionId'>,
): Promise<void> {
  const { session } = tx;
  const { gate } = tx.collections;
  const connection = connectionId === null ? {} : { ssoConnectionIds: connectionId };
  await gate.updateOne(
    { _id },
    { $addToSet: { idpIds: idpId, ssoIdpIds: idpId, ...connection } },
    { session },
  );
  await gate.updateMany(
    { _id: { $ne: _id }, organizationId, idpIds: idpId, 'access.reason': 'anonymized' },
    { $pull: { idpIds: idpId, ssoIdpIds: idpId } },
    { session },
  );
}
