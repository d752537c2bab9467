import { isNewer } from '../domain/versions.ts';
import type { Transaction } from '../platform/mongo/store.ts';
import { notice } from '../transitions/notice.ts';
import { settlePerson } from '../transitions/settle-person.ts';
import type { Applied, IntakeRules } from './applied.ts';
import { ensureDirectory } from './apply-directory.ts';
import { findMirror } from './find-mirror.ts';
import type { UserTelling } from './telling.ts';

/**
 * Applies what an event or a listing tells of one directory user: mirror, link and membership, in the
 * caller's transaction. Access closes here where the last backing goes.
 */
export async function applyUser(
  tx: Transaction,
  telling: UserTelling,
  rules: IntakeRules,
  receivedAt: Date,
): Promise<Applied> {
  const { organization } = await ensureDirectory(tx, telling, rules.file);
  const mirror = await findMirror(tx, organization._id, telling);
  const held = mirror.records.find(({ id }) => id === telling.record.id);
  const nothing = { organizationId: organization._id, urgent: [], touched: [] };
  if (!isNewer(telling.record.version, held?.version ?? null)) {
    return { ...nothing, outcome: 'stale' };
  }
  const firstSeen = mirror.records.length === 0;
  mirror.records = [
    ...mirror.records.filter(({ id }) => id !== telling.record.id),
    { ...telling.record },
  ];
  const settled = await settlePerson(tx, {
    mirror,
    firstSeen,
    organization,
    file: rules.file,
    newUserId: rules.newUserId,
    receivedAt,
    cause: 'directory',
  });
  if (settled.nobody && telling.record.state === 'deleted') {
    // A line for investigation: a removal never creates.
    await notice(tx, 'unknownRemoval', {
      organizationId: mirror.organizationId,
      directoryId: mirror.directoryId,
      subjectId: telling.record.id,
    });
  }
  return { ...nothing, outcome: 'applied', ...signalsOf(settled) };
}

/** Who is to be signalled, and how soon. */
function signalsOf({
  membershipId,
  urgent,
}: {
  membershipId: string | null;
  urgent: boolean;
}): Partial<Pick<Applied, 'urgent' | 'touched'>> {
  if (membershipId === null) return {};
  return urgent ? { urgent: [membershipId] } : { touched: [membershipId] };
}
