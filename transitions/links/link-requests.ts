import { currentRecord, type DirectoryUser } from '../../domain/directory-user.ts';
import { newId } from '../../platform/ids.ts';
import type { LinkRequestDocument } from '../../platform/mongo/link-documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { writeGatePendingLink } from '../membership/gate-identities.ts';
import { notice } from '../notice.ts';

/** Why an admin is asked, and whom the directory user may be. */
export type LinkDoubt = Pick<LinkRequestDocument, 'cause' | 'candidateUserIds' | 'refusedKeys'>;

/**
 * Asks an admin about a directory user; until the answer the gate knows the person and denies. A request
 * that is open already is brought up to date: whom it is about may have changed since.
 */
export async function requestLink(
  tx: Transaction,
  mirror: DirectoryUser,
  doubt: LinkDoubt,
): Promise<void> {
  const { session } = tx;
  const open = await openRequest(tx, mirror);
  const requestId = open?._id ?? newId('link_request');
  if (open === null) {
    const request: LinkRequestDocument = {
      _id: requestId,
      organizationId: mirror.organizationId,
      directoryUserId: currentRecord(mirror).id,
      ...doubt,
      createdAt: tx.at,
      resolution: null,
      userId: null,
      membershipId: null,
      resolvedBy: null,
      resolvedAt: null,
      reasonId: null,
    };
    await tx.collections.linkRequests.insertOne(request, { session });
    await notice(tx, 'linkRequested', {
      organizationId: mirror.organizationId,
      directoryId: mirror.directoryId,
      subjectId: requestId,
    });
  } else {
    await tx.collections.linkRequests.updateOne(
      { _id: requestId },
      { $set: { ...doubt } },
      { session },
    );
  }
  await writeGatePendingLink(tx, requestId, mirror);
}

/** The request about a directory user that still waits, whichever of their WorkOS ids it names. */
export async function openRequest(
  tx: Transaction,
  mirror: DirectoryUser,
): Promise<LinkRequestDocument | null> {
  return tx.collections.linkRequests.findOne(
    { directoryUserId: { $in: idsOf(mirror) }, resolution: null },
    { session: tx.session },
  );
}

/**
 * The question has answered itself: the person left, or nothing is in doubt any more. The gate's row of the
 * request goes with it, or the person would be found twice.
 */
export async function withdrawRequest(tx: Transaction, mirror: DirectoryUser): Promise<void> {
  const { session } = tx;
  const open = await openRequest(tx, mirror);
  if (open === null) return;
  await tx.collections.linkRequests.updateOne(
    { _id: open._id },
    { $set: { resolution: 'withdrawn', resolvedBy: 'directory', resolvedAt: tx.at } },
    { session },
  );
  await tx.collections.gate.deleteOne({ _id: open._id }, { session });
}

/** Whether an admin said that this directory user stays without access, and they have not left since. */
export async function isIgnored(tx: Transaction, mirror: DirectoryUser): Promise<boolean> {
  const found = await tx.collections.linkRequests.findOne(ignoredOf(mirror), {
    session: tx.session,
    projection: { _id: 1 },
  });
  return found !== null;
}

/**
 * Somebody who was ignored left: should they come back, that is a new question. Why they were ignored is
 * forgotten with it, since an admin's words may name them and nothing else would ever erase those.
 */
export async function lapseIgnored(tx: Transaction, mirror: DirectoryUser): Promise<void> {
  const { session } = tx;
  const ignored = await tx.collections.linkRequests.find(ignoredOf(mirror), { session }).toArray();
  if (ignored.length === 0) return;
  const reasonIds = ignored.map(({ reasonId }) => reasonId).filter((id) => id !== null);
  await tx.collections.reasons.deleteMany({ _id: { $in: reasonIds } }, { session });
  await tx.collections.linkRequests.updateMany(
    { _id: { $in: ignored.map(({ _id }) => _id) } },
    { $set: { lapsed: true } },
    { session },
  );
}

function ignoredOf(mirror: DirectoryUser): object {
  return {
    directoryUserId: { $in: idsOf(mirror) },
    resolution: 'ignore',
    lapsed: { $exists: false },
  };
}

function idsOf(mirror: DirectoryUser): string[] {
  return mirror.records.map(({ id }) => id);
}
