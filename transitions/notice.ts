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
