import { isNewer } from '../domain/versions.ts';
import type { DirectoryUser } from '../domain/directory-user.ts';
import { newId } from '../platform/ids.ts';
import type { Transaction } from '../platform/mongo/store.ts';
import type { UserTelling } from './telling.ts';

/**
 * The mirror of the person an event tells of: by any WorkOS id they ever had, or by (directory, idp_id),
 * under which a re-created person comes back. A new, unlinked one where neither is known.
 */
export async function findMirror(
  tx: Transaction,
  organizationId: string,
  telling: UserTelling,
): Promise<DirectoryUser> {
  const { directoryId, idpId, record } = telling;
  const either = [{ 'records.id': record.id }, ...(idpId === null ? [] : [{ directoryId, idpId }])];
  const found = await tx.collections.directoryUsers
    .find({ $or: either }, { session: tx.session })
    .toArray();
  const byId = found.find(({ records }) => records.some(({ id }) => id === record.id)) ?? null;
  if (byId !== null && (idpId === null || byId.idpId === idpId)) return byId;
  const byIdp = found.find((mirror) => mirror !== byId) ?? null;
  if (byId === null) return byIdp ?? newMirror(organizationId, telling);
  if (byIdp === null) {
    // The identity provider's id changed, or comes back with a person who was forgotten. Of a forgotten one
    // who is not back it stays out: often it is an e-mail address. An outdated telling changes nothing.
    const known = byId.idpId !== undefined || record.state === 'active';
    const held = byId.records.find(({ id }) => id === record.id)?.version ?? null;
    if (known && isNewer(record.version, held)) byId.idpId = idpId ?? '';
    return byId;
  }
  return joined(tx, byId, byIdp);
}

function newMirror(organizationId: string, telling: UserTelling): DirectoryUser {
  return {
    _id: newId('mirror'),
    directoryId: telling.directoryId,
    organizationId,
    ...(telling.idpId === null ? {} : { idpId: telling.idpId }),
    records: [],
    membershipId: null,
    factsRevision: 0,
  };
}

/**
 * Two mirrors turn out to be one person: one was known by its id only (a removal that came before the
 * creation). The unlinked one goes into the other; two linked ones stay apart, since nobody is merged.
 */
async function joined(
  tx: Transaction,
  byId: DirectoryUser,
  byIdp: DirectoryUser,
): Promise<DirectoryUser> {
  if (byId.membershipId !== null) return byId;
  await tx.collections.directoryUsers.deleteOne({ _id: byId._id }, { session: tx.session });
  for (const record of byId.records) {
    const held = byIdp.records.find(({ id }) => id === record.id);
    if (held === undefined) byIdp.records.push(record);
    else if (isNewer(record.version, held.version)) Object.assign(held, record);
  }
  // Written now: should the event turn out to be stale, what was joined must not be lost with it.
  await tx.collections.directoryUsers.replaceOne({ _id: byIdp._id }, byIdp, {
    session: tx.session,
  });
  return byIdp;
}
