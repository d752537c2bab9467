import type { GuardDocument } from '../../platform/mongo/documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { notice } from '../notice.ts';

/** Tells the admins that people wait for their decision. */
export async function noticeGuard(
  tx: Transaction,
  { _id, organizationId, directoryId }: GuardDocument,
): Promise<void> {
  await notice(tx, 'guardOpened', {
    organizationId,
    subjectId: _id,
    ...(directoryId === null ? {} : { directoryId }),
  });
}
