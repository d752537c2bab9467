import type { NoticeDocument } from '../platform/mongo/documents.ts';
import { newId } from '../platform/ids.ts';
import type { Transaction } from '../platform/mongo/store.ts';

/** Writes down something an admin should know, in the transaction that saw it. Ids and enums only. */
export async function notice(
  tx: Transaction,
  code: NoticeDocument['code'],
  about: { organizationId?: string; directoryId?: string; subjectId?: string },
): Promise<void> {
  await tx.collections.notices.insertOne(
    {
      _id: newId('notice'),
      code,
      organizationId: about.organizationId ?? null,
      directoryId: about.directoryId ?? null,
      subjectId: about.subjectId ?? null,
      at: tx.at,
    },
    { session: tx.session },
  );
}

/** As `notice`, unless the same was said of the same before: what is met again at every try is said once. */
export async function noticeOnce(
  tx: Transaction,
  code: NoticeDocument['code'],
  about: { organizationId?: string; directoryId?: string; subjectId: string },
): Promise<void> {
  const told = await tx.collections.notices.findOne(
    { code, subjectId: about.subjectId },
    { session: tx.session, projection: { _id: 1 } },
  );
  if (told === null) await notice(tx, code, about);
}
