import { isDeepStrictEqual } from 'node:util';

import type { DirectoryRecord, DirectoryUser } from '../domain/directory-user.ts';
import type { DirectoryGroupDocument } from '../platform/mongo/documents.ts';
import type { GroupTelling, UserTelling } from './telling.ts';

/** How what WorkOS lists stands to the mirror. `same`: there is nothing to take in. */
export type Comparison = 'same' | 'added' | 'changed';

/** Compares a listed directory user with their mirror, without a transaction: nearly everybody is the same. */
export function compareUser(mirror: DirectoryUser | undefined, telling: UserTelling): Comparison {
  const held = mirror?.records.find(({ id }) => id === telling.record.id);
  if (mirror === undefined || held === undefined) return 'added';
  if (held.state !== telling.record.state) return 'changed';
  if (mirror.directoryId !== telling.directoryId) return 'changed';
  // Of strangers and forgotten people only ids and versions are kept, unless they are in.
  if (held.profile === null) return held.state === 'active' ? 'changed' : 'same';
  const otherIdp = telling.idpId !== null && telling.idpId !== mirror.idpId;
  if (otherIdp || isBornEarlier(telling.record, held)) return 'changed';
  const alike =
    isDeepStrictEqual(held.profile, telling.record.profile) &&
    isDeepStrictEqual(held.roles, telling.record.roles);
  return alike ? 'same' : 'changed';
}

function isBornEarlier(told: DirectoryRecord, held: DirectoryRecord): boolean {
  return told.bornAtMs !== null && (held.bornAtMs === null || told.bornAtMs < held.bornAtMs);
}

/** Compares a listed group with the mirror. */
export function compareGroup(
  held: DirectoryGroupDocument | undefined,
  telling: GroupTelling,
): Comparison {
  // Until something told of the group itself it was known by its edges only.
  if (held === undefined || held.version === null) return 'added';
  const alike = held.state === telling.state && held.name === telling.name;
  return alike && held.directoryId === telling.directoryId ? 'same' : 'changed';
}
